// Waiting without blocking the loop.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>

#include <iostream>

rondo::awaitable<void> delayed_hello() {
  std::cout << "Start waiting...\n";
  co_await rondo::sleep(2 * second);
  std::cout << "Hello after 2 seconds!\n";
}

int main() { rondo::run(delayed_hello()); }
