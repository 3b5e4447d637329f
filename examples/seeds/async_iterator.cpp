// An asynchronous iterator is a generator here.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/async_generator.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>

#include <iostream>

rondo::async_generator<int> async_iterator(int n) {
  for (int i = 1; i <= n; ++i) {
    co_await rondo::sleep(1 * second);
    co_yield i;
  }
}

rondo::awaitable<void> async_main() {
  auto numbers = async_iterator(3);
  while (const auto num = co_await numbers.next())
    std::cout << *num << '\n';
}

int main() { rondo::run(async_main()); }
