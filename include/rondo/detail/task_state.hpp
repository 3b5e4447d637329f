// The shared state behind tasks.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/future_state.hpp>
#include <rondo/detail/source.hpp>

#include <cstdint>
#include <memory>
#include <source_location>
#include <string>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// Hook in the loop's list of live tasks.
struct live_hook : list_hook {};

/// A task without its value: the life of one coroutine.
///
/// It is in the ready queue until its first step, then some runner drives it (see src/task_runner.hpp). From creation
/// to completion the engine holds one reference, so a task that nobody refers to lives on.
class RONDO_EXPORT task_state_base : public future_state_base, public ready_node, public live_hook {
public:
  task_state_base(loop_core& core, std::source_location where) noexcept;
  ~task_state_base() override;

  /// The coroutine that runs the body and stores its value.
  virtual awaitable<void> drive() = 0;

  /// Destroys what is left of the body: all of it if the task never started.
  virtual void drop_body() noexcept = 0;

  bool cancel(optional_text message) override;
  task_state_base* as_task() noexcept override { return this; }
  std::string describe() const override;

  /// Cancels one of the tasks of the circle that this task waits for.
  void break_circle() noexcept;

  void run() noexcept override;
  void drop() noexcept override;

  /// Puts the task into the ready queue, or runs its first step at once.
  void launch(bool eager);

  std::string name() const;
  void set_name(std::string name);
  int cancelling() const noexcept { return cancel_requests_; }
  int uncancel() noexcept;

  /// Takes the pending cancellation as the outcome. Only if `must_cancel`.
  std::exception_ptr take_cancellation();

  /// The next step is to deliver a `cancel()`.
  void request_cancel(optional_text message) noexcept;

  /// The step has delivered what was pending. A cancelled scope around the task goes on: its cancellation comes at every
  /// suspension.
  void cancellation_delivered() noexcept {
    real_cancel = false;
    must_cancel = scope_cancel;
  }

  /// What is pending is delivered to the wait that begins now, if that can end early.
  void cancel_new_wait(wait_node& wait) noexcept;

  /// Computes `scope_cancel` anew: the scopes that the task is in have changed. Returns whether it has just become true.
  bool scopes_changed() noexcept;

  /// Delivers the cancellation of a scope if the task is suspended.
  void scope_was_cancelled() noexcept;

  // What the kernel reads and writes; all of it on the loop's thread.
  task_runner* runner = nullptr;
  wait_node* waiting = nullptr; // the rondo wait in which the task's own coroutine is parked
  int cancel_requests_ = 0;
  bool must_cancel = false;      // a cancellation that the next step delivers: one of the next two
  bool real_cancel : 1 = false;  // a `cancel()`: delivered once
  bool scope_cancel : 1 = false; // a scope that the task is in: delivered at each suspension; see shield.hpp
  bool background : 1 = false;
  bool keeps_value : 1 = false; // its value is wanted also if a `cancel()` is pending when it returns
  bool started = false;
  bool reported_pending = true; // false while its end as a pending task would be news: from the launch on
  std::uint64_t number = 0;     // the N of "Task-N"
  optional_text wait_message;   // of the cancellation that ended the current wait
  context variables;
  std::source_location where;
  std::int64_t since = 0; // when it was last suspended in a plain operation, or made

protected:
  bool take_last_words(exception_context& c) override;

private:
  void start_here();
  optional_text cancel_message();
  optional_text scope_message() const;
  void cancel_awaited_task(optional_text message) noexcept;

  std::unique_ptr<std::string> name_;
};

/// How a task's body is kept: a coroutine, or a callable that lives until its coroutine has ended (a lambda's closure
/// would otherwise die before the first step).
template <class T, class Body>
class task_state final : public task_state_base {
public:
  template <class B>
  task_state(loop_core& core, std::source_location place, B&& body)
      : task_state_base(core, place), body_(std::forward<B>(body)) {}

  void* cell() noexcept override { return &cell_; }
  void drop_body() noexcept override {
    if constexpr (is_awaitable<Body>)
      const Body dropped(std::move(body_)); // an assignment leaks what was there in Boost 1.81
    else
      body_.reset();
  }

  awaitable<void> drive() override {
    // A body without a value needs no coroutine around it.
    if constexpr (std::is_same_v<Body, awaitable<void>>)
      return std::move(body_);
    else if constexpr (returns_plain_coroutine<Body>)
      return (*body_)();
    else
      return drive_for_value();
  }

private:
  template <class F>
  static constexpr bool returns_plain_coroutine = [] {
    if constexpr (is_awaitable<F>)
      return false;
    else
      return std::is_same_v<std::invoke_result_t<F&>, awaitable<void>>;
  }();

  awaitable<void> drive_for_value() {
    if constexpr (is_awaitable<Body> && std::is_void_v<T>)
      co_await std::move(body_);
    else if constexpr (is_awaitable<Body>)
      cell_.emplace(co_await std::move(body_));
    else if constexpr (std::is_void_v<T>)
      co_await (*body_)();
    else
      cell_.emplace(co_await (*body_)());
  }

  std::conditional_t<is_awaitable<Body>, Body, std::optional<Body>> body_;
  [[no_unique_address]] value_cell<T> cell_;
};

/// The running task. Throws `std::runtime_error("<what> must be used inside a task")` if there is none.
RONDO_EXPORT task_state_base& require_task(const char* what);

#if !defined(RONDO_SHARED) // see instances.hpp
extern template class task_state<void, awaitable<void>>;
#endif

} // namespace detail
RONDO_END_NAMESPACE
