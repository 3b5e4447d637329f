// co_await on a future with a name.
// SPDX-License-Identifier: BSL-1.0
// expect: a future with a name is awaited with co_await f.get()
#include <rondo/future.hpp>

rondo::awaitable<int> f(rondo::future<int> x) {
#ifdef RONDO_CONTROL
  co_return co_await x.get();
#else
  co_return co_await x;
#endif
}
