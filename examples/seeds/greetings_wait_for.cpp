// wait_for cancels what takes too long: afterwards only the main task is left. Python prints the set of tasks.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/timeout.hpp>

#include <iostream>
#include <string>

rondo::awaitable<std::string> greetings(std::string name, rondo::time_limit delay) {
  co_await rondo::sleep(delay);
  co_return "Hello! " + name;
}

rondo::awaitable<void> async_main() {
  try {
    const std::string result = co_await rondo::wait_for(greetings("张三", 3 * second), 2 * second);
    std::cout << result << '\n';
  } catch (const rondo::timeout_error&) {
    std::cout << "任务超时\n";
    for (const auto& task : rondo::all_tasks())
      std::cout << "当前任务:" << task.name() << '\n';
  }
}

int main() { rondo::run(async_timed(async_main)); }
