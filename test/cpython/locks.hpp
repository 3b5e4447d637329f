// What the ports of CPython's test_locks share: tasks that write their number when they have come through, and several
// tasks of one kind.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/awaitable.hpp>
#include <rondo/condition.hpp>
#include <rondo/event.hpp>
#include <rondo/gather.hpp>
#include <rondo/task.hpp>

#include <vector>

namespace cpython {

using numbers = std::vector<int>;

/// Takes a lock or a permit and keeps it.
template <class Primitive>
rondo::awaitable<bool> acquire_and_note(Primitive& primitive, numbers& result, int number) {
  co_await primitive.acquire();
  result.push_back(number);
  co_return true;
}

inline rondo::awaitable<bool> wait_and_note(rondo::event& e, numbers& result, int number) {
  co_await e.wait();
  result.push_back(number);
  co_return true;
}

/// Waits to be notified and keeps the lock.
inline rondo::awaitable<bool> wait_and_note(rondo::condition& c, numbers& result, int number) {
  co_await c.acquire();
  co_await c.wait();
  result.push_back(number);
  co_return true;
}

/// Waits to be notified and gives the lock back.
inline rondo::awaitable<bool> wait_note_release(rondo::condition& c, numbers& result, int number) {
  co_await wait_and_note(c, result, number);
  c.release();
  co_return true;
}

/// n tasks that run a coroutine function.
template <class F>
auto tasks_of(int n, const F& f) {
  std::vector<decltype(rondo::create_task(f))> tasks;
  for (int i = 0; i < n; ++i)
    tasks.push_back(rondo::create_task(f));
  return tasks;
}

/// The same, awaited.
template <class F>
auto all_of(int n, const F& f) {
  return rondo::gather(tasks_of(n, f));
}

} // namespace cpython
