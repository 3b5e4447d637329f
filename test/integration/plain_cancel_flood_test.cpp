// Cancellation of tasks in loops of plain Asio operations that are always ready, on every kind of loop.
// Sockets and timers of the operating system: in real time.
// SPDX-License-Identifier: BSL-1.0
// labels: short threads
#include "../support/loop_kinds.hpp"
#include "../support/outcomes.hpp"
#include "../support/wire.hpp"

#include <rondo/sleep.hpp>
#include <rondo/task.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstddef>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace support;
using boost::system::error_code;
using boost::system::system_error;
using rondo::awaitable;

BOOST_AUTO_TEST_CASE(cancel_ends_a_loop_of_operations_that_are_always_ready) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    constexpr int many = 20'000;
    int rounds = 0;
    int ends = 0;
    auto flood = [&]() -> awaitable<void> {
      wire w;
      try {
        for (; rounds < many; ++rounds) {
          co_await asio::async_write(w.far, asio::buffer("z", 1), asio::deferred);
          co_await w.near.async_read_some(asio::buffer(w.bytes), asio::deferred);
        }
      } catch (const system_error& e) {
        BOOST_TEST(e.code() == asio::error::operation_aborted);
        ++ends;
      }
    };
    auto t = rondo::create_task(flood);
    co_await rondo::sleep(3ms);
    const int before = rounds;
    BOOST_TEST(before < many);
    t.cancel();
    co_await ended(t);
    BOOST_TEST(ends == 1);
    BOOST_TEST(rounds - before <= 50);
  });
}

BOOST_AUTO_TEST_CASE(level_trigger_that_ends_a_flood_is_gone_for_the_next_task) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    for (int i = 0; i < 3; ++i) {
      wire w;
      auto for_ever = [&]() -> awaitable<void> {
        for (;;)
          co_await asio::post(w.executor, asio::deferred);
      };
      auto t = rondo::create_task(for_ever);
      co_await rondo::sleep(1ms);
      t.cancel();
      co_await ended(t);
      BOOST_TEST(t.cancelled());
      auto next = rondo::create_task(plain_timer(1ms));
      co_await ended(next);
      BOOST_TEST(!next.cancelled());
    }
  });
}

BOOST_AUTO_TEST_CASE(cancel_ends_a_loop_of_composed_operations_that_are_always_ready) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    constexpr int many = 5'000;
    int rounds = 0;
    auto byte_by_byte = [](error_code ec, std::size_t n) -> std::size_t { return ec || n == 8 ? 0 : 1; };
    auto flood = [&]() -> awaitable<void> {
      wire w;
      for (; rounds < many; ++rounds) {
        w.arrives("12345678");
        co_await asio::async_read(w.near, asio::buffer(w.bytes), byte_by_byte, asio::deferred);
      }
    };
    auto t = rondo::create_task(flood);
    co_await rondo::sleep(3ms);
    const int before = rounds;
    BOOST_TEST(before < many);
    t.cancel();
    co_await ended(t);
    BOOST_TEST(t.cancelled());
    BOOST_TEST(rounds - before <= 50);
  });
}

BOOST_AUTO_TEST_CASE(cancel_of_a_flood_that_stops_is_delivered_to_the_wait_that_blocks) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    for (int length = 0; length < 60; ++length) {
      wire w;
      outcome o;
      auto flood = [&]() -> awaitable<void> {
        for (int i = 0; i < length; ++i)
          co_await asio::post(w.executor, asio::deferred);
        co_await w.near.async_read_some(asio::buffer(w.bytes), asio::deferred);
      };
      auto victim = [&]() -> awaitable<void> {
        co_await note(o.first, flood);
        rondo::current_task().uncancel();
        auto after = [] { return plain_timer(200us); };
        co_await note(o.second, after);
      };
      auto t = rondo::create_task(victim);
      co_await rondo::sleep(0s);
      t.cancel();
      co_await ended(t);
      BOOST_TEST(o.first == "cancelled");
      BOOST_TEST(o.second == "result"); // taken back: also where nothing proves that it came
      BOOST_TEST(!t.cancelled());
    }
  });
}
