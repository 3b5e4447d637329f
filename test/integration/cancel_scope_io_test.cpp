// Cancel scopes around plain Asio operations, on every kind of loop.
// Sockets and timers of the operating system: in real time.
// SPDX-License-Identifier: BSL-1.0
// labels: short threads
#include "../support/loop_kinds.hpp"
#include "../support/operations.hpp"
#include "../support/outcomes.hpp"
#include "../support/scopes.hpp"
#include "../support/trace.hpp"
#include "../support/wire.hpp"

#include <rondo/cancel_scope.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/use_task.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace support;
using rondo::awaitable;
using rondo::cancel_scope;

namespace {

const operations all_operations =
    joined(joined(blocking_operations(), blocking_operations_with_use_task()),
           {{"read, a composed operation", [](wire& w) -> awaitable<void> {
               w.arrives("half");
               co_await asio::async_read(w.near, asio::buffer(w.bytes), asio::use_awaitable);
             }}});

} // namespace

BOOST_AUTO_TEST_CASE(every_operation_in_a_cancelled_scope_throws_each_time) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    for (const operation& op : all_operations) {
      BOOST_TEST_INFO_SCOPE(op.name);
      wire w;
      trace log;
      cancel_scope kept;
      auto body = [&](cancel_scope& scope) -> awaitable<void> {
        kept = scope;
        scope.cancel();
        log.push_back(co_await word_of(op.run(w)));
        log.push_back(co_await word_of(op.run(w)));
        log.push_back(co_await word_of(rondo::sleep(1h)));
        co_await op.run(w);
        log.push_back("not reached");
      };
      const bool ended = co_await rondo::with_cancel_scope(body);
      BOOST_TEST(!ended);
      BOOST_TEST(kept.cancelled_caught());
      log.push_back(co_await word_of(plain_timer(200us))); // nothing is left of it
      log.push_back(co_await word_of(plain_timer(200us)));
      CHECK_TRACE(log, "cancelled", "cancelled", "cancelled", "result", "result");
    }
  });
}

BOOST_AUTO_TEST_CASE(operation_in_progress_is_cancelled_with_its_scope_and_the_next_one_too) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    for (const operation& op : all_operations) {
      BOOST_TEST_INFO_SCOPE(op.name);
      wire w;
      trace log;
      auto body = [&](cancel_scope& scope) -> awaitable<void> {
        rondo::get_running_loop().call_later(500us, [scope] { scope.cancel(); });
        log.push_back(co_await word_of(op.run(w)));
        log.push_back(co_await word_of(op.run(w)));
      };
      const bool ended = co_await rondo::with_cancel_scope(body);
      BOOST_TEST(ended);
      log.push_back(co_await word_of(plain_timer(200us)));
      CHECK_TRACE(log, "cancelled", "cancelled", "result");
    }
  });
}

BOOST_AUTO_TEST_CASE(deadline_ends_operations) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    for (const operation& op : all_operations) {
      BOOST_TEST_INFO_SCOPE(op.name);
      wire w;
      auto body = [&] { return op.run(w); };
      const bool ended = co_await rondo::move_on_after(500us, body);
      BOOST_TEST(!ended);
    }
  });
}

BOOST_AUTO_TEST_CASE(operation_with_use_task_is_not_started_in_a_cancelled_scope) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    wire w;
    auto body = [&](cancel_scope& scope) -> awaitable<void> {
      scope.cancel();
      co_await asio::async_write(w.near, asio::buffer("data", 4), rondo::use_task);
    };
    const bool ended = co_await rondo::with_cancel_scope(body);
    BOOST_TEST(!ended);
    BOOST_TEST(w.far.available() == 0u);
  });
}

BOOST_AUTO_TEST_CASE(result_of_an_operation_that_has_completed_is_not_lost) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    constexpr int sent = 200;
    wire w;
    std::string received;
    auto reader = [&](bool exact) {
      return [&, exact]() -> awaitable<void> {
        for (;;) {
          std::array<char, 16> part;
          const std::size_t n = exact ? co_await w.near.async_read_some(asio::buffer(part), rondo::use_task)
                                      : co_await w.near.async_read_some(asio::buffer(part), asio::deferred);
          received.append(part.data(), n);
        }
      };
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
    for (int i = 0; !s.done(); ++i) {
      auto read = reader(i % 2 == 0);
      const bool ended = co_await rondo::move_on_after(std::chrono::microseconds(10 + i % 50), read);
      cancels += int(!ended);
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

BOOST_AUTO_TEST_CASE(cancel_that_races_with_a_completion_stays_in_its_scope) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    int in_first = 0;
    auto delay = 100us; // follows the outcomes, so that the race stays close on a busy machine, too
    for (int i = 0; i < 1000; ++i) {
      trace log;
      auto body = [&](cancel_scope& scope) -> awaitable<void> {
        rondo::get_running_loop().call_later(delay + std::chrono::microseconds(i * 7 % 16),
                                             [scope] { scope.cancel(); });
        const std::string first = co_await word_of(plain_timer(100us));
        in_first += int(first == "cancelled");
        delay = first == "cancelled" ? delay + 4us : std::max(delay - 4us, 0us);
        // Also a body that ends now takes the cancellation with it, delivered or not.
        if (i % 2 == 0) log.push_back(co_await word_of(plain_timer(1min)));
      };
      co_await rondo::with_cancel_scope(body);
      if (i % 2 == 1) log.push_back("cancelled");
      log.push_back(co_await word_of(plain_timer(10us)));
      log.push_back(co_await word_of(asio::post(rondo::get_running_loop().get_executor(), asio::deferred)));
      CHECK_TRACE(log, "cancelled", "result", "result");
    }
    BOOST_TEST(in_first > 0); // the race was one
    BOOST_TEST(in_first < 1000);
  });
}

// --- shields, and cancel() of the task -----------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(shield_hides_the_scope_from_operations_until_it_is_lifted) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    trace log;
    auto body = [&](cancel_scope& outer) -> awaitable<void> {
      outer.cancel();
      log.push_back(co_await word_of(plain_timer(1min)));
      auto inside = [&](cancel_scope& scope) -> awaitable<void> {
        log.push_back(co_await word_of(plain_timer(500us)));
        rondo::get_running_loop().call_later(500us, [scope] { scope.shield(false); });
        log.push_back(co_await word_of(plain_timer(1min)));
        log.push_back(co_await word_of(plain_timer(1min)));
        scope.shield(true);
        log.push_back(co_await word_of(plain_timer(500us)));
      };
      co_await rondo::with_cancel_scope(shielded(), inside);
      log.push_back(co_await word_of(plain_timer(1min)));
    };
    co_await rondo::with_cancel_scope(body);
    CHECK_TRACE(log, "cancelled", "result", "cancelled", "cancelled", "result", "cancelled");
  });
}

BOOST_AUTO_TEST_CASE(cancel_of_the_task_among_operations_is_not_the_scopes) {
  on_every_loop([](loop_kind kind) -> awaitable<void> {
    for (const bool with_use_task : {false, true}) {
      trace log;
      cancel_scope kept;
      auto wait = [&](std::chrono::microseconds d) -> awaitable<void> {
        asio::steady_timer timer(rondo::get_running_loop().get_executor(), d);
        if (with_use_task)
          co_await timer.async_wait(rondo::use_task);
        else
          co_await timer.async_wait(asio::deferred);
      };
      auto inside = [&]() -> awaitable<void> {
        log.push_back(co_await word_of(wait(1min)));
        log.push_back(co_await word_of(wait(500us)));
      };
      auto body = [&](cancel_scope& scope) -> awaitable<void> {
        kept = scope;
        scope.cancel();
        co_await rondo::with_cancel_scope(shielded(), inside);
        co_await wait(1min);
      };
      auto scoped = [&]() -> awaitable<bool> { return rondo::with_cancel_scope(body); };
      auto t = rondo::create_task(scoped);
      co_await rondo::sleep(1ms);
      t.cancel();
      (void)co_await rondo::settle(t);
      BOOST_TEST(t.cancelled()); // the shield hides the scope, and the scope does not catch what is not its own
      BOOST_TEST(!kept.cancelled_caught());
      if (with_use_task || in_order(kind)) CHECK_TRACE(log, "cancelled", "result");
      BOOST_TEST(log.front() == "cancelled");
    }
  });
}
