// SPDX-License-Identifier: BSL-1.0
#include <rondo/thread_event.hpp>

RONDO_BEGIN_NAMESPACE
namespace detail {

void thread_event_state::set() noexcept {
  std::lock_guard lock(mutex);
  set_.store(true, std::memory_order_release);
  gate.open();
}

void thread_event_state::clear() noexcept {
  std::lock_guard lock(mutex);
  set_.store(false, std::memory_order_release);
  gate.shut();
}

bool thread_event_state::blocking_wait(time_limit limit, const std::stop_token& stop) {
  if (is_set()) return true;
  const ref<thread_event_state> alive(this);
  return thread_wait().wait(*this, gate, "thread_event::blocking_wait", limit, stop) == thread_wait::outcome::granted;
}

std::size_t thread_event_state::waiters() noexcept {
  std::lock_guard lock(mutex);
  return gate.waiters();
}

} // namespace detail
RONDO_END_NAMESPACE
