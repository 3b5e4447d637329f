// async_generator: a coroutine that gives many values, and may wait between them.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/async_generator.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>

#include <iostream>

using namespace std::chrono_literals;

rondo::async_generator<int> countdown(int from) {
  for (int i = from; i > 0; --i) {
    co_await rondo::sleep(5ms);
    co_yield i;
  }
}

rondo::async_generator<int> ticks() {
  struct bell {
    ~bell() { std::cout << "the clock is put away\n"; }
  } const at_the_end;
  for (int i = 1;; ++i) {
    co_await rondo::sleep(5ms);
    co_yield i;
  }
}

rondo::awaitable<void> async_main() {
  auto numbers = countdown(3);
  while (const auto number = co_await numbers.next())
    std::cout << *number << '\n';
  std::cout << "lift-off\n";

  // A generator that is not used to its end is closed, so that it can clean up.
  auto clock = ticks();
  while (const auto tick = co_await clock.next()) {
    std::cout << "tick " << *tick << '\n';
    if (*tick == 2) break;
  }
  co_await clock.aclose();
  std::cout << "done\n";
}

int main() { rondo::run(async_main()); }
