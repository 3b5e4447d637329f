// SPDX-License-Identifier: BSL-1.0
#include <rondo/detail/thread_queue.hpp>

#include <fmt/format.h>

#include <chrono>
#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace detail {

thread_queue_base::thread_queue_base(std::size_t maxsize)
    : rooms_(maxsize > 0 ? shared_gate::kind::counting : shared_gate::kind::flag, maxsize > 0 ? maxsize : 1),
      maxsize_(maxsize) {
  finished_.set();
}

std::size_t thread_queue_base::size() {
  std::lock_guard lock(mutex);
  return size_;
}

bool thread_queue_base::closed() {
  std::lock_guard lock(mutex);
  return items_.closed();
}

void thread_queue_base::task_done() {
  std::lock_guard lock(mutex);
  if (unfinished_ == 0)
    throw std::invalid_argument("task_done() called too many times: once for each item that was taken");
  if (--unfinished_ == 0) finished_.set();
}

queue_statistics thread_queue_base::statistics() {
  std::lock_guard lock(mutex);
  return {size_, most_, items_.waiters(), rooms_.waiters(), unfinished_};
}

thread_queue_base::outcome thread_queue_base::pass(shared_gate& gate, const char* call, time_limit limit,
                                                   const std::stop_token& stop) {
  return thread_wait().wait(*this, gate, call, limit, stop);
}

void thread_queue_base::unused(shared_gate& gate) noexcept {
  std::lock_guard lock(mutex);
  gate.add();
}

void thread_queue_base::throw_failed(outcome o, const char* call, time_limit limit) {
  if (o == outcome::refused) throw queue_shut_down();
  if (o == outcome::stopped) throw cancelled_error(fmt::format("{}: a stop was requested", call));
  throw timeout_error(
      fmt::format("{}: the time limit of {:.3f} s ran out", call, std::chrono::duration<double>(*limit).count()));
}

// Room may have been granted before the queue was closed.
void thread_queue_base::check_put() const {
  if (items_.closed()) throw queue_shut_down();
}

void thread_queue_base::was_put() noexcept {
  if (++size_ > most_) most_ = size_;
  if (unfinished_++ == 0) finished_.clear();
  items_.add();
}

void thread_queue_base::was_taken() noexcept {
  --size_;
  rooms_.add();
}

void thread_queue_base::end() noexcept {
  (void)rooms_.take_all();
  rooms_.close();
  items_.close();
}

std::size_t thread_queue_base::drop_items() noexcept {
  const std::size_t dropped = items_.take_all();
  size_ -= dropped;
  unfinished_ -= dropped < unfinished_ ? dropped : unfinished_;
  if (unfinished_ == 0) finished_.set();
  return dropped;
}

} // namespace detail
RONDO_END_NAMESPACE
