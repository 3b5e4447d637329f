// One task waits for an event that another one sets.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/event.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>

#include <iostream>

rondo::awaitable<void> waiter(rondo::event& event) {
  std::cout << "waiting for it ...\n";
  co_await event.wait();
  std::cout << "... got it!\n";
}

rondo::awaitable<void> async_main() {
  rondo::event event; // the task refers to it, and has ended before it goes
  const auto waiter_task = rondo::create_task(waiter(event));

  co_await rondo::sleep(1 * second);
  event.set();

  co_await waiter_task.get();
}

int main() { rondo::run(async_main()); }
