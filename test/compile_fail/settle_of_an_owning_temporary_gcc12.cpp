// GCC 12 destroys such a closure twice.
// SPDX-License-Identifier: BSL-1.0
// expect: capture by reference, or name the lambda first
#include <rondo/task.hpp>

#include <string>

rondo::awaitable<void> f(std::string text) {
#ifdef RONDO_CONTROL
  auto named = [text]() -> rondo::awaitable<void> { co_return; };
  (void)co_await rondo::settle(named);
#else
  (void)co_await rondo::settle([text]() -> rondo::awaitable<void> { co_return; });
#endif
}
