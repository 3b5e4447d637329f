// Futures that tests complete by hand.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/awaitable.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/future.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <cstddef>
#include <vector>

namespace support {

using futures = std::vector<rondo::future<int>>;

inline rondo::future<int> new_future() { return rondo::get_running_loop().create_future<int>(); }

inline futures new_futures(int n) {
  futures all;
  for (int i = 0; i < n; ++i)
    all.push_back(new_future());
  return all;
}

inline rondo::future<int> future_with(int i) {
  auto f = new_future();
  f.set_result(i);
  return f;
}

inline rondo::awaitable<int> await_future(rondo::future<int> f) { co_return co_await f.get(); }

/// Runs f(loop) inside a loop; for tests that need one but do not wait.
template <class F>
void in_loop(F f) {
  rondo::testing::run_virtual([&]() -> rondo::awaitable<void> {
    f(rondo::get_running_loop());
    co_await rondo::testing::passes(3);
  });
}

/// How many are told when it is done.
inline std::size_t waiters_of(const rondo::any_future& f) {
  std::size_t n = 0;
  rondo::detail::hook_list& list = f.state("test").waiters();
  for (rondo::detail::list_hook* h = list.first(); h != list.end(); h = h->next)
    ++n;
  return n;
}

} // namespace support
