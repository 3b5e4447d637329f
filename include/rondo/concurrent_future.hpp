// concurrent_future<T>: a result for threads, and the ways between threads and loops.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/event_loop.hpp>
#include <rondo/task.hpp>
#include <rondo/time.hpp>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// A move-only `void()`.
class job {
public:
  job() = default;
  job(job&&) = default;
  job& operator=(job&&) = default;
  virtual ~job() = default;
  virtual void run() = 0;
};

template <class F>
class job_of final : public job {
public:
  explicit job_of(F f) : f_(std::move(f)) {}
  void run() override { f_(); }

private:
  F f_;
};

template <class F>
std::unique_ptr<job> make_job(F f) {
  return std::make_unique<job_of<F>>(std::move(f));
}

/// pending -> running -> done, or pending -> cancelled; all under the mutex.
class RONDO_EXPORT concurrent_state_base {
public:
  concurrent_state_base() = default;
  concurrent_state_base(const concurrent_state_base&) = delete;
  concurrent_state_base& operator=(const concurrent_state_base&) = delete;
  virtual ~concurrent_state_base();

  bool done() const;
  bool cancelled() const;
  bool cancel();
  bool set_running_or_notify_cancel();
  void set_exception(std::exception_ptr error);

  /// Waits; throws timeout_error, or an error on a thread that runs a loop.
  void wait(time_limit limit) const;

  /// The exception of a done state, or null; throws future_cancelled.
  std::exception_ptr error() const;

  void add_callback(std::unique_ptr<job> callback);

protected:
  enum class status { pending, running, finished, cancelled };

  /// Calls `store` under the lock and wakes everybody; throws invalid_state_error if it is done.
  template <class F>
  void complete(const char* call, F&& store) {
    std::vector<std::unique_ptr<job>> callbacks;
    {
      std::lock_guard lock(mutex_);
      throw_if_done(call);
      store();
      status_ = status::finished;
      callbacks.swap(callbacks_);
    }
    finish(std::move(callbacks));
  }

  mutable std::mutex mutex_;
  std::exception_ptr error_;

private:
  void throw_if_done(const char* call) const;
  void finish(std::vector<std::unique_ptr<job>> callbacks) noexcept;
  bool is_done() const noexcept { return status_ == status::finished || status_ == status::cancelled; }

  mutable std::condition_variable changed_;
  status status_ = status::pending;
  std::vector<std::unique_ptr<job>> callbacks_;
};

template <class T>
class concurrent_state final : public concurrent_state_base {
public:
  template <class... Args>
  void set_result(Args&&... args) {
    complete("set_result", [&] { cell_.emplace(std::forward<Args>(args)...); });
  }

  T take() {
    std::lock_guard lock(mutex_);
    return cell_.take();
  }

private:
  value_cell<T> cell_;
};

} // namespace detail

/// A result that any thread may wait for, set, or cancel.
///
/// A default-constructed one is pending and for producers of your own. Copies share the state. T may be void; a copyable
/// result is copied out, any other is moved out once. Thread safety: all members, on any thread.
/// Python: `concurrent.futures.Future`.
template <class T = void>
class concurrent_future {
  static_assert(!std::is_reference_v<T>, "concurrent_future<T&> is not supported: use a pointer");

public:
  using value_type = T;

  concurrent_future() : state_(std::make_shared<detail::concurrent_state<T>>()) {}

  /// Blocks until the result is there.
  /// Throws: its exception; `future_cancelled`; `timeout_error` after `limit`; `std::runtime_error` at once on a thread
  /// that runs a loop, which it would block: use `co_await wrap_future(f).get()` there.
  T result(time_limit limit = std::nullopt) const {
    state_->wait(limit);
    if (std::exception_ptr e = state_->error()) std::rethrow_exception(e);
    return state_->take();
  }

  /// Blocks until it is done; the exception, or null after a result. Throws: as `result`, but for the exception itself.
  std::exception_ptr exception(time_limit limit = std::nullopt) const {
    state_->wait(limit);
    return state_->error();
  }

  bool done() const { return state_->done(); }
  bool cancelled() const { return state_->cancelled(); }

  /// Cancels it; false if it is done or running. Whoever waits gets `future_cancelled` at once; a task behind it is
  /// cancelled and cleans up later.
  bool cancel() const { return state_->cancel(); }

  /// Calls `f(concurrent_future)` or `f()` when it is done: on the thread that completes or cancels it, and at once, on
  /// this thread, if it is done already. f must not block; an exception from it is written to the log sink.
  template <class F>
  void add_done_callback(F&& f) const {
    using function = std::decay_t<F>;
    static_assert(std::invocable<function&, concurrent_future> || std::invocable<function&>,
                  "a done callback takes the concurrent_future that is done, or nothing");
    if constexpr (std::invocable<function&, concurrent_future>) {
      // A weak reference: the callback lives in the state that it is about.
      auto call = [f = function(std::forward<F>(f)), weak = std::weak_ptr(state_)]() mutable {
        if (auto state = weak.lock()) f(concurrent_future(std::move(state)));
      };
      state_->add_callback(detail::make_job(std::move(call)));
    } else {
      state_->add_callback(detail::make_job(function(std::forward<F>(f))));
    }
  }

  /// Sets the result. Throws: `invalid_state_error` if it is done or cancelled.
  template <class U = T>
    requires(!std::is_void_v<T> && std::is_convertible_v<U &&, T>)
  void set_result(U&& value) const {
    state_->set_result(std::forward<U>(value));
  }
  void set_result() const
    requires std::is_void_v<T>
  {
    state_->set_result();
  }

  /// Sets an exception. Throws: `invalid_state_error` if it is done or cancelled; `std::invalid_argument` for null.
  void set_exception(std::exception_ptr error) const { state_->set_exception(std::move(error)); }

  /// For producers, before they begin: false if it was cancelled; otherwise it cannot be cancelled any more.
  bool set_running_or_notify_cancel() const { return state_->set_running_or_notify_cancel(); }

  friend bool operator==(const concurrent_future& a, const concurrent_future& b) noexcept = default;

private:
  explicit concurrent_future(std::shared_ptr<detail::concurrent_state<T>> state) : state_(std::move(state)) {}

  std::shared_ptr<detail::concurrent_state<T>> state_;
};

namespace detail {

/// Copies the outcome of a done future or task.
template <class T, class From>
void copy_outcome(const From& from, const concurrent_future<T>& to) noexcept {
  try {
    if (from.cancelled()) {
      to.cancel();
    } else if (std::exception_ptr e = from.exception()) {
      to.set_exception(std::move(e));
    } else if constexpr (std::is_void_v<T>) {
      to.set_result();
    } else {
      to.set_result(from.result());
    }
  } catch (...) { // it was cancelled meanwhile, or the value could not be copied
    try {
      if (!to.done()) to.set_exception(std::current_exception());
    } catch (const invalid_state_error&) {
    }
  }
}

/// Counts a completion that will come from another thread: the virtual clock stands still meanwhile.
class RONDO_EXPORT external_job {
public:
  explicit external_job(loop_core& core) noexcept;
  external_job(external_job&& other) noexcept = default;
  ~external_job();
  void end() noexcept;

private:
  ref<loop_core> core_;
};

RONDO_EXPORT std::exception_ptr loop_closed_error();

/// Completes a concurrent_future with an error if it is dropped before the task behind it has ended.
template <class T>
class unfinished {
public:
  explicit unfinished(concurrent_future<T> f) : future_(std::move(f)) {}
  unfinished(unfinished&& other) noexcept : future_(other.future_), armed_(std::exchange(other.armed_, false)) {}
  ~unfinished() {
    if (!armed_ || future_.done()) return;
    try {
      future_.set_exception(loop_closed_error());
    } catch (const invalid_state_error&) { // cancelled on another thread just now
    }
  }
  void disarm() noexcept { armed_ = false; }

private:
  concurrent_future<T> future_;
  bool armed_ = true;
};

/// A coroutine on its way to another thread's loop.
template <class T, class S>
class submission final : public ready_node {
public:
  submission(event_loop loop, S&& s, concurrent_future<T> result, std::source_location where)
      : loop_(std::move(loop)), source_(std::in_place, std::move(s)), result_(std::move(result)), guard_(result_),
        where_(where) {}

  void run() noexcept override {
    const std::unique_ptr<submission> self(this);
    if (result_.cancelled()) return;
    try {
      const task<T> t = spawn(loop_.core(), std::move(*source_), task_options(), where_);
      source_.reset();
      // cancelled from a thread: the request goes to the task; when it comes from here it takes effect at once
      result_.add_done_callback([t](const concurrent_future<T>& f) {
        if (!f.cancelled()) return;
        if (running_core_or_null() == &t.state("cancel").core())
          t.cancel();
        else
          t.cancel_threadsafe();
      });
      t.add_done_callback([result = result_, guard = std::move(guard_)](const task<T>& done) mutable {
        guard.disarm();
        copy_outcome(done, result);
      });
    } catch (...) {
      report(loop_.core(), "run_coroutine_threadsafe could not start the coroutine", std::current_exception());
      if (!result_.done()) result_.set_exception(std::current_exception());
    }
  }

  void drop() noexcept override { delete this; }

private:
  event_loop loop_;
  std::optional<S> source_;
  concurrent_future<T> result_;
  unfinished<T> guard_;
  std::source_location where_;
};

} // namespace detail

/// Runs a source as a task on another thread's loop.
///
/// A function that returns a coroutine is called on the loop's thread and kept until its coroutine has ended. Cancelling
/// the result cancels the task. If the loop ends before the task, the result gets a `std::runtime_error`.
/// Thread safety: any thread. Throws: `std::runtime_error("Event loop is closed")`.
/// asyncio: `run_coroutine_threadsafe`.
template <class S>
concurrent_future<typename detail::task_value<S>::type> run_coroutine_threadsafe(
    S&& source, const event_loop& loop, std::source_location where = std::source_location::current()) {
  detail::require_task_source<S>();
  using value = typename detail::task_value<S>::type;
  concurrent_future<value> result;
  if constexpr (detail::source<S>) {
    using kept = std::decay_t<S>;
    auto node = std::make_unique<detail::submission<value, kept>>(loop, kept(std::forward<S>(source)), result, where);
    detail::check_open(loop.core());
    if (!detail::push_threadsafe(loop.core(), *node)) detail::check_open(loop.core());
    (void)node.release();
  }
  return result;
}

namespace detail {

/// What wrap_future gives, for a loop that may not be running yet.
template <class T>
future<T> wrap_future_for(const event_loop& loop, const concurrent_future<T>& source) {
  const future<T> result = loop.create_future<T>();
  auto pending = std::make_shared<external_job>(loop.core());
  result.add_done_callback([source, pending](const future<T>& f) {
    pending->end();
    if (f.cancelled()) source.cancel();
  });
  const auto follow = [result](const concurrent_future<T>& from) noexcept {
    if (result.done()) return;
    try {
      if (from.cancelled())
        result.cancel();
      else if (std::exception_ptr e = from.exception())
        result.set_exception(std::move(e));
      else if constexpr (std::is_void_v<T>)
        result.set_result();
      else
        result.set_result(from.result());
    } catch (...) {
      result.set_exception(std::current_exception());
    }
  };
  source.add_done_callback([loop, follow](const concurrent_future<T>& from) {
    try {
      loop.call_soon_threadsafe([follow, from] { follow(from); });
    } catch (const std::runtime_error&) { // the loop was closed: nobody waits any more
    }
  });
  return result;
}

} // namespace detail

/// A future of the running loop that follows a concurrent_future: `co_await wrap_future(f).get()`.
///
/// Cancelling it cancels the concurrent_future, which has no effect if that is running. Throws: `std::runtime_error`
/// without a running loop. asyncio: `wrap_future`.
template <class T>
future<T> wrap_future(const concurrent_future<T>& source) {
  return detail::wrap_future_for(get_running_loop(), source);
}

RONDO_END_NAMESPACE
