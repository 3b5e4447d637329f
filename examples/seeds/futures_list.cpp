// A future for each task; their results are asked for in the order of the futures.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/event_loop.hpp>
#include <rondo/future.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>

#include <iostream>
#include <vector>

rondo::awaitable<void> task(int i, rondo::time_limit block_time, rondo::future<int> future) {
  std::cout << "任务" << i << "阻塞之前\n";
  co_await rondo::sleep(block_time);
  std::cout << "任务" << i << "阻塞之后\n";
  future.set_result(i);
}

rondo::awaitable<void> async_main() {
  const auto loop = rondo::get_running_loop();
  std::vector<rondo::future<int>> future_list;
  for (int i = 0; i < 5; ++i)
    future_list.push_back(loop.create_future<int>());
  for (int i = 0; i < 5; ++i)
    loop.create_task(task(i, (5 - i) * second, future_list[static_cast<std::size_t>(i)]));

  std::vector<int> result_list;
  for (const auto& future : future_list)
    result_list.push_back(co_await future.get());
  for (const int result : result_list)
    std::cout << "result: " << result << '\n';
}

int main() { rondo::run(async_main()); }
