// GCC 12 destroys such a closure twice.
// SPDX-License-Identifier: BSL-1.0
// expect: capture by reference, or name the predicate first
#include <rondo/condition.hpp>

#include <string>

rondo::awaitable<void> f(rondo::condition& c, std::string text) {
#ifdef RONDO_CONTROL
  auto named = [text] { return !text.empty(); };
  co_await c.wait_for(named);
#else
  co_await c.wait_for([text] { return !text.empty(); });
#endif
}
