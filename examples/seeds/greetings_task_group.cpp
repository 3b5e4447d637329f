// A task group ends when all of its tasks have: nothing needs to be awaited one by one.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task_group.hpp>

#include <iostream>
#include <string>

rondo::awaitable<std::string> greetings(std::string name, rondo::time_limit delay) {
  co_await rondo::sleep(delay);
  co_return "Hello! " + name;
}

rondo::awaitable<void> async_main() {
  rondo::task<std::string> task1, task2;
  co_await rondo::with_task_group([&](rondo::task_group& group) {
    task1 = group.create_task(greetings("刘德华", 1 * second));
    task2 = group.create_task(greetings("张学友", 2 * second));
  });

  std::cout << task1.result() << '\n';
  std::cout << task2.result() << '\n';
}

int main() { rondo::run(async_timed(async_main)); }
