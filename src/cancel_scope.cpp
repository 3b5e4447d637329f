// SPDX-License-Identifier: BSL-1.0
#include "loop_core.hpp"
#include "task_runner.hpp"

#include <rondo/cancel_scope.hpp>
#include <rondo/errors.hpp>

#include <fmt/format.h>

#include <chrono>
#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace detail {

namespace {

using time_point = clock::time_point;

time_point now_of(const loop_core& core) noexcept { return time_point(clock::duration(core.now())); }

std::optional<time_point> deadline_of(time_limit limit) noexcept {
  if (!limit) return std::nullopt;
  return time_point(clock::duration(time_after(clock::now().time_since_epoch().count(), *limit)));
}

} // namespace

void scope_link::enter(task_state_base& task) noexcept {
  task_ = &task;
  outer_ = std::exchange(task.runner->scopes, this);
  if (outer_) outer_->inner_ = this;
  task.scopes_changed();
}

void scope_link::leave() noexcept {
  task_state_base* const task = std::exchange(task_, nullptr);
  if (!task) return;
  (inner_ ? inner_->outer_ : task->runner->scopes) = outer_;
  if (outer_) outer_->inner_ = inner_;
  outer_ = inner_ = nullptr;
  task->scopes_changed();
}

void scope_link::shield(bool shielded) noexcept {
  shielded_ = shielded;
  if (task_ && task_->scopes_changed()) task_->scope_was_cancelled();
}

void scope_link::cancel(std::string reason) noexcept {
  cancelled_ = true;
  reason_ = optional_text(std::move(reason));
  if (task_ && task_->scopes_changed()) task_->scope_was_cancelled();
}

bool scope_link::cancelled_from_outside() const noexcept { return !shielded_ && effective(outer_); }

const scope_link* scope_link::effective(const scope_link* innermost) noexcept {
  for (const scope_link* s = innermost; s; s = s->outer_) {
    if (s->cancelled_) return s;
    if (s->shielded_) return nullptr;
  }
  return nullptr;
}

shield_guard::shield_guard() {
  link_.shield(true);
  const task_runner* r = this_thread().runner;
  if (r && r->task) link_.enter(*r->task);
}

cancel_scope_state::cancel_scope_state(task_state_base& task) noexcept
    : core_(&task.core()), task_(&task), begin_(task.core().now()), requests_(task.cancelling()),
      pending_(task.real_cancel) {}

void cancel_scope_state::enter(bool shield, std::optional<time_point> deadline) {
  link_.shield(shield);
  link_.enter(*task_);
  set_deadline(deadline);
}

bool cancel_scope_state::end(const std::exception_ptr& error) noexcept {
  const bool task_was_cancelled = task_->cancelling() > requests_ || (pending_ && !task_->real_cancel);
  caught_ = link_.cancelled() && !link_.cancelled_from_outside() && !task_was_cancelled && is_cancellation(error);
  leave();
  return caught_;
}

void cancel_scope_state::leave() noexcept {
  disarm();
  link_.leave();
}

void cancel_scope_state::cancel(std::string reason) {
  if (!link_.entered() || link_.cancelled()) return;
  check_thread(*core_, "cancel_scope::cancel", "call_soon_threadsafe");
  disarm();
  link_.cancel(std::move(reason));
}

bool cancel_scope_state::cancel_called() noexcept {
  // A body that computes has not given the loop the time to notice.
  if (link_.entered() && !link_.cancelled() && deadline_has_passed()) expire();
  return link_.cancelled();
}

void cancel_scope_state::set_deadline(std::optional<time_point> deadline) {
  if (!link_.entered() || link_.cancelled()) return;
  check_thread(*core_, "cancel_scope::deadline", "call_soon_threadsafe");
  disarm();
  deadline_ = deadline;
  if (!deadline) return;
  if (deadline_has_passed()) return expire();
  slot_ = core_->add_timer(deadline->time_since_epoch().count(), *this);
  armed_ = true;
}

void cancel_scope_state::set_shield(bool shield) {
  if (!link_.entered()) return;
  check_thread(*core_, "cancel_scope::shield", "call_soon_threadsafe");
  link_.shield(shield);
}

void cancel_scope_state::throw_timeout() const {
  if (!expired_) throw timeout_error("fail_after: its scope was cancelled");
  const clock::duration allowed = *deadline_ - time_point(clock::duration(begin_));
  if (allowed <= clock::duration::zero()) throw timeout_error("fail_after: the time was over before it began");
  throw timeout_error(
      fmt::format("fail_after: the time limit of {:.3f} s ran out", std::chrono::duration<double>(allowed).count()));
}

void cancel_scope_state::run() noexcept {
  armed_ = false;
  expire();
}

void cancel_scope_state::drop() noexcept { armed_ = false; }

bool cancel_scope_state::deadline_has_passed() const noexcept { return deadline_ && *deadline_ <= now_of(*core_); }

void cancel_scope_state::expire() noexcept {
  disarm();
  expired_ = true;
  link_.cancel("the deadline of the scope has passed");
}

void cancel_scope_state::disarm() noexcept {
  if (!std::exchange(armed_, false)) return;
  if (linked())
    unlink(); // its turn has come, but was not taken yet
  else
    core_->cancel_timer(slot_);
}

void shield_begins() noexcept {
  if (task_runner* r = this_thread().runner) r->end_level_of_scope();
}

void require_own_task(const char* what, const void* coroutine) {
  require_task(what);
  const task_runner& r = *this_thread().runner;
  // A runner that the executor has started late does not know its coroutine yet.
  if (!r.coroutine || r.coroutine == coroutine) return;
  throw std::runtime_error(fmt::format("{} must be used inside a task; this coroutine was started inside of {} with "
                                       "co_spawn or a || b, and is none itself: use create_task, join or race",
                                       what, r.task->describe()));
}

scope_block::scope_block(const char* what, const cancel_scope_options& options)
    : state_(new cancel_scope_state(require_task(what))), scope(state_) {
  state_->enter(options.shield(), options.deadline());
}

scope_block::scope_block(const char* what, time_limit limit)
    : state_(new cancel_scope_state(require_task(what))), scope(state_) {
  state_->enter(false, deadline_of(limit));
}

} // namespace detail

void cancel_scope::throw_empty(const char* call) { detail::throw_empty_handle(call); }

RONDO_END_NAMESPACE
