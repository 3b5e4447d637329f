// SPDX-License-Identifier: BSL-1.0
#include "loop_core.hpp"

#include <rondo/detail/resource.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/finally.hpp>

#include <fmt/format.h>

RONDO_BEGIN_NAMESPACE
namespace detail {

namespace {

/// The task of a clean-up. Nobody can cancel it, not even the shutdown of the loop (which cancels the task that waits
/// for it, and that one hears of it afterwards), until its time is over.
class cleanup_state final : public task_state_base {
public:
  cleanup_state(loop_core& core, std::source_location place, awaitable<void> body)
      : task_state_base(core, place), body_(std::move(body)) {}

  awaitable<void> drive() override { return std::move(*body_); }
  void drop_body() noexcept override { body_.reset(); }
  void* cell() noexcept override { return &cell_; }
  bool cancel(optional_text) override { return false; }

  void expire() {
    expired_ = !done();
    task_state_base::cancel(optional_text("the clean-up took longer than its grace"));
  }

  /// Whether it was ended by expire(), and did not make anything else of it.
  bool cut_short() const noexcept { return expired_ && ends_in_cancellation(); }

private:
  std::optional<awaitable<void>> body_;
  value_cell<void> cell_;
  bool expired_ = false;
};

/// Waits for the end of a clean-up. A cancellation stays with the task meanwhile; gives that task if a `cancel()` is
/// pending. That of a scope around the task comes at the next suspension anyway.
class cleanup_wait final : public wait_op<task_state_base*, cleanup_wait> {
public:
  explicit cleanup_wait(ref<cleanup_state> state) noexcept : state_(std::move(state)) {}

  bool cancel(optional_text&) noexcept override { return false; }
  std::string waits_for() const override { return "the clean-up in " + state_->describe(); }

private:
  friend wait_op<task_state_base*, cleanup_wait>;

  void park() override {
    keeps_outcome_ = true;
    state_->add_waiter(*this);
  }

  task_state_base* take() noexcept { return owner() && owner()->real_cancel ? owner() : nullptr; }

  ref<cleanup_state> state_;
};

ref<cleanup_state> start_cleanup(awaitable<void> cleanup, std::source_location where) {
  ref<cleanup_state> state(new cleanup_state(running_core(), where, std::move(cleanup)));
  const any_task self = current_task();
  if (self) state->set_name("clean-up of " + self.name());
  state->variables = self ? self.context() : copy_context();
  state->launch(true);
  return state;
}

} // namespace

awaitable<void> clean_up(awaitable<void> cleanup, std::exception_ptr error, time_limit grace,
                         std::source_location where) {
  clean_up_begins(error);
  const ref<cleanup_state> state = start_cleanup(std::move(cleanup), where);
  task_state_base* cancelled = nullptr;
  if (!state->done()) {
    callback_handle timer;
    if (grace) timer = get_running_loop().call_later(grace, [state] { state->expire(); });
    cancelled = co_await cleanup_wait(state);
    if (timer) timer.cancel();
  }
  std::exception_ptr failure = state->outcome_error();
  if (failure && !state->cut_short()) std::rethrow_exception(failure);
  if (error) co_return;
  if (failure)
    throw timeout_error(fmt::format("finally: the clean-up did not end within its grace of {:.3f} s and was cancelled",
                                    std::chrono::duration<double>(*grace).count()));
  if (cancelled) std::rethrow_exception(cancelled->take_cancellation());
}

} // namespace detail
RONDO_END_NAMESPACE
