// A coroutine can be awaited once, so it must be moved.
// SPDX-License-Identifier: BSL-1.0
// expect: a coroutine can be awaited once: pass it with std::move
#include <rondo/task.hpp>

rondo::awaitable<int> coroutine() { co_return 1; }

void f() {
  auto c = coroutine();
#ifdef RONDO_CONTROL
  rondo::create_task(std::move(c));
#else
  rondo::create_task(c);
#endif
}
