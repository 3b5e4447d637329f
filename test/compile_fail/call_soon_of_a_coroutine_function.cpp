// A callback that returns a coroutine would never run it.
// SPDX-License-Identifier: BSL-1.0
// expect: the coroutine that this callback returns would never run: use create_task
#include <rondo/event_loop.hpp>

rondo::awaitable<void> coroutine() { co_return; }

void f(rondo::event_loop loop) {
#ifdef RONDO_CONTROL
  loop.create_task(&coroutine);
#else
  loop.call_soon(&coroutine);
#endif
}
