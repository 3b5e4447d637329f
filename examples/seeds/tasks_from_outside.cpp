// A loop in a background thread takes coroutines from threads that have none. Python prints the numbers of the threads,
// and its last loop has no end.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/concurrent_future.hpp>
#include <rondo/loop_thread.hpp>
#include <rondo/sleep.hpp>

#include <iostream>
#include <string>
#include <thread>

const std::thread::id main_thread = std::this_thread::get_id();

const char* where() { return std::this_thread::get_id() == main_thread ? "main thread" : "loop thread"; }

rondo::awaitable<void> p() {
  co_await rondo::sleep(1 * second);
  std::cout << "p: " << where() << '\n';
}

void b() { std::cout << "b: " << where() << '\n'; }

rondo::awaitable<std::string> answer() {
  co_await rondo::sleep(2 * second);
  co_return "answer of the " + std::string(where());
}

int main() {
  const rondo::loop_thread executor;

  // With a callback: it runs where the coroutine has ended, and not in the thread that added it.
  executor.submit(p()).add_done_callback(b);

  // With a wait that blocks this thread.
  const std::string result = executor.submit(answer()).result();
  std::cout << where() << ": " << result << '\n';

  for (int i = 0; i < 3; ++i) {
    std::cout << "l\n";
    std::this_thread::sleep_for(1 * second);
  }
}
