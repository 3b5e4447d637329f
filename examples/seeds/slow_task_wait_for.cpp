// A time limit for one coroutine.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/timeout.hpp>

#include <iostream>
#include <string>

rondo::awaitable<std::string> slow_task() {
  co_await rondo::sleep(5 * second);
  co_return "Completed";
}

rondo::awaitable<void> async_main() {
  try {
    const std::string result = co_await rondo::wait_for(slow_task(), 2 * second);
    std::cout << result << '\n';
  } catch (const rondo::timeout_error&) {
    std::cout << "Task timed out!\n";
  }
}

int main() { rondo::run(async_main()); }
