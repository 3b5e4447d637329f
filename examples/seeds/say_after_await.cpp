// co_await runs a coroutine to its end: three seconds. Python prints the time of day.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>

#include <iostream>
#include <string>

rondo::awaitable<void> say_after(rondo::time_limit delay, std::string what) {
  co_await rondo::sleep(delay);
  std::cout << what << '\n';
}

rondo::awaitable<void> async_main() {
  const auto start = rondo::clock::now();
  std::cout << "started at " << (rondo::clock::now() - start) / second << " s\n";
  co_await say_after(1 * second, "hello");
  co_await say_after(2 * second, "world");
  std::cout << "finished at " << (rondo::clock::now() - start) / second << " s\n";
}

int main() { rondo::run(async_main()); }
