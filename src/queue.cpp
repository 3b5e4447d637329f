// SPDX-License-Identifier: BSL-1.0
#include <rondo/detail/queue.hpp>
#include <rondo/errors.hpp>

#include <algorithm>
#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace detail {

queue_state::queue_state(std::ptrdiff_t maxsize) noexcept
    : getters_("queue"), putters_("queue"), joiners_("queue"), maxsize_(maxsize) {}

namespace {

constexpr const char* remedy = "thread_queue, or call_soon_threadsafe";

} // namespace

void queue_state::check_put() const {
  getters_.check_thread("queue::put_nowait", remedy);
  if (shut_down_) throw queue_shut_down();
  if (full()) throw queue_full();
}

void queue_state::check_get() const {
  putters_.check_thread("queue::get_nowait", remedy);
  if (size_ > 0) return;
  if (shut_down_) throw queue_shut_down();
  throw queue_empty();
}

void queue_state::check_shutdown() const {
  for (const waiting_line* line : {&getters_, &putters_, &joiners_})
    line->check_thread("queue::shutdown", remedy);
}

void queue_state::task_done() {
  joiners_.check_thread("queue::task_done", remedy);
  if (unfinished_ == 0)
    throw std::invalid_argument("task_done() called too many times: once for each item that was taken");
  if (--unfinished_ == 0) joiners_.wake_all();
}

void queue_state::end(bool drop) noexcept {
  shut_down_ = true;
  if (drop) {
    unfinished_ -= std::min(unfinished_, size_);
    size_ = 0;
    if (unfinished_ == 0) joiners_.wake_all();
  }
  getters_.wake_all();
  putters_.wake_all();
}

queue_statistics queue_state::statistics() const noexcept {
  return {size_, most_, getters_.statistics().waiters, putters_.statistics().waiters, unfinished_};
}

void get_wait::park() {
  if (queue_->can_get()) return complete_now();
  queue_->bind(*core_);
  wait();
}

bool get_wait::turn(bool cancelled) noexcept {
  if (cancelled) {
    if (was_woken()) queue_->pass_on_get();
    return true;
  }
  if (queue_->can_get()) return true;
  wait();
  return false;
}

void put_wait::park() {
  if (queue_->can_put()) return complete_now();
  queue_->bind(*core_);
  wait();
}

bool put_wait::turn(bool cancelled) noexcept {
  if (cancelled) {
    if (was_woken()) queue_->pass_on_put();
    return true;
  }
  if (queue_->can_put()) return true;
  wait();
  return false;
}

void join_wait::park() {
  if (ready()) return complete_now();
  queue_->bind(*core_);
  wait();
}

} // namespace detail
RONDO_END_NAMESPACE
