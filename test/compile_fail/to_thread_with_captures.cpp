// The thread may outlive the caller.
// SPDX-License-Identifier: BSL-1.0
// expect: to_thread takes a function or a lambda without captures
#include <rondo/threads.hpp>

rondo::awaitable<int> f(int x) {
#ifdef RONDO_CONTROL
  co_return co_await rondo::to_thread([](int y) { return y; }, x);
#else
  co_return co_await rondo::to_thread([&] { return x; });
#endif
}
