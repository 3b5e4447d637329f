// Cancellation that races with the completion of plain Asio operations, on every kind of loop.
// Sockets and timers of the operating system: in real time.
// SPDX-License-Identifier: BSL-1.0
// labels: short threads
#include "../support/loop_kinds.hpp"
#include "../support/outcomes.hpp"
#include "../support/wire.hpp"

#include <rondo/event_loop.hpp>
#include <rondo/task.hpp>
#include <rondo/use_task.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace support;
using rondo::awaitable;

namespace {

struct tally {
  int too_late = 0, lost = 0, once = 0, doubled = 0, in_first = 0, in_second = 0, at_end = 0;
};

template <class Token>
awaitable<void> race_lane(int lane, int rounds, tally& sum, Token token) {
  const asio::any_io_executor executor = rondo::get_running_loop().get_executor();
  auto length = 100us; // of the first wait: follows the outcomes, so that the race stays close on a slow machine, too
  for (int i = 0; i < rounds; ++i) {
    outcome o;
    auto wait = [&](std::chrono::microseconds d) -> awaitable<void> {
      asio::steady_timer timer(executor, d);
      co_await timer.async_wait(token);
    };
    auto first = [&] { return wait(length); };
    auto second = [&] { return wait(400us); };
    auto victim = [&]() -> awaitable<void> {
      co_await note(o.first, first);
      co_await note(o.second, second);
    };
    auto t = rondo::create_task(victim);
    asio::steady_timer timer(executor, std::chrono::microseconds(90 + (i * 7 + lane) % 20));
    co_await timer.async_wait(rondo::use_task);
    const bool accepted = t.cancel();
    co_await ended(t);
    const int n = deliveries(o, t);
    length = o.first == "cancelled" ? std::max(length - 4us, 50us) : length + 4us;
    sum.too_late += int(!accepted);
    if (!accepted) continue;
    sum.in_first += int(o.first == "cancelled");
    sum.in_second += int(o.second == "cancelled");
    sum.at_end += int(t.cancelled());
    ++(n == 0 ? sum.lost : n == 1 ? sum.once : sum.doubled);
  }
}

template <class Token>
awaitable<tally> race(Token token) {
  constexpr int lanes = 6;
  constexpr int races = 3'000;
  tally sum;
  std::vector<rondo::task<void>> tasks;
  for (int lane = 0; lane < lanes; ++lane)
    tasks.push_back(rondo::create_task(race_lane(lane, races / lanes, sum, token)));
  for (rondo::task<void>& t : tasks)
    co_await t.get();
  BOOST_TEST(sum.lost == 0);
  BOOST_TEST(sum.once + sum.doubled + sum.too_late == races);
  BOOST_TEST(sum.in_first > 0); // the race was one
  BOOST_TEST_MESSAGE("once " << sum.once << ", doubled " << sum.doubled << ", lost " << sum.lost << ", too late "
                             << sum.too_late << "; in the first wait " << sum.in_first << ", second " << sum.in_second
                             << ", at the end " << sum.at_end);
  co_return sum;
}

} // namespace

BOOST_AUTO_TEST_CASE(cancel_that_races_with_a_completion_is_never_lost) {
  on_every_loop([](loop_kind kind) -> awaitable<void> {
    const tally sum = co_await race(asio::deferred);
    if (in_order(kind)) BOOST_TEST(sum.doubled == 0);
  });
}

BOOST_AUTO_TEST_CASE(cancel_with_use_task_that_races_with_a_completion_is_delivered_once) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    const tally sum = co_await race(rondo::use_task);
    BOOST_TEST(sum.doubled == 0);
  });
}

BOOST_AUTO_TEST_CASE(read_that_is_cancelled_leaves_its_bytes_in_the_socket) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    constexpr int sent = 400;
    wire w;
    std::string received;
    auto reader = [&]() -> awaitable<void> {
      for (;;) {
        std::array<char, 16> part;
        const std::size_t n = co_await w.near.async_read_some(asio::buffer(part), asio::deferred);
        received.append(part.data(), n);
      }
    };
    auto sender = [&]() -> awaitable<void> {
      for (int i = 0; i < sent; ++i) {
        const char c = static_cast<char>('a' + i % 26);
        co_await asio::async_write(w.far, asio::buffer(&c, 1), rondo::use_task);
        if (i % 3 == 0) co_await plain_timer(20us);
      }
    };
    auto s = rondo::create_task(sender);
    int cancels = 0;
    for (std::size_t i = 0; !s.done(); ++i) {
      auto t = rondo::create_task(reader);
      co_await plain_timer(std::chrono::microseconds(10 + i % 50));
      cancels += int(t.cancel());
      co_await ended(t);
    }
    while (w.near.available() > 0)
      received.append(w.bytes.data(), w.near.read_some(asio::buffer(w.bytes)));
    BOOST_TEST(cancels > 0);
    std::string expected;
    for (int i = 0; i < sent; ++i)
      expected += static_cast<char>('a' + i % 26);
    BOOST_TEST(received == expected);
  });
}
