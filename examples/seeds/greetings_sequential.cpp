// One after the other takes three seconds.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>

#include <iostream>
#include <string>

rondo::awaitable<std::string> greetings(std::string name, rondo::time_limit delay) {
  co_await rondo::sleep(delay);
  co_return "Hello! " + name;
}

rondo::awaitable<void> async_main() {
  const std::string res1 = co_await greetings("刘德华", 1 * second);
  std::cout << res1 << '\n';
  const std::string res2 = co_await greetings("张学友", 2 * second);
  std::cout << res2 << '\n';
}

int main() { rondo::run(async_timed(async_main)); }
