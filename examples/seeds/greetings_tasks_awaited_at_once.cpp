// Tasks that are awaited as soon as they are created run one after the other: three seconds.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>

#include <iostream>
#include <string>

rondo::awaitable<std::string> greetings(std::string name, rondo::time_limit delay) {
  co_await rondo::sleep(delay);
  co_return "Hello! " + name;
}

rondo::awaitable<void> async_main() {
  const auto task1 = rondo::create_task(greetings("刘德华", 1 * second));
  const std::string res1 = co_await task1.get();
  std::cout << res1 << '\n';

  const auto task2 = rondo::create_task(greetings("张学友", 2 * second));
  const std::string res2 = co_await task2.get();
  std::cout << res2 << '\n';
}

int main() { rondo::run(async_timed(async_main)); }
