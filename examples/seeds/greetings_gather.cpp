// gather_settled, Python's gather(return_exceptions=True): all outcomes, in the order of the arguments.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/gather.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>

#include <iostream>
#include <string>

rondo::awaitable<std::string> greetings(std::string name, rondo::time_limit delay) {
  co_await rondo::sleep(delay);
  co_return "Hello! " + name;
}

rondo::awaitable<void> async_main() {
  const auto [res1, res2] =
      co_await rondo::gather_settled(greetings("刘德华", 1 * second), greetings("张学友", 2 * second));
  std::cout << "['" << res1.value() << "', '" << res2.value() << "']\n";
}

int main() { rondo::run(async_timed(async_main)); }
