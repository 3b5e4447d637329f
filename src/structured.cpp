// SPDX-License-Identifier: BSL-1.0
#include "loop_core.hpp"
#include "task_runner.hpp"

#include <rondo/exception_group.hpp>
#include <rondo/structured.hpp>

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace detail {

child_set::child_set(const char* call, until u, std::size_t limit)
    : call_(call), core_(running_core()), until_(u), limit_(limit) {}

child_set::child& child_set::next_child(std::size_t index) {
  child* c;
  if (free_.empty()) {
    c = &children_.emplace_back();
    c->set = this;
  } else {
    c = free_.back();
    free_.pop_back();
  }
  c->index = index;
  return *c;
}

void child_set::adopt(child& c, ref<future_state_base> future, bool own) noexcept {
  c.future = std::move(future);
  c.own = own;
  if (c.future->done()) return child_ended(c);
  ++running_;
  c.watch(*c.future);
  if (stopped_) cancel_child(c, {});
}

void child_set::watched_child_ended(child& c) noexcept {
  --running_;
  child_ended(c);
  if (parent_ && over()) std::exchange(parent_, nullptr)->wake_up();
}

void child_set::child_ended(child& c) noexcept {
  if (limit_ != no_limit) ended_.push_back(&c);
  if (!c.has_value()) return take_error(c);
  if (until_ == until::first_error || has_lost()) return;
  won_ = true;
  stop({});
}

void child_set::take_error(child& c) noexcept {
  if (!c.future->ends_in_cancellation()) {
    fail(c.future->outcome_error());
  } else if (stopped_) {
    c.future->mark_retrieved(); // it does what it was told
  } else {
    child_cancelled_ = c.future->outcome_error();
    stop({});
  }
}

void child_set::fail(std::exception_ptr error) noexcept {
  if (won_) return report(core_, fmt::format("{}: one that lost ended with an exception", call_), std::move(error));
  errors_.push_back(std::move(error));
  stop({});
}

void child_set::stop(const std::string& message) noexcept {
  if (std::exchange(stopped_, true)) return;
  for (child& c : children_)
    if (c.watching()) cancel_child(c, message);
}

void child_set::cancel_child(child& c, const std::string& message) noexcept {
  task_state_base* const task = c.future->as_task();
  if (!task) {
    c.future->cancel(optional_text(message));
    return;
  }
  // A plain operation that has completed leaves the cancellation to a next wait, which need not come.
  if (until_ == until::first_completion) task->keeps_value = true;
  const std::exception_ptr noted = cancellation_;
  const int requests = parent_task_ ? parent_task_->cancelling() : 0;
  cancel_in_any_case(*task, message);
  if (!parent_task_ || parent_task_->cancelling() == requests) return;
  // The child awaits the parent, which has just got the child's own cancellation: the circle is opened here.
  cancellation_ = noted;
  parent_task_->uncancel();
  if (task->waiting) task->break_circle();
}

/// Called when the parent is parked; a child that is the parent itself is given up.
void child_set::parent_waits(task_state_base* parent) {
  parent_task_ = parent;
  if (std::exchange(has_waited_, true) || !parent) return;
  for (child& c : children_) {
    if (c.future.get() != parent || !c.watching()) continue;
    c.unwatch();
    --running_;
    fail(std::make_exception_ptr(std::runtime_error("Task cannot await on itself: " + parent->describe())));
  }
}

void child_set::parent_cancelled(std::exception_ptr error, const std::string& message) noexcept {
  if (!cancellation_) cancellation_ = std::move(error);
  stop(message);
}

child_set::child* child_set::take_ended() noexcept {
  if (ended_.empty()) return nullptr;
  child* c = ended_.back();
  ended_.pop_back();
  free_.push_back(c);
  return c;
}

awaitable<void> child_set::wait(bool for_room) {
  for_room_ = for_room;
  while (!over()) {
    try {
      co_await child_wait(*this);
    } catch (const cancelled_error& e) {
      parent_cancelled(std::current_exception(), e.message());
    }
  }
}

void child_set::throw_errors() {
  if (won_ || !errors_.empty()) {
    deliver_again();
    if (!errors_.empty()) throw_collected();
    return;
  }
  if (cancellation_) std::rethrow_exception(cancellation_);
  if (child_cancelled_) std::rethrow_exception(child_cancelled_);
}

/// The parent's own cancellation gives way to what the children made; the count of requests stays what it is. That of a
/// scope comes again by itself.
void child_set::deliver_again() noexcept {
  if (!cancellation_ || !parent_task_ || parent_task_->cancelling() == 0) return;
  std::string message;
  try {
    std::rethrow_exception(cancellation_);
  } catch (const cancelled_error& e) {
    message = e.message();
  }
  parent_task_->uncancel();
  parent_task_->cancel(optional_text(std::move(message)));
}

void child_set::throw_collected() {
  for (const std::exception_ptr& error : errors_) {
    try {
      std::rethrow_exception(error);
    } catch (const keyboard_interrupt&) {
      throw;
    } catch (...) {
    }
  }
  if (errors_.size() == 1) std::rethrow_exception(errors_.front());
  throw exception_group(fmt::format("unhandled errors in {}", call_), std::move(errors_));
}

std::size_t checked_limit(std::ptrdiff_t limit) {
  if (limit < 1)
    throw std::invalid_argument(
        fmt::format("map_concurrent: the limit is {}, so nothing could ever run; it must be 1 or more", limit));
  return static_cast<std::size_t>(limit);
}

void check_contestants(std::size_t count) {
  if (count == 0) throw std::invalid_argument("race: the range is empty, so nothing could ever complete");
}

void child_wait::park() {
  set_->parent_waits(owner());
  if (set_->over()) return complete_now();
  set_->parent_ = this;
  parked();
}

void child_wait::wake_up() noexcept {
  if (!static_cast<ready_node&>(*this).linked()) complete_now(); // else somebody has cut it short
}

bool child_wait::cancel(optional_text& message) noexcept {
  if (set_->parent_ != this) return false;
  const std::string text = message.str();
  set_->parent_cancelled(std::make_exception_ptr(cancelled_error(text)), text);
  return true;
}

std::string child_wait::waits_for() const { return fmt::format("{}, {} child(ren) left", set_->call_, set_->running_); }

} // namespace detail
RONDO_END_NAMESPACE
