// finally: clean-up that may wait, also when the block was cancelled.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/finally.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>

#include <iostream>

using namespace std::chrono_literals;

rondo::awaitable<void> heat() {
  std::cout << "heating on\n";
  const auto body = []() -> rondo::awaitable<void> { co_await rondo::sleep(std::nullopt); };
  const auto cleanup = []() -> rondo::awaitable<void> {
    std::cout << "cooling down\n";
    co_await rondo::sleep(50ms);
    std::cout << "heating off\n";
  };
  co_await rondo::finally(body, cleanup);
}

rondo::awaitable<void> async_main() {
  const auto heater = rondo::create_task(heat());
  co_await rondo::sleep(10ms);
  heater.cancel();
  co_await rondo::sleep(10ms);
  heater.cancel("at once!"); // a second request does not reach the clean-up, and is kept for afterwards
  try {
    co_await heater.get();
  } catch (const rondo::cancelled_error&) {
    std::cout << "the heater's task is cancelled\n";
  }
}

int main() { rondo::run(async_main()); }
