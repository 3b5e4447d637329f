// A function that returns no coroutine is not a source.
// SPDX-License-Identifier: BSL-1.0
// expect: this needs something that can be awaited
#include <rondo/task.hpp>

int plain() { return 1; }

rondo::awaitable<int> coroutine() { co_return 1; }

void f() {
#ifdef RONDO_CONTROL
  rondo::create_task(&coroutine);
#else
  rondo::create_task(&plain);
#endif
}
