// GCC 12 destroys such a closure twice.
// SPDX-License-Identifier: BSL-1.0
// expect: capture by reference, or name the lambda first
#include <rondo/threads.hpp>

#include <string>

rondo::awaitable<std::size_t> f(std::string text) {
#ifdef RONDO_CONTROL
  auto named = [text] { return text.size(); };
  co_return co_await rondo::blocking(named);
#else
  co_return co_await rondo::blocking([text] { return text.size(); });
#endif
}
