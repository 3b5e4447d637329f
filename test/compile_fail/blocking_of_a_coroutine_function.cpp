// A coroutine runs in the loop, not in a thread.
// SPDX-License-Identifier: BSL-1.0
// expect: blocking takes a plain function
#include <rondo/threads.hpp>

rondo::awaitable<void> coroutine() { co_return; }

void f() {
#ifdef RONDO_CONTROL
  (void)rondo::blocking([] {});
#else
  (void)rondo::blocking(&coroutine);
#endif
}
