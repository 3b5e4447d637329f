// The item is in the frame of the caller, and the task may outlive that.
// SPDX-License-Identifier: BSL-1.0
// expect: this operation refers to an object of the caller
#include <rondo/queue.hpp>
#include <rondo/task.hpp>
#include <utility>

void f(rondo::queue<int>& q, int item) {
#ifdef RONDO_CONTROL
  rondo::create_task(q.put(item)); // a copy
#else
  rondo::create_task(q.put(std::move(item)));
#endif
}
