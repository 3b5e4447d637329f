// move_on_after and fail_after: a block that the clock ends, without an error or with one.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/cancel_scope.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>

#include <iostream>
#include <string>

using namespace std::chrono_literals;

rondo::awaitable<std::string> ask(std::string server, rondo::time_limit delay) {
  co_await rondo::sleep(delay);
  co_return "hello from " + server;
}

rondo::awaitable<void> async_main() {
  // move_on_after: no answer in time is an empty optional.
  const auto near = co_await rondo::move_on_after(1s, [] { return ask("near", 10ms); });
  const auto far = co_await rondo::move_on_after(10ms, [] { return ask("far", 1h); });
  std::cout << near.value_or("near is silent") << ", " << far.value_or("far is silent") << '\n';

  // fail_after: no answer in time is an error.
  try {
    co_await rondo::fail_after(10ms, [] { return ask("far", 1h); });
  } catch (const rondo::timeout_error&) {
    std::cout << "far did not answer in 10 ms\n";
  }
}

int main() { rondo::run(async_main()); }
