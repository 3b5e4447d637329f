// with_timeout_at: several blocks that share one deadline; timeout_scope tells about it, also afterwards.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/timeout.hpp>

#include <iostream>
#include <string>

using namespace std::chrono_literals;

rondo::awaitable<void> step(std::string name, rondo::time_limit time) {
  co_await rondo::sleep(time);
  std::cout << name << " is done\n";
}

rondo::awaitable<void> async_main() {
  const auto deadline = rondo::clock::now() + 150ms;
  rondo::timeout_scope last; // a handle, which stays valid after the block

  try {
    co_await rondo::with_timeout_at(deadline, [] { return step("washing", 10ms); });
    co_await rondo::with_timeout_at(deadline, [&](rondo::timeout_scope& scope) -> rondo::awaitable<void> {
      last = scope;
      co_await step("drying", 10ms);
      co_await step("ironing", 1h);
    });
  } catch (const rondo::timeout_error&) {
    std::cout << std::boolalpha;
    std::cout << "expired: " << last.expired() << ", at the common deadline: " << (last.when() == deadline) << '\n';
  }

  // Without a deadline there is no limit until the block sets one.
  co_await rondo::with_timeout_at(std::nullopt, [&](rondo::timeout_scope& scope) -> rondo::awaitable<void> {
    std::cout << "limited: " << scope.when().has_value();
    scope.reschedule(rondo::clock::now() + 1h);
    std::cout << ", limited: " << scope.when().has_value() << '\n';
    co_await step("folding", 10ms);
  });
}

int main() { rondo::run(async_main()); }
