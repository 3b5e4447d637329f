// SPDX-License-Identifier: BSL-1.0
#include "loop_core.hpp"
#include "task_runner.hpp"

#include <rondo/timeout.hpp>

#include <fmt/format.h>

#include <chrono>
#include <stdexcept>
#include <string>

RONDO_BEGIN_NAMESPACE
namespace detail {

namespace {

double seconds(clock::duration d) noexcept { return std::chrono::duration<double>(d).count(); }

} // namespace

timeout_block::timeout_block(const char* what)
    : task_(&require_task(what)), what_(what), entered_(clock::duration(task_->core().now())),
      requests_(task_->cancelling()), pending_(task_->real_cancel) {}

timeout_block::timeout_block(const char* what, time_limit limit) : timeout_block(what) {
  if (!limit) return;
  when_ = clock::time_point(clock::duration(time_after(entered_.time_since_epoch().count(), *limit)));
  arm(entered_);
}

timeout_block::timeout_block(const char* what, deadline when) : timeout_block(what) {
  when_ = when;
  if (when_) arm(entered_);
}

void timeout_block::arm(clock::time_point now) {
  loop_core& core = task_->core();
  if (*when_ > now) {
    slot_ = core.add_timer(when_->time_since_epoch().count(), *this);
    armed_ = true;
  } else {
    armed_ = true;
    core.push(*this);
  }
}

void timeout_block::disarm() noexcept {
  if (!std::exchange(armed_, false)) return;
  if (linked())
    unlink(); // its turn has come, but was not taken yet
  else
    task_->core().cancel_timer(slot_);
}

void timeout_block::reschedule(deadline when) {
  if (status_ != status::active) {
    constexpr const char* names[] = {"active", "expiring", "expired", "finished"};
    throw std::runtime_error(fmt::format("Cannot change state of {} Timeout: the deadline can be moved only while the "
                                         "body of {} runs and its time is not over",
                                         names[static_cast<int>(status_)], what_));
  }
  loop_core& core = task_->core();
  check_thread(core, "timeout_scope::reschedule", "call_soon_threadsafe");
  check_open(core);
  disarm();
  when_ = when;
  if (when_) arm(clock::time_point(clock::duration(core.now())));
}

void timeout_block::run() noexcept {
  armed_ = false;
  status_ = status::expiring;
  try {
    task_->cancel({});
  } catch (const std::runtime_error&) {
    // It is in a circle of tasks that await each other; the end of the time opens it.
    task_->break_circle();
  }
}

void timeout_block::drop() noexcept { armed_ = false; }

void timeout_block::leave() noexcept {
  disarm();
  if (status_ == status::expiring) {
    take_cancel_back(false);
    finish(status::expired);
  } else if (status_ == status::active) {
    finish(status::finished);
  }
}

void timeout_block::leave_failed() {
  if (status_ != status::expiring) return leave();
  const bool cancelled = is_cancellation(std::current_exception());
  const bool ours = take_cancel_back(cancelled);
  finish(status::expired);
  if (cancelled && ours) throw_expired();
}

void timeout_block::abandon() noexcept {
  if (!task_) return;
  disarm();
  finish(status::finished);
}

void timeout_block::finish(status s) noexcept {
  status_ = s;
  task_.reset();
}

/// Returns whether nobody else wants the task to be cancelled. `delivered`: the body ended with a cancellation.
///
/// A plain operation that completes in spite of a cancellation leaves that to be delivered. If it is ours, it must not
/// reach what follows the block; if it is not, it must not go with ours.
bool timeout_block::take_cancel_back(bool delivered) noexcept {
  task_state_base& t = *task_;
  const bool undelivered = !delivered && (t.real_cancel || (t.runner && t.runner->level_set && t.runner->level_real));
  const bool only_ours = t.uncancel() <= requests_;
  if (only_ours && !pending_) t.cancellation_delivered();
  if (!only_ours && undelivered) t.real_cancel = t.must_cancel = true;
  return only_ours && !t.scope_cancel;
}

void timeout_block::throw_expired() const {
  const clock::duration allowed = *when_ - entered_;
  if (allowed <= clock::duration::zero())
    throw timeout_error(fmt::format("{}: the time was over before it began", what_));
  throw timeout_error(fmt::format("{}: the time limit of {:.3f} s ran out", what_, seconds(allowed)));
}

namespace {

/// asyncio's _cancel_and_wait: cancels a future and waits for its end, which a cancellation of this wait leaves alone.
class ending_op final : public wait_op<void, ending_op> {
  using base = wait_op<void, ending_op>;

public:
  explicit ending_op(ref<future_state_base> state) noexcept : state_(std::move(state)), watch_(*this) {}
  ending_op(ending_op&& other) noexcept : base(std::move(other)), state_(std::move(other.state_)), watch_(*this) {}

  bool cancel(optional_text& message) noexcept override {
    if (!watch_.watching()) return false;
    watch_.unwatch();
    push_cancelled(message);
    return true;
  }

  std::string waits_for() const override { return state_->describe() + ", cancelled for want of time"; }

private:
  friend base;

  struct end_watch final : watch_node {
    explicit end_watch(ending_op& o) noexcept : op(&o) {}
    void done(future_state_base&) noexcept override { op->complete_now(); }
    void abandoned() noexcept override {}

    ending_op* op;
  };

  void park() override {
    state_->cancel({});
    watch_.watch(*state_);
    parked();
  }

  void take() noexcept {}

  ref<future_state_base> state_;
  end_watch watch_;
};

} // namespace

awaitable<void> end_at_once(ref<future_state_base> state) {
  require_task("wait_for");
  if (state->done() || &state->core() != &running_core()) co_return;
  co_await ending_op(state);
  if (!state->ends_in_cancellation()) co_return;
  (void)state->outcome_error(); // as in asyncio this takes it: who asks next gets a cancellation without its message
  throw timeout_error("wait_for: there was no time to wait, and it was not done");
}

} // namespace detail

void timeout_scope::reschedule(std::optional<clock::time_point> when) const {
  if (!state_) throw std::runtime_error("Timeout has not been entered");
  state_->reschedule(when);
}

RONDO_END_NAMESPACE
