// wait_for: one thing with a time limit.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/timeout.hpp>

#include <iostream>
#include <string>

using namespace std::chrono_literals;

rondo::awaitable<std::string> reply(rondo::time_limit delay) {
  try {
    co_await rondo::sleep(delay);
  } catch (const rondo::cancelled_error&) {
    std::cout << "the question is withdrawn\n";
    throw;
  }
  co_return "yes";
}

rondo::awaitable<void> async_main() {
  std::cout << "in time: " << co_await rondo::wait_for(reply(10ms), 1s) << '\n';

  try {
    co_await rondo::wait_for(reply(1h), 10ms);
  } catch (const rondo::timeout_error&) { // thrown when the reply has cleaned up
    std::cout << "no reply after 10 ms\n";
  }
}

int main() { rondo::run(async_main()); }
