// A block with a time limit. The second greeting takes just as long as the whole block may: it comes too late.
// Python prints the set of the tasks that are left; here it is their names.
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
    co_await rondo::with_timeout(2 * second, []() -> rondo::awaitable<void> {
      const auto task1 = rondo::create_task(greetings("张三", 1 * second));
      const auto task2 = rondo::create_task(greetings("李四", 2 * second));

      const std::string res1 = co_await task1.get();
      std::cout << res1 << '\n';
      const std::string res2 = co_await task2.get();
      std::cout << res2 << '\n';
    });
  } catch (const rondo::timeout_error&) {
    std::cout << "超时!\n";
    for (const auto& task : rondo::all_tasks())
      std::cout << task.name() << '\n'; // the main task, and no other
  }
}

int main() { rondo::run(async_timed(async_main)); }
