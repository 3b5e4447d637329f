// event_loop: asyncio's scheduling on top of an Asio executor.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/callback.hpp>
#include <rondo/detail/core.hpp>
#include <rondo/task.hpp>
#include <rondo/time.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE

template <class T>
class concurrent_future;
class executor;

/// A callback that waits for its turn; from `call_soon`, `call_later`, `call_at`. Copies mean the same callback.
/// Thread safety: the loop's thread; a handle from `call_soon_threadsafe` may be cancelled on any thread.
class RONDO_EXPORT callback_handle {
public:
  callback_handle() noexcept = default;

  /// Prevents the callback from running and drops the callable at once (one from `call_soon_threadsafe`: at its turn).
  /// Does nothing if it ran or was cancelled.
  void cancel();

  bool cancelled() const;

  /// When it is due; nothing for callbacks without a time. asyncio: `TimerHandle.when`.
  std::optional<clock::time_point> when() const;

  explicit operator bool() const noexcept { return node_ != nullptr; }
  friend bool operator==(const callback_handle&, const callback_handle&) noexcept = default;

  // For the library itself.
  callback_handle(detail::ref<detail::callback_node> node, bool threadsafe) noexcept
      : node_(std::move(node)), threadsafe_(threadsafe) {}

private:
  detail::ref<detail::callback_node> node_;
  bool threadsafe_ = false;
};

/// What an exception handler is told.
struct exception_context {
  std::string message;
  std::exception_ptr exception = nullptr;
  any_future future = {};
  any_task task = {};
  callback_handle handle = {};
};

/// An event loop: one serial executor with asyncio's order of things on top.
///
/// A handle; handles for equal executors are the same loop. A loop is *owned* if `run`, `runner` or `loop_thread` made
/// it, and *attached* if it was made from an executor of yours: that of an `io_context` that one thread runs, or a
/// strand of anything. An attached loop counts as one unit of outstanding work while it has an unfinished task that is
/// not a background task, and ends with its execution context: everything that still waits is destroyed then.
///
/// Thread safety: everything happens on the thread that runs the executor, except where another is stated.
/// asyncio: `AbstractEventLoop`.
class RONDO_EXPORT event_loop {
public:
  using exception_handler = std::function<void(event_loop, const exception_context&)>;

  /// Attaches to a serial executor. Tasks and callbacks may be created before the executor runs, on one thread.
  /// Throws: `std::invalid_argument` for an empty executor.
  explicit event_loop(boost::asio::any_io_executor serial_executor);

  event_loop(const event_loop&) noexcept = default;
  event_loop& operator=(const event_loop&) noexcept = default;

  friend bool operator==(const event_loop&, const event_loop&) noexcept = default;

  /// Calls `f()` in the next pass, after what is ready already. An exception goes to the exception handler.
  /// `c` is the context in which f runs, by default a copy of the current one.
  /// Throws: `std::runtime_error("Event loop is closed")`; in debug mode `std::runtime_error` on a wrong thread.
  template <class F>
  callback_handle call_soon(F&& f, std::optional<context> c = std::nullopt,
                            std::source_location where = std::source_location::current()) const {
    return add(make_callback("call_soon", std::forward<F>(f), std::move(c), where));
  }

  /// Calls `f()` after a delay. A delay of zero or less means the next pass.
  template <class F>
  callback_handle call_later(time_limit delay, F&& f, std::optional<context> c = std::nullopt,
                             std::source_location where = std::source_location::current()) const {
    return add_at(deadline_after(delay), make_callback("call_later", std::forward<F>(f), std::move(c), where));
  }

  /// Calls `f()` at a time of this loop's clock. Callbacks with equal times run in the order of registration.
  template <class F>
  callback_handle call_at(clock::time_point when, F&& f, std::optional<context> c = std::nullopt,
                          std::source_location where = std::source_location::current()) const {
    return add_at(when, make_callback("call_at", std::forward<F>(f), std::move(c), where));
  }

  /// `call_soon` from any thread; wakes the loop.
  template <class F>
  callback_handle call_soon_threadsafe(F&& f, std::optional<context> c = std::nullopt,
                                       std::source_location where = std::source_location::current()) const {
    return add_threadsafe(make_callback(nullptr, std::forward<F>(f), std::move(c), where));
  }

  /// The loop's time: that of the monotonic clock, or the virtual one.
  clock::time_point time() const noexcept;

  /// A future of this loop. asyncio: `loop.create_future`.
  template <class T = void>
  future<T> create_future() const {
    return detail::make_handle<future<T>>(detail::ref<detail::future_state_base>(new detail::future_state<T>(*core_)));
  }

  /// A task on this loop, also from outside of it as long as it is not running on another thread. See `rondo::create_task`.
  template <class S>
  task<typename detail::task_value<S>::type> create_task(
      S&& source, task_options options = {}, std::source_location where = std::source_location::current()) const {
    detail::require_task_source<S>();
    if constexpr (detail::source<S>)
      return detail::spawn(*core_, std::forward<S>(source), std::move(options), where);
    else
      return {};
  }

  /// Runs an owned loop until `stop()`. Throws: `std::runtime_error` on an attached loop (run its context instead), inside
  /// a running loop, and on a closed one; what a callback threw as `keyboard_interrupt`.
  void run_forever() const;

  /// Runs an owned loop until the source has ended, and gives its result.
  /// Throws: what the source throws; as `run_forever`; `std::runtime_error` if the loop was stopped before.
  template <class S>
  typename detail::task_value<S>::type run_until_complete(
      S&& source, std::source_location where = std::source_location::current()) const {
    detail::require_source<S>();
    using value = typename detail::task_value<S>::type;
    if constexpr (detail::handle<S>) {
      run_until_done(source, false);
      return detail::take_result<value>(source.state("run_until_complete"));
    } else {
      check_runnable();
      auto t = detail::spawn(*core_, std::forward<S>(source), task_options().eager(false), where);
      run_until_done(t, true);
      return t.result();
    }
  }

  /// Ends `run_forever` after the current pass; before a run it makes that run one pass long. Owned loops only.
  void stop() const;

  /// What `run` does at its end, for attached loops: cancels all other tasks and waits for them, reports exceptions that
  /// nobody handled, and ends the default executor. Tasks that have not ended after `grace` are reported with their
  /// names and left. Must be awaited in a task of this loop.
  awaitable<void> shutdown(time_limit grace = std::nullopt) const;

  /// Ends the loop: drops callbacks and whatever still waits; later calls throw "Event loop is closed". A second call does
  /// nothing. Throws: `std::runtime_error` while the loop runs.
  void close() const;

  bool is_running() const noexcept;
  bool is_closed() const noexcept;

  /// Sets what is told of exceptions that have no other place to go; an empty function restores the default, which writes
  /// to the log sink. A handler that throws is reported by the default one. What is reported while the execution context
  /// is destroyed goes to the log sink too, since the handler may refer to what is gone.
  void set_exception_handler(exception_handler handler) const;

  void call_exception_handler(const exception_context& c) const;

  /// Writes the report to the log sink.
  void default_exception_handler(const exception_context& c) const;

  /// Debug mode: calls on a wrong thread throw, callbacks that take `slow_callback_duration` or longer are reported.
  /// On by default with the environment variable RONDO_DEBUG=1.
  void set_debug(bool enabled) const;
  bool get_debug() const noexcept;

  std::chrono::nanoseconds slow_callback_duration() const noexcept;
  void slow_callback_duration(std::chrono::nanoseconds d) const;

  void set_task_factory(task_factory factory) const;

  /// The executor for `to_thread`, `blocking` and `run_in_executor` without one.
  void set_default_executor(std::shared_ptr<executor> e) const;

  /// Runs `f()` on an executor (null: the default one) and gives its result as a future of this loop.
  /// Cancellation: the future is cancelled at once; a call that has begun goes on, and its result is dropped.
  /// Defined in threads.hpp.
  template <class F>
  auto run_in_executor(std::shared_ptr<executor> e, F&& f) const;

  /// Calls `f()` in the loop whenever the signal arrives; replaces an earlier handler.
  /// Throws: `std::invalid_argument` for a number that is no signal, `std::runtime_error` for one that cannot be caught.
  void add_signal_handler(int signal, std::function<void()> f) const;

  /// Restores the default action. Returns whether there was a handler.
  bool remove_signal_handler(int signal) const;

  /// The executor of the loop: make sockets and timers on it.
  boost::asio::any_io_executor get_executor() const { return detail::executor_of(*core_); }

  // For the library itself.
  explicit event_loop(detail::ref<detail::loop_core> core) noexcept : core_(std::move(core)) {}
  detail::loop_core& core() const noexcept { return *core_; }

private:
  friend class runner;

  template <class F>
  detail::ref<detail::callback_node> make_callback(const char* call, F&& f, std::optional<context> c,
                                                   std::source_location where) const {
    using function = std::decay_t<F>;
    static_assert(!detail::awaits<F>, "a coroutine is not a callback: use create_task");
    static_assert(std::invocable<function>, "a callback takes no arguments");
    if constexpr (std::invocable<function>)
      static_assert(!detail::awaits<std::invoke_result_t<function>>,
                    "the coroutine that this callback returns would never run: use create_task");
    detail::ref<detail::callback_node> node(new detail::callback<function>(*core_, std::move(c), std::forward<F>(f)));
    node->where = where;
    detail::check_open(*core_);
    if (call) detail::check_thread(*core_, call, "call_soon_threadsafe");
    return node;
  }

  callback_handle add(detail::ref<detail::callback_node> node) const;
  callback_handle add_at(clock::time_point when, detail::ref<detail::callback_node> node) const;
  callback_handle add_threadsafe(detail::ref<detail::callback_node> node) const;
  clock::time_point deadline_after(time_limit delay) const;

  void check_runnable() const;
  void run_until_done(const any_future& what, bool temporary) const;

  detail::ref<detail::loop_core> core_;
};

inline event_loop any_future::loop() const { return event_loop(detail::ref<detail::loop_core>(&state("loop").core())); }

/// The loop that runs on this thread. Throws: `std::runtime_error("no running event loop")`.
RONDO_EXPORT event_loop get_running_loop();

/// The same, or nothing.
RONDO_EXPORT std::optional<event_loop> get_running_loop_or_none() noexcept;

RONDO_END_NAMESPACE
