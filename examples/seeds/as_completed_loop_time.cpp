// The first to complete comes first. Times are seconds since the start, where Python prints all of the loop's time;
// and the coroutines begin in their order, where Python's come in the order of a set.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/as_completed.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>

#include <iostream>
#include <vector>

rondo::awaitable<int> task(int i, rondo::time_limit block_time, rondo::clock::time_point start) {
  std::cout << "任务" << i << "阻塞之前\n";
  co_await rondo::sleep(block_time);
  std::cout << "任务" << i << "阻塞之后\n";
  const auto loop = rondo::get_running_loop();
  std::cout << "loop time: " << (loop.time() - start) / second << '\n';
  co_return i;
}

rondo::awaitable<void> async_main() {
  const auto start = rondo::get_running_loop().time();
  std::vector<rondo::awaitable<int>> tasks;
  for (int i = 0; i < 5; ++i)
    tasks.push_back(task(i, (5 - i) * second, start));

  auto results = rondo::as_completed(std::move(tasks));
  while (const auto result = co_await results.next())
    std::cout << "task return: " << result->result() << '\n';
}

int main() { rondo::run(async_main()); }
