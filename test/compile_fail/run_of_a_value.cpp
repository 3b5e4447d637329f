// run takes what can be awaited.
// SPDX-License-Identifier: BSL-1.0
// expect: this needs something that can be awaited
#include <rondo/runner.hpp>

rondo::awaitable<int> coroutine() { co_return 1; }

int f() {
#ifdef RONDO_CONTROL
  return rondo::run(coroutine());
#else
  return rondo::run(3);
#endif
}
