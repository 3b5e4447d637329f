// A reference would outlive what it refers to.
// SPDX-License-Identifier: BSL-1.0
// expect: a task cannot return a reference
#include <rondo/task.hpp>

void f() {
#ifdef RONDO_CONTROL
  rondo::create_task([]() -> rondo::awaitable<int> { co_return 1; });
#else
  rondo::future<int> x;
  rondo::create_task([]() -> rondo::future<int&> { return {}; });
#endif
}
