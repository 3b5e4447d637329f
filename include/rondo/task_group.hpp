// Task groups: tasks that end before the block that made them does.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/body.hpp>
#include <rondo/detail/shield.hpp>
#include <rondo/detail/task_group.hpp>
#include <rondo/exception_group.hpp>
#include <rondo/task.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE

/// How a task group behaves: `task_group_options().max_concurrency(10)`.
class RONDO_EXPORT task_group_options {
public:
  task_group_options() = default;

  /// Calls `f(any_task)` or `f()` for a task that ends with an exception; its siblings live and the group goes on.
  ///
  /// `f` is called on the loop, in the pass after the end of the task, which still counts as one of the group, so that
  /// another one may be created in its place. What f itself throws is an error of the group as usual:
  /// `std::rethrow_exception(t.exception())` passes the exception on. A cancelled task is no failed one; a
  /// `keyboard_interrupt` is not handed to f.
  template <class F>
  task_group_options& on_error(F&& f) & {
    using function = std::decay_t<F>;
    static_assert(std::invocable<function&, any_task> || std::invocable<function&>,
                  "on_error takes a function that is called with the failed any_task, or with nothing");
    static_assert(detail::safe_in_await<F>, "capture by reference, or name the function object first: this compiler "
                                            "destroys a temporary closure with owning captures twice in an expression "
                                            "with co_await");
    // Shared, since function objects that cannot be copied are welcome.
    auto shared = std::make_shared<function>(std::forward<F>(f));
    on_error_ = [shared = std::move(shared)](const any_task& failed) {
      if constexpr (std::invocable<function&, any_task>)
        std::invoke(*shared, failed);
      else
        std::invoke(*shared);
    };
    return *this;
  }
  template <class F>
  task_group_options&& on_error(F&& f) && {
    return std::move(on_error(std::forward<F>(f)));
  }

  /// At most n tasks of the group run at a time; the others wait for their first step, first come, first served.
  ///
  /// `create_task` never blocks. A place is free again in the pass after the end of a task. Throws:
  /// `std::invalid_argument` if n < 1.
  task_group_options& max_concurrency(std::ptrdiff_t n) &;
  task_group_options&& max_concurrency(std::ptrdiff_t n) && { return std::move(max_concurrency(n)); }

  const std::function<void(const any_task&)>& on_error() const noexcept { return on_error_; }

  /// 0: no limit.
  std::size_t max_concurrency() const noexcept { return max_concurrency_; }

private:
  std::function<void(const any_task&)> on_error_;
  std::size_t max_concurrency_ = 0;
};

/// By which a task that was made with `task_group::start` says that it is ready. T: the type of what it reports.
///
/// Lives as long as that task. Thread safety: the loop's thread. anyio: `TaskStatus`.
template <class T = void>
class task_status {
public:
  explicit task_status(detail::ref<detail::future_state<T>> reported) noexcept : reported_(std::move(reported)) {}
  task_status(const task_status&) = delete;
  task_status& operator=(const task_status&) = delete;

  /// The task is ready: `start` returns the value, and the task goes on as any other of the group.
  ///
  /// Nothing happens if `start` was cancelled meanwhile. Throws: `std::runtime_error` if it is called twice.
  template <class U = T>
    requires(!std::is_void_v<T> && std::is_convertible_v<U &&, T>)
  void started(U&& value) {
    if (reports()) reported_->set_result(std::forward<U>(value));
  }
  void started()
    requires std::is_void_v<T>
  {
    if (reports()) reported_->set_result();
  }

private:
  bool reports() const { return detail::may_report_start(*reported_); }

  detail::ref<detail::future_state<T>> reported_;
};

/// The tasks of a `with_task_group` block.
///
/// It lives until the block ends, so a reference may be handed to its tasks, but must not be used after the block.
/// Thread safety: the loop's thread. asyncio: `TaskGroup`.
class RONDO_EXPORT task_group {
public:
  task_group(const task_group&) = delete;
  task_group& operator=(const task_group&) = delete;

  /// Runs something as a task of the group and returns its handle; see `rondo::create_task` for what it takes.
  ///
  /// The body may do so, and its tasks, also while the block waits for its end, as long as one of the tasks is alive.
  /// Throws: `std::runtime_error` when the group has finished or is shutting down because a task failed or it was
  /// cancelled; the source is destroyed then. asyncio: `TaskGroup.create_task`.
  template <class S>
  task<typename detail::task_value<S>::type> create_task(S&& source, task_options options = {},
                                                         std::source_location where = std::source_location::current()) {
    detail::require_task_source<S>();
    if constexpr (detail::source<S>)
      return core_.spawn(std::forward<S>(source), std::move(options), where, nullptr);
    else
      return {};
  }

  /// Runs `f(task_status<T>&)`, a coroutine function, as a task of the group, and waits until that calls
  /// `started(value)`; returns the value.
  ///
  ///     int port = co_await group.start([&](task_status<int>& status) -> awaitable<void> {
  ///       ...
  ///       status.started(8080);
  ///       ...
  ///     });
  ///
  /// For generic function objects name the type: `start<int>(f)`. The function object is kept until the task has ended.
  /// A task that ends before is no member of the group yet: its exception is thrown here and nowhere else.
  ///
  /// Cancellation: a task that has not reported is cancelled and waited for; if it then fails, that is an error of the
  /// group. A value that was reported is returned all the same, and the cancellation comes with the next wait.
  /// Throws: `std::runtime_error` if the task ends or is cancelled without `started`, if its group has finished or is
  /// shutting down. anyio: `TaskGroup.start`.
  template <class F>
  auto start(F&& f, task_options options = {}, std::source_location where = std::source_location::current()) {
    using value = typename detail::status_value<std::decay_t<F>>::type;
    static_assert(!std::is_same_v<value, detail::no_status>,
                  "start takes a function f(task_status<T>&) that returns an awaitable; for a generic function object, "
                  "or one that is overloaded, name the type of what it reports: start<T>(f)");
    if constexpr (!std::is_same_v<value, detail::no_status>)
      return start_as<value>(std::forward<F>(f), std::move(options), where);
  }

  template <class T, class F>
  awaitable<T> start(F&& f, task_options options = {}, std::source_location where = std::source_location::current()) {
    return start_as<T>(std::forward<F>(f), std::move(options), where);
  }

  /// Ends the group without an error: cancels its tasks and its body. The block then returns normally.
  ///
  /// Tasks and body get the message with their cancellation. Does nothing if that has happened already, or if the group
  /// is ending because of an error, or has ended. asyncio: `TaskGroup.cancel` of Python 3.15.
  void cancel(std::string message = {}) { core_.cancel(detail::optional_text(std::move(message))); }

  /// Waits until the group has no tasks; more may be created afterwards.
  ///
  /// Cancellation: ends the wait; the tasks live. Throws: `std::runtime_error` in a task of the group itself, which would
  /// wait for its own end.
  [[nodiscard]] detail::group_wait join() noexcept { return detail::group_wait(core_); }

  /// The number of its tasks that have not ended; a task counts until the pass after its end.
  std::size_t size() const noexcept { return core_.size(); }

private:
  explicit task_group(task_group_options options) : core_(std::move(options)) {}

  template <class T, class F>
  awaitable<T> start_as(F&& f, task_options&& options, std::source_location where) {
    using function = std::decay_t<F>;
    static_assert(std::invocable<function&, task_status<T>&>, "start<T>(f) calls f(task_status<T>&)");
    if constexpr (std::invocable<function&, task_status<T>&>)
      static_assert(detail::awaits<std::invoke_result_t<function&, task_status<T>&>>,
                    "start takes a coroutine function: one that returns an awaitable<void>");
    static_assert(detail::safe_in_await<F>, "capture by reference, or name the function object first: this compiler "
                                            "destroys a temporary closure with owning captures twice in an expression "
                                            "with co_await");
    return detail::start_in_group<T, task_status<T>, function>(core_, std::forward<F>(f), std::move(options), where);
  }

  template <class T, class F>
  friend awaitable<T> detail::run_task_group(task_group_options options, F body);

  detail::group_core core_;
};

namespace detail {

template <class T, class F>
awaitable<T> run_task_group(task_group_options options, F body) {
  task_group group(std::move(options));
  co_await own_task("with_task_group");
  value_slot<T> value;
  try {
    if constexpr (std::is_void_v<T>)
      co_await run_body<F, task_group&>(body, group);
    else
      value.emplace(co_await run_body<F, task_group&>(body, group));
    group.core_.body_returned();
  } catch (...) {
    group.core_.body_threw(std::current_exception());
  }
  if (!group.core_.empty()) {
    // Asio's own cancellation state may be set, and must not keep anybody from waiting for the tasks.
    const bool throws = co_await boost::asio::this_coro::throw_if_cancelled();
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    co_await group.core_.children_ended();
    co_await boost::asio::this_coro::throw_if_cancelled(throws);
  }
  group.core_.finish();
  co_return value.take();
}

} // namespace detail

/// Runs a body that may create tasks in a group, and ends when the body and all these tasks have ended.
///
///     co_await with_task_group([&](task_group& group) -> awaitable<void> {
///       group.create_task(read(a));
///       group.create_task(read(b));
///       co_return;
///     });
///
/// The body is called with the group, or with nothing. It runs in the calling task and may capture by reference, and so
/// may the tasks, since nobody is left behind. Its value is the value of the block.
///
/// When a task fails, or the body, all others are cancelled and waited for; then `exception_group` is thrown with all
/// errors in the order in which they happened, that of the body last. A task that is cancelled, by itself or by others,
/// is no error: see `is_cancellation`. A `keyboard_interrupt` of a task or the body is thrown bare at the end.
///
/// Cancellation: the body and the tasks are cancelled; the block waits for them. If they fail, the errors are thrown, and
/// the cancellation comes with the next wait. Throws: `exception_group`; `std::runtime_error` outside a task, also in a
/// coroutine that `co_spawn` or `a || b` has started inside one, or after `task_group::cancel` if the body was
/// interrupted and T is neither void nor a `std::optional`. asyncio: `TaskGroup`.
template <class F>
auto with_task_group(task_group_options options, F&& body) {
  using function = std::decay_t<F>;
  detail::require_body<F, task_group&>();
  if constexpr (detail::body_of<function, task_group&>)
    return detail::run_task_group<detail::body_value_t<function, task_group&>, function>(std::move(options),
                                                                                         std::forward<F>(body));
}

template <class F>
auto with_task_group(F&& body) {
  return with_task_group(task_group_options(), std::forward<F>(body));
}

RONDO_END_NAMESPACE
