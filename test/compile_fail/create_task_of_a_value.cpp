// A value is not a coroutine.
// SPDX-License-Identifier: BSL-1.0
// expect: this needs something that can be awaited
#include <rondo/task.hpp>

void f() {
#ifdef RONDO_CONTROL
  rondo::create_task([]() -> rondo::awaitable<int> { co_return 42; });
#else
  rondo::create_task(42);
#endif
}
