// Tasks run while somebody else waits: two seconds. Python prints the time of day.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>

#include <iostream>
#include <string>

rondo::awaitable<void> say_after(rondo::time_limit delay, std::string what) {
  co_await rondo::sleep(delay);
  std::cout << what << '\n';
}

rondo::awaitable<void> async_main() {
  const auto start = rondo::clock::now();
  const auto task1 = rondo::create_task(say_after(1 * second, "hello"));
  const auto task2 = rondo::create_task(say_after(2 * second, "world"));

  std::cout << "started at " << (rondo::clock::now() - start) / second << " s\n";
  co_await task1.get();
  co_await task2.get();
  std::cout << "finished at " << (rondo::clock::now() - start) / second << " s\n";

  co_await rondo::sleep(5 * second); // tasks that are left would go on meanwhile
}

int main() { rondo::run(async_main()); }
