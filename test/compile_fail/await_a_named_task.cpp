// co_await on a task with a name.
// SPDX-License-Identifier: BSL-1.0
// expect: a task with a name is awaited with co_await t.get()
#include <rondo/task.hpp>

rondo::awaitable<int> f(rondo::task<int> x) {
#ifdef RONDO_CONTROL
  co_return co_await x.get();
#else
  co_return co_await x;
#endif
}
