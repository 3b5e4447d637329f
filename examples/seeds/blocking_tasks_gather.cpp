// gather of a vector. Coroutines without a result give none.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/gather.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>

#include <iostream>
#include <vector>

rondo::awaitable<void> task(int i, rondo::time_limit block_time) {
  std::cout << "任务" << i << "阻塞之前\n";
  co_await rondo::sleep(block_time);
  std::cout << "任务" << i << "阻塞之后\n";
}

rondo::awaitable<void> async_main() {
  std::vector<rondo::awaitable<void>> tasks;
  for (int i = 0; i < 5; ++i)
    tasks.push_back(task(i, (5 - i) * second));
  co_await rondo::gather(std::move(tasks));
  for (int i = 0; i < 5; ++i)
    std::cout << "None\n"; // what Python has in its list
}

int main() { rondo::run(async_main()); }
