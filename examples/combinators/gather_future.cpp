// gather_future: what gather returns can be kept, awaited by several tasks, and cancelled as a whole.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/gather.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>

#include <iostream>
#include <string>
#include <tuple>

using namespace std::chrono_literals;

rondo::awaitable<int> count(std::string what, int number, rondo::time_limit delay) {
  try {
    co_await rondo::sleep(delay);
  } catch (const rondo::cancelled_error&) {
    std::cout << "nobody counts the " << what << '\n';
    throw;
  }
  co_return number;
}

rondo::awaitable<void> report(std::string reader, rondo::gather_future<std::tuple<int, int>> counts) {
  const auto [sheep, goats] = co_await counts.get();
  std::cout << reader << ": " << sheep << " sheep, " << goats << " goats\n";
}

rondo::awaitable<void> async_main() {
  // It runs from here on, also while nobody waits for it.
  const auto counts = rondo::gather(count("sheep", 7, 10ms), count("goats", 2, 10ms));
  co_await rondo::gather(report("farmer", counts), report("shepherd", counts));

  // A cancel reaches all children that are not done.
  const auto more = rondo::gather(count("bees", 50'000, 1h), count("ants", 200'000, 1h));
  co_await rondo::sleep(10ms);
  more.cancel();
  try {
    co_await more.get();
  } catch (const rondo::cancelled_error&) {
    std::cout << "the count is cancelled\n";
  }
}

int main() { rondo::run(async_main()); }
