// SPDX-License-Identifier: BSL-1.0
#include "task_runner.hpp"

#include <rondo/detail/line.hpp>

#include <fmt/format.h>

#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace detail {

void line_wait::wait() {
  line_->join(*this, *core_);
  status_ = status::waiting;
  parked();
}

bool line_wait::cancel(optional_text& message) noexcept {
  if (status_ != status::waiting) return false;
  status_ = status::cancelled;
  line_->pass_over(*this);
  --line_->uncancelled_;
  push_cancelled(message);
  return true;
}

void line_wait::run() noexcept {
  if (line_hook::linked()) leave();
  if (!orphaned() && !failed_) { // who has failed to join the line gets no turn
    const bool cancelled = status_ == status::cancelled || (owner_ && owner_->must_cancel);
    if (!turn(cancelled)) return;
  }
  wait_node::run();
}

void line_wait::leave() noexcept { line_->leave(*this); }

namespace {

std::exception_ptr destroyed(const char* owner) {
  return std::make_exception_ptr(std::runtime_error(
      fmt::format("the {} was destroyed while a task waited for it: it must outlive its waiters", owner)));
}

} // namespace

void line_wait::line_is_gone(const char* owner) noexcept {
  line_ = nullptr;
  const bool dropped = !parked_ && !elsewhere_; // the loop has ended
  if (dropped || status_ == status::cancelled || (was_woken() && outlives_line())) return;
  auto& links = static_cast<ready_node&>(*this);
  if (links.linked()) links.unlink();
  status_ = status::woken;
  fail(destroyed(owner));
}

waiting_line::~waiting_line() {
  // When the loop has ended, what follows destroys handlers, which may have guards of this very line.
  while (!guards_.empty())
    guards_.pop_front().primitive_ = nullptr;
  first_waiting_ = nullptr;
  while (!waiters_.empty())
    waiters_.pop_front().line_is_gone(owner_);
}

bool waiting_line::wake_next() noexcept {
  if (!first_waiting_) return false;
  wake(*first_waiting_);
  return true;
}

void waiting_line::wake_first() noexcept {
  if (!waiters_.empty() && &waiters_.front() == first_waiting_) wake(*first_waiting_);
}

void waiting_line::wake_all() noexcept {
  while (first_waiting_)
    wake(*first_waiting_);
}

void waiting_line::bind(loop_core& core) {
  if (!core_) core_ = &core;
  if (core_ != &core)
    throw std::runtime_error(fmt::format(
        "<{}> is bound to a different event loop: use it on the loop on which somebody waited for it first", owner_));
}

void waiting_line::join(line_wait& w, loop_core& core) {
  bind(core);
  waiters_.push_back(w);
  if (!first_waiting_) first_waiting_ = &w;
  ++uncancelled_;
  if (++size_ > most_) most_ = size_;
}

void waiting_line::leave(line_wait& w) noexcept {
  pass_over(w);
  static_cast<line_hook&>(w).unlink();
  --size_;
  if (w.status_ != line_wait::status::cancelled) --uncancelled_;
}

void waiting_line::wake(line_wait& w) noexcept {
  w.status_ = line_wait::status::woken;
  pass_over(w);
  w.complete_now();
}

/// It waits no longer: the next one that does may be the first.
void waiting_line::pass_over(line_wait& w) noexcept {
  if (first_waiting_ != &w) return;
  list_hook* next = static_cast<line_hook&>(w).next;
  while (next != waiters_.end()) {
    line_wait& candidate = static_cast<line_wait&>(static_cast<line_hook&>(*next));
    if (candidate.status_ == line_wait::status::waiting) {
      first_waiting_ = &candidate;
      return;
    }
    next = next->next;
  }
  first_waiting_ = nullptr;
}

} // namespace detail
RONDO_END_NAMESPACE
