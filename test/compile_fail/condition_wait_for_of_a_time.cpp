// A condition waits for a predicate; with a time limit it is wait_for(c.wait(), 1s).
// SPDX-License-Identifier: BSL-1.0
// expect: wait_for takes a function without arguments whose result converts to bool
#include <rondo/condition.hpp>
#include <rondo/timeout.hpp>

#include <chrono>

rondo::awaitable<void> f(rondo::condition& c) {
  using namespace std::chrono_literals;
#ifdef RONDO_CONTROL
  co_await rondo::wait_for(c.wait(), 1s);
#else
  co_await c.wait_for(1s);
#endif
}
