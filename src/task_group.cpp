// SPDX-License-Identifier: BSL-1.0
#include "loop_core.hpp"
#include "task_runner.hpp"

#include <rondo/detail/shield.hpp>
#include <rondo/task_group.hpp>

#include <fmt/format.h>

#include <optional>
#include <stdexcept>

RONDO_BEGIN_NAMESPACE

task_group_options& task_group_options::max_concurrency(std::ptrdiff_t n) & {
  if (n < 1)
    throw std::invalid_argument(
        fmt::format("task_group_options: max_concurrency must be at least 1, not {}; leave it out for no limit", n));
  max_concurrency_ = static_cast<std::size_t>(n);
  return *this;
}

namespace detail {

namespace {

task_state_base* require_parent() {
  task_runner* r = this_thread().runner;
  if (r && r->task) return r->task;
  throw std::runtime_error(
      "TaskGroup <TaskGroup> cannot determine the parent task: with_task_group must be used inside "
      "a task, so call it from run or create_task");
}

bool is_base_error(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const keyboard_interrupt&) {
    return true;
  } catch (...) {
    return false;
  }
}

} // namespace

// --- the tasks ---------------------------------------------------------------------------------------------------

group_child::~group_child() {
  if (waiting_place) waiting_place->child_ = nullptr;
}

void group_child::done(future_state_base& state) noexcept { group->child_done(*this, state); }

group_core::group_core(task_group_options options)
    : parent_(require_parent()), limited_(options.max_concurrency() > 0), free_places_(options.max_concurrency()),
      on_error_(options.on_error() ? new error_handler{options.on_error(), copy_context()} : nullptr) {}

group_core::~group_core() {
  // Tasks are left only if the frame of the block is destroyed: at the end of the loop, or by whoever owns it.
  if (!parent_->core().closed()) abort({});
  while (!tasks_.empty()) {
    group_child& child = tasks_.pop_front();
    if (child.reported && !child.reported->done()) child.reported->cancel({});
    delete &child;
  }
  while (!waiters_.empty())
    waiters_.pop_front();
}

bool group_core::refuses() const {
  check_thread(parent_->core(), "task_group.create_task", "call_soon_threadsafe");
  return aborting_ || (exiting_ && empty());
}

void group_core::throw_refused() const {
  if (exiting_ && empty())
    throw std::runtime_error(fmt::format("TaskGroup {} is finished: create tasks while its body runs or one of its "
                                         "tasks is alive",
                                         describe()));
  throw std::runtime_error(fmt::format("TaskGroup {} is shutting down, because it was cancelled or something in it has "
                                       "failed: it takes no more tasks; what must run all the same is for "
                                       "rondo::create_task",
                                       describe()));
}

group_core::joining_child group_core::join(ref<future_state_base> reported) {
  joining_child child(new group_child(*this));
  child->reported = std::move(reported);
  tasks_.push_back(*child);
  if (!limited_) return child;
  if (free_places_ > 0) {
    --free_places_;
    child->has_place = true;
  } else if (!first_queued_) {
    first_queued_ = child.get();
  }
  return child;
}

void group_core::joined(joining_child child, future_state_base& state) {
  group_child& c = *child.release();
  c.task = state.as_task();
  c.watch(state);
  ++count_;
  // An eager task may have cancelled the group in its first step.
  if (aborting_ && !state.done()) cancel_in_any_case(*c.task, {});
}

void group_core::leave(group_child& child) noexcept {
  auto& hook = static_cast<sibling_hook&>(child);
  if (first_queued_ == &child) {
    list_hook* next = hook.next;
    first_queued_ = next == tasks_.end() ? nullptr : &static_cast<group_child&>(static_cast<sibling_hook&>(*next));
  }
  hook.unlink();
  if (child.has_place) give_place();
  delete &child;
}

void group_core::give_place() noexcept {
  if (!first_queued_) {
    ++free_places_;
    return;
  }
  group_child& next = *first_queued_;
  list_hook* after = static_cast<sibling_hook&>(next).next;
  first_queued_ = after == tasks_.end() ? nullptr : &static_cast<group_child&>(static_cast<sibling_hook&>(*after));
  next.has_place = true;
  if (next.waiting_place) next.waiting_place->wake();
}

bool group_core::has_child(const task_state_base* task) noexcept {
  for (list_hook* hook = tasks_.first(); hook != tasks_.end(); hook = hook->next)
    if (static_cast<group_child&>(static_cast<sibling_hook&>(*hook)).task == task) return true;
  return false;
}

// --- the end of a task -------------------------------------------------------------------------------------------

void group_core::child_done(group_child& child, future_state_base& state) noexcept {
  std::exception_ptr error = state.cancelled() ? nullptr : state.outcome_error();
  if (ended_before_start(child, state))
    error = nullptr;
  else if (error && on_error_ && !is_base_error(error))
    error = hand_to_user(state); // before the task goes, so that it can be replaced
  leave(child);
  if (--count_ == 0)
    while (!waiters_.empty())
      static_cast<group_wait&>(waiters_.pop_front()).wake();
  if (error) failed(std::move(error));
}

bool group_core::ended_before_start(group_child& child, future_state_base& state) noexcept {
  if (!child.reported || child.reported->done()) return false;
  std::exception_ptr error = state.cancelled() ? nullptr : state.outcome_error();
  if (!error)
    error = std::make_exception_ptr(
        std::runtime_error(fmt::format("task_group.start: {} {} without calling started() on its task_status",
                                       state.describe(), state.cancelled() ? "was cancelled" : "ended")));
  child.reported->finish_failed(std::move(error));
  return true;
}

std::exception_ptr group_core::hand_to_user(future_state_base& state) noexcept {
  try {
    error_handler& handler = *on_error_;
    handler.variables.run([&] { handler.call(make_handle<any_task>(ref<future_state_base>(&state))); });
    return nullptr;
  } catch (const keyboard_interrupt&) {
    parent_->core().interrupt(std::current_exception());
    return std::current_exception();
  } catch (...) {
    return std::current_exception();
  }
}

void group_core::failed(std::exception_ptr error) noexcept {
  if (!base_error_ && is_base_error(error))
    base_error_ = std::move(error);
  else
    errors_.push_back(std::move(error));
  if (aborting_ || parent_cancel_requested_) return;
  abort({});
  cancel_parent({});
}

void group_core::abort(const optional_text& message) noexcept {
  aborting_ = true;
  for (list_hook* hook = tasks_.first(); hook != tasks_.end(); hook = hook->next) {
    auto& child = static_cast<group_child&>(static_cast<sibling_hook&>(*hook));
    if (child.watching() && !child.task->done()) cancel_in_any_case(*child.task, message.str());
  }
}

void group_core::cancel_parent(const optional_text& message) noexcept {
  parent_cancel_requested_ = true;
  cancel_in_any_case(*parent_, message.str());
}

void group_core::cancel(optional_text message) {
  check_thread(parent_->core(), "task_group.cancel", "call_soon_threadsafe");
  if (aborting_ || (exiting_ && empty())) return;
  abort(message);
  if (!parent_cancel_requested_) cancel_parent(message);
}

// --- the end of the block ----------------------------------------------------------------------------------------

void group_core::body_threw(std::exception_ptr error) noexcept {
  exiting_ = true;
  if (is_cancellation(error))
    propagate_cancellation_ = std::move(error);
  else if (is_base_error(error))
    base_error_ = std::move(error);
  else
    body_error_ = std::move(error);
  if (!aborting_) abort({});
}

awaitable<void> group_core::children_ended() {
  std::optional<shield_guard> shield;
  while (!empty()) {
    std::exception_ptr error;
    try {
      co_await group_wait(*this);
    } catch (...) {
      error = std::current_exception();
    }
    if (!error) continue;
    pending_cancellation_ = error;
    if (!aborting_) {
      propagate_cancellation_ = std::move(error);
      abort({});
    }
    // A cancelled scope around the block has said what it had to say; another cancel() of the task still comes through.
    if (!shield) shield.emplace();
  }
}

void group_core::finish() {
  if (parent_cancel_requested_) {
    if (parent_->uncancel() == 0)
      propagate_cancellation_ = nullptr;
    else if (!propagate_cancellation_)
      propagate_cancellation_ = pending_cancellation_; // what is left is not the group's own
  }
  // The error of the body gives way to a cancellation, those of the tasks do not: asyncio's order.
  if (propagate_cancellation_ && errors_.empty() && !base_error_) std::rethrow_exception(propagate_cancellation_);
  if (body_error_) errors_.push_back(std::move(body_error_));
  if (base_error_) {
    for (std::exception_ptr& error : errors_)
      report(parent_->core(),
             "TaskGroup task exception was not propagated because the TaskGroup body is being closed with a "
             "BaseException",
             std::move(error));
    std::rethrow_exception(base_error_);
  }
  if (!errors_.empty()) {
    // A cancellation from outside is delivered at the next wait; the count of requests stays.
    if (parent_->cancelling() > 0) {
      parent_->uncancel();
      parent_->cancel({});
    }
    throw exception_group("unhandled errors in a TaskGroup", std::move(errors_));
  }
}

std::string group_core::describe() const {
  std::string text = "<TaskGroup";
  if (count_ > 0) text += fmt::format(" tasks={}", count_);
  if (!errors_.empty()) text += fmt::format(" errors={}", errors_.size());
  return text + (aborting_ ? " cancelling>" : " entered>");
}

void throw_no_body_value() {
  throw std::runtime_error("with_task_group: the group was cancelled and its body interrupted, so there is no value; a "
                           "body of a group that may be cancelled returns void or a std::optional");
}

// --- waits -------------------------------------------------------------------------------------------------------

void group_wait::park() {
  if (group_->empty()) return complete_now();
  if (owner_ && group_->has_child(owner_))
    return fail(std::make_exception_ptr(std::runtime_error(
        "task_group.join: a task of the group cannot wait for the group, it would wait for itself: wait for the tasks "
        "that you mean")));
  group_->waiters_.push_back(*this);
  parked();
}

void group_wait::wake() noexcept {
  over_ = true;
  push_ready(*core_, *this);
}

bool group_wait::cancel(optional_text& message) noexcept {
  if (std::exchange(over_, true)) return false;
  push_cancelled(message);
  return true;
}

std::string group_wait::waits_for() const {
  return over_ ? "the end of its task group" : fmt::format("the {} task(s) of its group", group_->size());
}

void place_wait::park() {
  child_->waiting_place = this;
  parked();
}

void place_wait::wake() noexcept {
  std::exchange(child_, nullptr)->waiting_place = nullptr;
  push_ready(*core_, *this);
}

bool place_wait::cancel(optional_text& message) noexcept {
  if (!child_) return false;
  std::exchange(child_, nullptr)->waiting_place = nullptr;
  push_cancelled(message);
  return true;
}

// --- start -------------------------------------------------------------------------------------------------------

bool may_report_start(const future_state_base& reported) {
  if (!reported.done()) return true;
  if (reported.cancelled()) return false;
  throw std::runtime_error("task_status: started() was called twice");
}

awaitable<void> give_up(rondo::task<void> child) {
  cancel_in_any_case(*child.state("start").as_task(), {});
  const shield_guard shield;
  while (!child.done()) {
    try {
      co_await child.get();
    } catch (...) {
      // Another cancellation of the task that waits here, or the outcome of the child, which is the group's.
    }
  }
}

} // namespace detail
RONDO_END_NAMESPACE
