// As create_task_of_a_put, from another thread.
// SPDX-License-Identifier: BSL-1.0
// expect: this operation refers to an object of the caller
#include <rondo/concurrent_future.hpp>
#include <rondo/queue.hpp>
#include <utility>

void f(rondo::event_loop loop, rondo::queue<int>& q, int item) {
#ifdef RONDO_CONTROL
  rondo::run_coroutine_threadsafe(q.put(item), loop);
#else
  rondo::run_coroutine_threadsafe(q.put(std::move(item)), loop);
#endif
}
