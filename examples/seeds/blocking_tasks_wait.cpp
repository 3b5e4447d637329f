// Tasks on a loop that does not run yet; it runs until all of them are done.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/event_loop.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/wait.hpp>

#include <iostream>
#include <vector>

rondo::awaitable<void> task(int i, rondo::time_limit block_time) {
  std::cout << "任务" << i << "阻塞之前\n";
  co_await rondo::sleep(block_time);
  std::cout << "任务" << i << "阻塞之后\n";
}

int main() {
  rondo::runner runner;
  const rondo::event_loop loop = runner.loop();
  std::vector<rondo::task<>> tasks;
  for (int i = 0; i < 5; ++i)
    tasks.push_back(loop.create_task(task(i, (5 - i) * second)));

  loop.run_until_complete(rondo::wait(tasks));
  runner.close();
}
