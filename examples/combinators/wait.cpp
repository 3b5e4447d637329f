// wait: look at tasks without taking their results, and without ending those that are late.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/wait.hpp>

#include <iostream>
#include <string>
#include <vector>

using namespace std::chrono_literals;

rondo::awaitable<std::string> cook(std::string dish, rondo::time_limit time) {
  co_await rondo::sleep(time);
  co_return dish;
}

rondo::awaitable<void> async_main() {
  std::vector<rondo::task<std::string>> dishes;
  dishes.push_back(rondo::create_task(cook("soup", 150ms)));
  dishes.push_back(rondo::create_task(cook("salad", 10ms)));
  dishes.push_back(rondo::create_task(cook("roast", 200ms)));

  const auto first_completed = rondo::wait_options().return_when(rondo::return_when::first_completed);
  const auto first = co_await rondo::wait(dishes, first_completed);
  std::cout << "first: " << first.done.front().result() << ", in the kitchen: " << first.pending.size() << '\n';

  // A timeout is not an error: what is late is pending, and goes on.
  const auto soon = co_await rondo::wait(first.pending, rondo::wait_options().timeout(10ms));
  std::cout << "10 ms later: " << soon.done.size() << " done, " << soon.pending.size() << " in the kitchen\n";

  const auto all = co_await rondo::wait(dishes);
  for (const auto& dish : all.done)
    std::cout << "on the table: " << dish.result() << '\n';
}

int main() { rondo::run(async_main()); }
