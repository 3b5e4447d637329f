// An order and its payment: both happen, or neither. The program of docs/two-phase-commit.md.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/rondo.hpp>
#include <rondo/two_phase/file_log.hpp>
#include <rondo/two_phase/with_transaction.hpp>

#include <cstdio>
#include <filesystem>

using namespace rondo::two_phase;

int main() {
  std::filesystem::create_directory("shop-log");
  file_log log("shop-log"); // decisions are durable before anybody hears of them
  auto orders = make_resource([] { std::puts("order: reserved"); }, [] { std::puts("order: placed"); },
                              [] { std::puts("order: given up"); });
  auto payments = make_resource([] { return std::puts("payment: checked") >= 0; }, [] { std::puts("payment: made"); },
                                [] { std::puts("payment: given up"); });
  rondo::run([&]() -> rondo::awaitable<void> {
    coordinator shop(participant_name("shop"), log);
    shop.add_resource(participant_name("orders"), *orders);
    shop.add_resource(participant_name("payments"), *payments);
    co_await shop.start(); // finishes what a crash has interrupted
    co_await with_transaction(shop, [&](transaction& tx) {
      tx.enlist(participant_name("orders"));
      tx.enlist(participant_name("payments"));
    });
    co_await shop.stop();
  });
}
