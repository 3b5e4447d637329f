// One task waits for an event that another one announces. For an event that happens once a future without a value
// will do.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/event_loop.hpp>
#include <rondo/future.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>

#include <iostream>

rondo::awaitable<void> waiter(rondo::future<void> event) {
  std::cout << "waiting for it ...\n";
  co_await event.get();
  std::cout << "... got it!\n";
}

rondo::awaitable<void> async_main() {
  const auto event = rondo::get_running_loop().create_future<void>();
  const auto waiter_task = rondo::create_task(waiter(event));

  co_await rondo::sleep(1 * second);
  event.set_result();

  co_await waiter_task.get();
}

int main() { rondo::run(async_main()); }
