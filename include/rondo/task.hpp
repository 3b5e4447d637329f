// task<T>: a coroutine that runs by itself, and can be cancelled.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/task_state.hpp>
#include <rondo/future.hpp>
#include <rondo/settled.hpp>

#include <functional>
#include <optional>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

RONDO_BEGIN_NAMESPACE

/// How a task is made: `task_options().name("reader").eager(true)`.
class RONDO_EXPORT task_options {
public:
  task_options() = default;

  /// The task's name in messages and dumps; by default "Task-N".
  task_options& name(std::string n) & { return name_ = std::move(n), *this; }
  task_options&& name(std::string n) && { return std::move(name(std::move(n))); }

  /// The context in which the task runs, shared with whoever else has it; by default a copy of the current one.
  task_options& context(rondo::context c) & { return context_ = std::move(c), *this; }
  task_options&& context(rondo::context c) && { return std::move(context(std::move(c))); }

  /// Whether the first step runs inside `create_task`, up to the first wait that blocks. By default what the loop's task
  /// factory says. Outside a running loop the task starts later in any case.
  task_options& eager(bool b) & { return eager_ = b, *this; }
  task_options&& eager(bool b) && { return std::move(eager(b)); }

  /// A background task does not keep an attached loop's `io_context` running, even while it sleeps (a thread pool's
  /// `join` does wait for a sleeping one). It is cancelled at shutdown like any other.
  task_options& background(bool b) & { return background_ = b, *this; }
  task_options&& background(bool b) && { return std::move(background(b)); }

  const std::optional<std::string>& name() const noexcept { return name_; }
  const std::optional<rondo::context>& context() const noexcept { return context_; }
  std::optional<bool> eager() const noexcept { return eager_; }
  bool background() const noexcept { return background_; }

private:
  std::optional<std::string> name_;
  std::optional<rondo::context> context_;
  std::optional<bool> eager_;
  bool background_ = false;
};

/// Sees the options of every task that is created on a loop, and may change them.
using task_factory = std::function<void(task_options&)>;

/// A task factory that makes every task eager that does not say otherwise. asyncio: `eager_task_factory`.
RONDO_EXPORT void eager_task_factory(task_options& options);

/// A handle of a task without its type; see `any_future` for what handles share.
class RONDO_EXPORT any_task : public any_future {
public:
  any_task() noexcept = default;

  /// Asks the task to end: it gets a `cancelled_error` with the message at the place where it waits.
  ///
  /// The request is delivered once for each call, at the next suspension if the task is running. A task that awaits
  /// another one passes it on. The task may clean up, await while it does, or refuse. Returns false if it is done.
  /// Several calls before it has run again deliver one exception; `cancelling()` counts them all.
  /// Throws: `std::runtime_error` with the names if the task is part of a circle of tasks that await each other.
  /// Thread safety: on the loop's thread; from others `cancel_threadsafe`. asyncio: `Task.cancel`.
  using any_future::cancel;

  /// `cancel` from any thread. It takes effect when the loop comes to it; a closed loop ignores it.
  void cancel_threadsafe(std::string message = {}) const;

  std::string name() const { return task_state("name").name(); }
  void set_name(std::string name) const { task_state("set_name").set_name(std::move(name)); }

  /// The number of `cancel` calls less that of `uncancel` calls.
  int cancelling() const { return task_state("cancelling").cancelling(); }

  /// Takes one `cancel` back and returns how many remain; at 0 a cancellation that was not delivered yet is withdrawn.
  /// For code that turns a cancellation of its own into something else, as timeouts do. asyncio: `Task.uncancel`.
  int uncancel() const { return task_state("uncancel").uncancel(); }

  /// Calls `f(any_task)` or `f()` when the task has ended; see `future::add_done_callback`.
  template <class F>
  callback_id add_done_callback(F&& f, std::optional<rondo::context> c = std::nullopt) const {
    return this->template add_callback<any_task>(std::forward<F>(f), std::move(c));
  }

  /// The context in which the task runs; the handle shares it with the task.
  rondo::context context() const;

protected:
  explicit any_task(detail::ref<detail::future_state_base> state) noexcept : any_future(std::move(state)) {}

  detail::task_state_base& task_state(const char* call) const { return *state(call).as_task(); }

  template <class Handle>
  friend Handle detail::make_handle(detail::ref<detail::future_state_base>);
};

/// A coroutine that runs by itself on a loop, from `create_task`.
///
/// The loop keeps it alive until it has ended, whether somebody holds a handle or not. An exception that nobody asks for
/// is reported when the last handle goes. asyncio: `Task`.
template <class T = void>
class task : public any_task {
public:
  using value_type = T;
  using rondo_wait = detail::get_op<T>;

  task() noexcept = default;

  /// Waits for the task to end: `T x = co_await t.get();`
  ///
  /// Cancellation: a cancel of the waiting task is passed on to this one; if it refuses, the wait goes on. Throws: what
  /// the task threw; `cancelled_error` if it was cancelled; `std::runtime_error` for a task of another loop or the
  /// waiting task itself.
  detail::get_op<T> get() const { return detail::get_op<T>((state("get"), state_)); }

  /// `co_await create_task(f())`, `co_await std::move(t)`.
  template <class Token>
    requires(!std::is_pointer_v<std::decay_t<Token>>)
  auto operator()(Token&& token) && {
    return get()(std::forward<Token>(token));
  }

  /// For `co_await t` on a named task: asks for `co_await t.get()`.
  template <class Token>
    requires(!std::is_pointer_v<std::decay_t<Token>>)
  auto operator()(Token&& token) & {
    static_assert(detail::always_false<Token>, "a task with a name is awaited with co_await t.get()");
    return get()(std::forward<Token>(token));
  }

  /// The result. Throws: what the task threw; `cancelled_error`; `invalid_state_error` when it is not done, or taken.
  T result() const { return detail::take_result<T>(state("result")); }

  /// Calls `f(task)` or `f()` when the task has ended; see `future::add_done_callback`.
  template <class F>
  callback_id add_done_callback(F&& f, std::optional<rondo::context> c = std::nullopt) const {
    return this->template add_callback<task>(std::forward<F>(f), std::move(c));
  }

protected:
  using any_task::any_task;

  template <class Handle>
  friend Handle detail::make_handle(detail::ref<detail::future_state_base>);
};

namespace detail {

/// Gives the task its name, context and place in the loop, and starts it.
RONDO_EXPORT void launch_task(ref<task_state_base> state, task_options& options);

template <class S>
task<source_value_t<S>> spawn(loop_core& core, S&& s, task_options&& options, std::source_location where) {
  using value = source_value_t<S>;
  static_assert(!std::is_reference_v<value>, "a task cannot return a reference: return a pointer or a value");
  // A source that is refused must die here, as one that was accepted and dropped would.
  ref<task_state_base> state;
  if constexpr (coroutine_callable<S>)
    state = new task_state<value, std::decay_t<S>>(core, where, std::forward<S>(s));
  else
    state = new task_state<value, awaitable<value>>(core, where, as_awaitable(std::forward<S>(s)));
  check_open(core);
  check_thread(core, "create_task", "run_coroutine_threadsafe");
  ref<future_state_base> result(state);
  launch_task(std::move(state), options);
  return make_handle<task<value>>(std::move(result));
}

/// Tells a cancellation of the current task from one that it merely observes.
class RONDO_EXPORT cancellation_watch {
public:
  cancellation_watch() noexcept;
  bool cancelled_meanwhile() const noexcept;

private:
  ref<task_state_base> task_;
  int requests_ = 0;
  bool pending_ = false;
};

template <class T>
awaitable<settled<T>> settle_awaitable(awaitable<T> a) {
  cancellation_watch watch;
  std::exception_ptr error;
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(a);
      co_return settled<void>();
    } else {
      co_return settled<T>(co_await std::move(a));
    }
  } catch (...) {
    error = std::current_exception();
  }
  if (is_cancellation(error) && watch.cancelled_meanwhile()) std::rethrow_exception(error);
  co_return settled<T>(std::move(error));
}

RONDO_EXPORT awaitable<void> cancel_and_wait_for(any_task task, std::string message);

} // namespace detail

namespace detail {

/// The value type of a source; something for what is none, so that only the explanation is printed.
template <class S>
struct task_value {
  using type = int;
};
template <source S>
struct task_value<S> {
  using type = source_value_t<S>;
};

} // namespace detail

/// Runs a coroutine as a task on the running loop and returns a handle at once; the task starts in the next pass.
///
/// `source` is a coroutine, a function without arguments that returns one (it is kept until its coroutine has ended, so
/// a lambda may have captures), an operation, a deferred Asio operation, or another handle. On GCC 12, call it in a
/// statement of its own and not inside a larger co_await expression when a lambda has captures.
///
/// A coroutine that becomes a task should take its arguments by value: references must outlive the task.
/// Throws: `std::runtime_error` without a running loop; the source is destroyed then. asyncio: `create_task`.
template <class S>
task<typename detail::task_value<S>::type> create_task(S&& source, task_options options = {},
                                                       std::source_location where = std::source_location::current()) {
  detail::require_task_source<S>();
  if constexpr (detail::source<S>)
    return detail::spawn(detail::running_core(), std::forward<S>(source), std::move(options), where);
  else
    return {};
}

/// The task that is running; empty in a callback and outside a loop. asyncio: `current_task`.
///
/// In a coroutine started with `co_spawn` on a task's executor it is that task while the task lives, then empty.
RONDO_EXPORT any_task current_task();

/// The tasks of the running loop that are not done, in the order of their creation. asyncio: `all_tasks`.
RONDO_EXPORT std::vector<any_task> all_tasks();

/// The tasks of a loop that are not done. Thread safety: any thread.
RONDO_EXPORT std::vector<any_task> all_tasks(const event_loop& loop);

/// Cancels a task and waits until it has ended; its cancellation is swallowed, any other exception is thrown.
///
/// Unlike a cancel followed by an await, it does not swallow a cancellation of the caller: that one is thrown, once the
/// task has ended. A task that is done is left alone.
inline awaitable<void> cancel_and_wait(const any_task& task, std::string message = {}) {
  if (!task) detail::throw_empty_handle("cancel_and_wait");
  return detail::cancel_and_wait_for(task, std::move(message));
}

/// Awaits something and gives its outcome as a value, because a catch block cannot await.
///
/// Cancellation: a cancellation of the awaiting task itself, also by a timeout or group around it, is thrown; one that
/// the source ends with is an outcome.
template <class S>
auto settle(S&& source) {
  detail::require_source<S>();
  if constexpr (detail::source<S>) {
    static_assert(!detail::coroutine_callable<S> || detail::safe_in_await<S>,
                  "settle: capture by reference, or name the lambda first: this compiler destroys a temporary closure "
                  "with owning captures twice in an expression with co_await");
    return detail::settle_awaitable<detail::source_value_t<S>>(detail::as_awaitable(std::forward<S>(source)));
  }
}

RONDO_END_NAMESPACE
