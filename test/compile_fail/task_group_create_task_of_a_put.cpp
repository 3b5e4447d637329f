// A task of a group lives to the end of the block, but its maker may be another task of the group.
// SPDX-License-Identifier: BSL-1.0
// expect: this operation refers to an object of the caller
#include <rondo/queue.hpp>
#include <rondo/task_group.hpp>
#include <utility>

void f(rondo::task_group& group, rondo::priority_queue<int>& q, int item) {
#ifdef RONDO_CONTROL
  group.create_task([&q, item]() -> rondo::awaitable<void> { co_await q.put(item); });
#else
  group.create_task(q.put(std::move(item)));
#endif
}
