// As create_task_of_a_put, on a thread with a loop.
// SPDX-License-Identifier: BSL-1.0
// expect: this operation refers to an object of the caller
#include <rondo/loop_thread.hpp>
#include <rondo/queue.hpp>
#include <utility>

void f(rondo::loop_thread& worker, rondo::queue<int>& q, int item) {
#ifdef RONDO_CONTROL
  worker.submit(q.put(item));
#else
  worker.submit(q.put(std::move(item)));
#endif
}
