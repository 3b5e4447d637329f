// Tasks that create tasks. The loop of the Python program has no end; this one has five turns. The fourth begins when
// the delay ends: on the virtual clock, which jumps when nothing is ready, the order of the two is always that of
// Python.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <iostream>

using namespace std::chrono_literals;

rondo::awaitable<void> delay_task() {
  co_await rondo::sleep(3s);
  std::cout << "after delay business logic\n";
}

rondo::awaitable<void> loop_task() {
  for (int turn = 0; turn < 5; ++turn) {
    std::cout << "loop\n";
    co_await rondo::sleep(1s);
  }
}

rondo::awaitable<rondo::task<>> main_task() {
  std::cout << "start loop task\n";
  const auto looping = rondo::create_task(loop_task());
  std::cout << "start delay task\n";
  rondo::create_task(delay_task());
  co_return looping;
}

rondo::awaitable<void> async_main() {
  const auto task = rondo::create_task(main_task());
  const rondo::task<> looping = co_await task.get();
  co_await looping.get();
}

int main() { rondo::testing::run_virtual(async_main()); }
