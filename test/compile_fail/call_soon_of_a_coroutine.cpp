// A coroutine is not a callback.
// SPDX-License-Identifier: BSL-1.0
// expect: a coroutine is not a callback: use create_task
#include <rondo/event_loop.hpp>

rondo::awaitable<void> coroutine() { co_return; }

void f(rondo::event_loop loop) {
#ifdef RONDO_CONTROL
  loop.create_task(coroutine());
#else
  loop.call_soon(coroutine());
#endif
}
