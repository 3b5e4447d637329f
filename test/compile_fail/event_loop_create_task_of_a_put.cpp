// As create_task_of_a_put, for a loop that is not the running one.
// SPDX-License-Identifier: BSL-1.0
// expect: this operation refers to an object of the caller
#include <rondo/event_loop.hpp>
#include <rondo/queue.hpp>
#include <rondo/task.hpp>
#include <utility>

void f(rondo::event_loop loop, rondo::lifo_queue<int>& q, int item) {
#ifdef RONDO_CONTROL
  loop.create_task(q.put(item));
#else
  loop.create_task(q.put(std::move(item)));
#endif
}
