// Futures: B has its result first, but A is asked first.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/event_loop.hpp>
#include <rondo/future.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>

#include <iostream>

rondo::awaitable<void> task_a(rondo::future<bool> future) {
  co_await rondo::sleep(3 * second);
  future.set_result(true);
  std::cout << "task a complete.\n";
}

rondo::awaitable<void> task_b(rondo::future<bool> future) {
  co_await rondo::sleep(1 * second);
  future.set_result(true);
  std::cout << "task b complete.\n";
}

rondo::awaitable<void> all_task(rondo::future<bool> future) {
  const auto loop = rondo::get_running_loop();
  const auto future_task_a = loop.create_future<bool>();
  const auto future_task_b = loop.create_future<bool>();
  loop.create_task(task_a(future_task_a));
  loop.create_task(task_b(future_task_b));

  const bool rt_task_a = co_await future_task_a.get();
  std::cout << "get a result\n";
  const bool rt_task_b = co_await future_task_b.get();
  std::cout << "get b result\n";

  if (rt_task_a && rt_task_b) future.set_result(true);
}

rondo::awaitable<void> async_main() {
  const auto loop = rondo::get_running_loop();
  const auto future_all_task = loop.create_future<bool>();
  loop.create_task(all_task(future_all_task));
  const bool rt = co_await future_all_task.get();
  if (rt) std::cout << "all task success\n";
}

int main() { rondo::run(async_main()); }
