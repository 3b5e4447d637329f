// SPDX-License-Identifier: BSL-1.0
#include "loop_core.hpp"
#include "task_runner.hpp"

#include <rondo/detail/shared_gate.hpp>

#include <fmt/format.h>

#include <chrono>
#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace detail {

bool shared_gate::try_pass(shared_waiter& w) noexcept {
  if (permits_ == 0) {
    if (closed_) w.status_ = shared_waiter::status::refused;
    return closed_;
  }
  if (counting_) --permits_;
  w.status_ = shared_waiter::status::granted;
  return true;
}

void shared_gate::join(shared_waiter& w) noexcept {
  line_.push_back(w);
  w.status_ = shared_waiter::status::waiting;
  ++waiters_;
}

void shared_gate::leave(shared_waiter& w) noexcept {
  w.unlink();
  w.status_ = shared_waiter::status::left;
  --waiters_;
}

bool shared_gate::wake_next(shared_waiter::status s) noexcept {
  while (!line_.empty()) {
    shared_waiter& w = line_.front();
    leave(w);
    w.status_ = s; // before it is woken: it may run at once, on another thread
    if (w.wake()) return true;
    w.status_ = shared_waiter::status::left;
  }
  return false;
}

void shared_gate::add() noexcept {
  if (counting_ && !wake_next(shared_waiter::status::granted)) ++permits_;
}

void shared_gate::open() noexcept {
  permits_ = 1;
  while (wake_next(shared_waiter::status::granted)) {
  }
}

void shared_gate::close() noexcept {
  closed_ = true;
  while (wake_next(shared_waiter::status::refused)) {
  }
}

gate_wait::~gate_wait() {
  if (!asked_) return;
  std::lock_guard lock(state_->mutex);
  if (status_ == status::waiting)
    gate_->leave(*this);
  else if (status_ == status::granted)
    gate_->add();
}

bool gate_wait::ready() noexcept {
  std::lock_guard lock(state_->mutex);
  return asked_ = gate_->try_pass(*this);
}

void gate_wait::park() noexcept {
  asked_ = true;
  {
    std::lock_guard lock(state_->mutex);
    if (gate_->try_pass(*this)) return complete_now();
    gate_->join(*this);
  }
  parked();
}

bool gate_wait::cancel(optional_text& message) noexcept {
  {
    std::lock_guard lock(state_->mutex);
    // Once it has been woken it is on its way through the inbox: run() sees the cancellation.
    if (status_ != status::waiting) return false;
    gate_->leave(*this);
  }
  push_cancelled(message);
  return true;
}

void gate_wait::run() noexcept {
  if (status_ == status::granted && owner_ && owner_->must_cancel) give_back();
  wait_node::run();
}

void gate_wait::give_back() noexcept {
  std::lock_guard lock(state_->mutex);
  gate_->add();
  status_ = status::left;
}

bool gate_wait::wake() noexcept {
  // A loop that has ended would drop the node at once, which must not happen under the mutex.
  if (running_core_or_null() != core_ || core_->closed()) return push_threadsafe(*core_, *this);
  push_ready(*core_, *this);
  return true;
}

thread_wait::outcome thread_wait::wait(shared_state& state, shared_gate& gate, const char* call, time_limit limit,
                                       const std::stop_token& stop) {
  {
    std::lock_guard lock(state.mutex);
    if (gate.try_pass(*this)) return result();
  }
  if (limit && *limit <= clock::duration::zero()) return outcome::timed_out;
  if (running_core_or_null())
    throw std::runtime_error(
        fmt::format("{} would block the event loop that runs on this thread: use the function to co_await", call));
  const std::stop_callback watch(stop, [&] {
    std::lock_guard lock(state.mutex);
    stopped_ = true;
    changed_.notify_one();
  });
  std::unique_lock lock(state.mutex);
  if (!gate.try_pass(*this)) {
    gate.join(*this);
    block(lock, gate, limit);
  }
  return result();
}

void thread_wait::block(std::unique_lock<std::mutex>& lock, shared_gate& gate, time_limit limit) {
  const auto over = [this] { return status_ != status::waiting || stopped_; };
  constexpr clock::duration for_ever = std::chrono::hours(24 * 365 * 100); // the sum with now() must not overflow
  if (!limit || *limit > for_ever)
    changed_.wait(lock, over);
  else
    changed_.wait_for(lock, *limit, over);
  if (status_ == status::waiting) gate.leave(*this);
}

thread_wait::outcome thread_wait::result() const noexcept {
  switch (status_) {
  case status::granted:
    return outcome::granted;
  case status::refused:
    return outcome::refused;
  default:
    return stopped_ ? outcome::stopped : outcome::timed_out;
  }
}

bool thread_wait::wake() noexcept {
  changed_.notify_one();
  return true;
}

} // namespace detail
RONDO_END_NAMESPACE
