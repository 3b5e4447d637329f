// SPDX-License-Identifier: BSL-1.0
#include "loop_core.hpp"

#include "task_runner.hpp"

#include <rondo/detail/wait.hpp>

#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace detail {

void loop_core::close() {
  if (running()) throw std::runtime_error("Cannot close a running event loop");
  if (closed()) return;
  shut_down();
}

void loop_core::shut_down() noexcept {
  {
    std::lock_guard lock(gate_);
    if (down_.exchange(true, std::memory_order_acq_rel)) return;
  }
  drop_everything();
}

void loop_core::drop_everything() noexcept {
  stop_signals();
  alarm_.reset();
  probes_.clear();
  take_inbox();
  pass_.splice_back(ready_);
  while (!pass_.empty())
    pass_.pop_front().drop();
  while (ready_node* node = timers_.pop_any())
    node->drop();
  // Dropping a wait destroys the handler, which posts the destruction of the coroutine's frames to the executor.
  while (!foreign_waits.empty())
    foreign_waits.front().drop();
  while (!callbacks.empty())
    callbacks.front().drop();
  while (!watches.empty())
    watches.front().drop();
  list<task_state_base, live_hook> live;
  live.splice_back(tasks_);
  while (!live.empty()) {
    task_state_base& t = live.pop_front();
    if (t.waiting) t.waiting->drop();
  }
  idle_.clear();
  for (list_hook* r = runners.first(); r != runners.end(); r = r->next)
    static_cast<task_runner*>(r)->drop_idle();
  exception_handler = nullptr;
  task_factory = nullptr;
  std::lock_guard lock(work_mutex_);
  work_ = boost::asio::any_io_executor();
}

void loop_core::release_executor() noexcept {
  while (!runners.empty())
    runners.pop_front().release();
  std::lock_guard lock(gate_);
  executor_ = posting_ = dispatching_ = boost::asio::any_io_executor();
}

} // namespace detail
RONDO_END_NAMESPACE
