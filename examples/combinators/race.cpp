// race: the first to complete wins; the others are cancelled and waited for.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/structured.hpp>

#include <iostream>
#include <string>

using namespace std::chrono_literals;

rondo::awaitable<std::string> ask(std::string server, rondo::time_limit delay) {
  try {
    co_await rondo::sleep(delay);
  } catch (const rondo::cancelled_error&) {
    std::cout << server << " is told to stop\n";
    throw;
  }
  co_return "hello from " + server;
}

rondo::awaitable<int> count() {
  co_await rondo::sleep(1h);
  co_return 100;
}

rondo::awaitable<void> async_main() {
  // An optional for each: the winner's is set, and those of others that completed at the same moment.
  const auto [near, far, number] = co_await rondo::race(ask("near", 10ms), ask("far", 1h), count());
  if (near) std::cout << *near << '\n';
  std::cout << "far: " << (far ? "also" : "no answer") << ", number: " << (number ? "also" : "no answer") << '\n';
}

int main() { rondo::run(async_main()); }
