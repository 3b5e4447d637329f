// with_cancel_scope: a block that can be ended from outside, and that cannot go on by catching.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/cancel_scope.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task_group.hpp>

#include <iostream>

using namespace std::chrono_literals;

rondo::awaitable<void> say_goodbye() {
  co_await rondo::sleep(10ms);
  std::cout << "goodbye\n";
}

rondo::awaitable<void> stubborn(rondo::cancel_scope& handle) {
  const bool to_the_end = co_await rondo::with_cancel_scope([&](rondo::cancel_scope& scope) -> rondo::awaitable<void> {
    handle = scope;
    for (int i = 0; i < 2; ++i) {
      try {
        co_await rondo::sleep(1h);
      } catch (const rondo::cancelled_error& e) {
        std::cout << "cancelled: " << e.message() << '\n';
      }
    }

    // Clean-up that waits takes a scope with a shield.
    const auto shielded = rondo::cancel_scope_options().shield(true);
    co_await rondo::with_cancel_scope(shielded, say_goodbye);

    co_await rondo::sleep(1h);
    std::cout << "never\n";
  });
  std::cout << std::boolalpha << "to the end: " << to_the_end << '\n';
}

rondo::awaitable<void> async_main() {
  rondo::cancel_scope scope; // a handle, which stays valid after the block
  co_await rondo::with_task_group([&](rondo::task_group& group) -> rondo::awaitable<void> {
    group.create_task(stubborn(scope));
    co_await rondo::sleep(10ms);
    scope.cancel("closing time");
  });
  std::cout << "caught: " << scope.cancelled_caught() << '\n';
}

int main() { rondo::run(async_main()); }
