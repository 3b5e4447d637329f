// shield: a cancellation of the one who waits does not reach the work.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/runner.hpp>
#include <rondo/shield.hpp>
#include <rondo/sleep.hpp>
#include <rondo/timeout.hpp>

#include <iostream>

using namespace std::chrono_literals;

rondo::awaitable<int> save() {
  co_await rondo::sleep(150ms);
  std::cout << "saved\n";
  co_return 3;
}

rondo::awaitable<void> async_main() {
  // Keep the task: without it nobody would learn how it ended.
  const auto saving = rondo::create_task(save());
  try {
    co_await rondo::wait_for(rondo::shield(saving), 10ms);
  } catch (const rondo::timeout_error&) {
    std::cout << "it takes longer than 10 ms, and goes on\n";
  }
  const int files = co_await saving.get();
  std::cout << files << " files\n";
}

int main() { rondo::run(async_main()); }
