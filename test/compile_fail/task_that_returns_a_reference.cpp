// A reference would outlive what it refers to.
// SPDX-License-Identifier: BSL-1.0
// expect: a task cannot return a reference
#include <rondo/task.hpp>

#ifdef RONDO_CONTROL
rondo::awaitable<int> f();
#else
rondo::awaitable<int&> f();
#endif

void g() { rondo::create_task(f()); }
