// wait returns at the first completion; what is pending goes on, and can be awaited later. Python prints
// the sets of tasks; here it is their names.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/wait.hpp>

#include <iostream>
#include <string>
#include <vector>

rondo::awaitable<std::string> greetings(std::string name, rondo::time_limit delay) {
  co_await rondo::sleep(delay);
  co_return "Hello! " + name;
}

rondo::awaitable<void> async_main() {
  std::vector<rondo::task<std::string>> aws;
  aws.push_back(rondo::create_task(greetings("张三", 1 * second)));
  aws.push_back(rondo::create_task(greetings("李四", 2 * second)));

  const auto options = rondo::wait_options().timeout(2 * second).return_when(rondo::return_when::first_completed);
  const auto [done_tasks, pending_tasks] = co_await rondo::wait(aws, options);
  for (const auto& task : done_tasks)
    std::cout << task.name() << " finished: " << task.result() << '\n';
  for (const auto& task : pending_tasks)
    std::cout << task.name() << " pending\n";

  for (const auto& task : pending_tasks) {
    const std::string result = co_await task.get();
    std::cout << result << '\n';
  }
}

int main() { rondo::run(async_timed(async_main)); }
