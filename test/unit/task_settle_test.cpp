// settle, cancel_and_wait and cancel_threadsafe.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/trace.hpp"

#include <rondo/event_loop.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <stdexcept>
#include <string>

namespace asio = boost::asio;
using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::message_of;
using support::raise;
using support::refuses;
using support::text_in;
using support::trace;
using support::value_of;

// --- settle ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(settle_gives_values_and_errors_of_every_kind_of_source) {
  testing::run_virtual([]() -> awaitable<void> {
    auto f = get_running_loop().create_future<int>();
    f.set_result(1);
    auto t = create_task(value_of(2));
    auto a = co_await settle(f);
    auto b = co_await settle(t);
    auto c = co_await settle(value_of(3));
    auto d = co_await settle(sleep(1s, 4));
    auto e = co_await settle([&]() -> awaitable<int> { co_return *a + 4; });
    auto g = co_await settle(raise("x"));
    auto h = co_await settle(sleep(0s));
    BOOST_TEST((*a == 1 && *b == 2 && *c == 3 && *d == 4 && e.value() == 5));
    BOOST_TEST(!g);
    BOOST_TEST(text_in<std::runtime_error>(g.error()) == "x");
    BOOST_TEST(!g.cancelled());
    BOOST_TEST(h.has_value());
    BOOST_CHECK_THROW(g.value(), std::runtime_error);
  });
}

BOOST_AUTO_TEST_CASE(settle_takes_a_cancellation_of_the_source_as_an_outcome) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(sleep(1h));
    get_running_loop().call_soon([&] { t.cancel("source"); });
    auto s = co_await settle(t);
    BOOST_TEST(s.cancelled());
    BOOST_TEST(message_of(s) == "source");
    BOOST_TEST(current_task().cancelling() == 0);
    auto by_hand = co_await settle([]() -> awaitable<void> {
      throw cancelled_error("by hand");
      co_return;
    });
    BOOST_TEST(message_of(by_hand) == "by hand");
  });
}

BOOST_AUTO_TEST_CASE(settle_lets_a_cancellation_of_its_own_task_through) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto inner = create_task(sleep(1h));
    const auto body = [&]() -> awaitable<void> {
      try {
        co_await settle(inner);
        log.push_back("settled");
      } catch (const cancelled_error& e) {
        log.push_back("thrown " + e.message());
        throw;
      }
    };
    auto t = create_task(body);
    co_await testing::passes(1);
    t.cancel("mine");
    auto s = co_await settle(t);
    BOOST_TEST(t.cancelled());
    BOOST_TEST(inner.cancelled());
  });
  CHECK_TRACE(log, "thrown mine");
}

BOOST_AUTO_TEST_CASE(settle_lets_a_cancellation_through_that_was_pending_when_it_began) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const auto body = [&]() -> awaitable<void> {
      current_task().cancel("pending");
      co_await settle(value_of(1)); // does not suspend: nothing is delivered
      log.push_back("first");
      co_await settle(sleep(1s));
      log.push_back("second");
    };
    auto t = create_task(body);
    auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "pending");
  });
  CHECK_TRACE(log, "first");
}

BOOST_AUTO_TEST_CASE(settle_of_a_cancelled_source_leaves_an_own_pending_cancellation_pending) {
  testing::run_virtual([]() -> awaitable<void> {
    auto gone = get_running_loop().create_future<int>();
    gone.cancel("source");
    std::string outcome;
    const auto body = [&]() -> awaitable<void> {
      current_task().cancel("mine");
      auto s = co_await settle(gone);
      outcome = message_of(s);
      co_await sleep(0s);
    };
    auto t = create_task(body);
    auto s = co_await settle(t);
    BOOST_TEST(outcome == "source");
    BOOST_TEST(message_of(s) == "mine");
  });
}

BOOST_AUTO_TEST_CASE(settle_gives_the_value_of_a_source_that_refuses_the_cancellation) {
  testing::run_virtual([]() -> awaitable<void> {
    auto inner = create_task(refuses(3));
    const auto body = [&]() -> awaitable<int> {
      auto s = co_await settle(inner);
      co_return *s;
    };
    auto t = create_task(body);
    co_await testing::passes(1);
    t.cancel();
    int v = co_await t.get();
    BOOST_TEST(v == 3);
    BOOST_TEST(t.cancelling() == 1);
  });
}

// --- cancel_and_wait ------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(cancel_and_wait_swallows_the_cancellation_of_the_task) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const auto body = [&]() -> awaitable<void> {
      std::string message;
      try {
        co_await sleep(1h);
      } catch (const cancelled_error& e) {
        message = e.message();
      }
      co_await sleep(1s);
      log.push_back("cleaned up after " + message);
      throw cancelled_error(message);
    };
    auto t = create_task(body);
    co_await testing::passes(1);
    co_await cancel_and_wait(t, "stop");
    log.push_back(t.cancelled() ? "cancelled" : "not cancelled");
    BOOST_TEST(current_task().cancelling() == 0);
  });
  CHECK_TRACE(log, "cleaned up after stop", "cancelled");
}

BOOST_AUTO_TEST_CASE(cancel_and_wait_throws_any_other_exception_of_the_task) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto body = []() -> awaitable<void> {
      try {
        co_await sleep(1h);
      } catch (const cancelled_error&) {
        throw std::runtime_error("clean-up failed");
      }
    };
    auto t = create_task(body);
    co_await testing::passes(1);
    auto s = co_await settle(cancel_and_wait(t));
    BOOST_TEST(text_in<std::runtime_error>(s.error()) == "clean-up failed");
  });
}

BOOST_AUTO_TEST_CASE(cancel_and_wait_waits_for_a_task_that_refuses) {
  testing::run_virtual([]() -> awaitable<void> {
    auto returns = create_task(refuses(1));
    const auto goes_on = []() -> awaitable<int> {
      int v = co_await refuses(2);
      co_await sleep(5s);
      co_return v;
    };
    auto stays = create_task(goes_on);
    co_await testing::passes(1);
    const auto start = clock::now();
    co_await cancel_and_wait(returns);
    BOOST_TEST(returns.result() == 1);
    co_await cancel_and_wait(stays);
    BOOST_TEST(stays.result() == 2);
    BOOST_CHECK(clock::now() - start == 5s);
  });
}

BOOST_AUTO_TEST_CASE(cancel_and_wait_of_an_unstarted_task) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(value_of(1));
    co_await cancel_and_wait(t);
    BOOST_TEST(t.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(cancel_and_wait_leaves_a_done_task_alone) {
  testing::run_virtual([]() -> awaitable<void> {
    auto good = create_task(value_of(1));
    auto bad = create_task(raise("x"));
    co_await settle(good);
    co_await settle(bad);
    co_await cancel_and_wait(good);
    co_await cancel_and_wait(bad);
    BOOST_TEST(good.cancelling() == 0);
  });
}

BOOST_AUTO_TEST_CASE(cancel_and_wait_does_not_swallow_a_cancellation_of_the_caller) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const auto slow = [&]() -> awaitable<void> {
      for (int i = 0; i < 2; ++i) {
        try {
          co_await sleep(1h);
        } catch (const cancelled_error&) {
          log.push_back("told");
        }
      }
      co_await sleep(1s);
      log.push_back("task ended");
    };
    auto victim = create_task(slow);
    const auto calls = [&]() -> awaitable<void> {
      try {
        co_await cancel_and_wait(victim);
        log.push_back("returned");
      } catch (const cancelled_error&) {
        log.push_back("thrown");
        throw;
      }
    };
    auto caller = create_task(calls);
    co_await testing::passes(2);
    caller.cancel("caller too");
    co_await settle(caller);
    BOOST_TEST(caller.cancelled());
    BOOST_TEST(!victim.cancelled());
    BOOST_TEST(victim.cancelling() == 2);
  });
  CHECK_TRACE(log, "told", "told", "task ended", "thrown");
}

BOOST_AUTO_TEST_CASE(cancel_and_wait_of_a_task_of_another_loop_or_itself_is_an_error) {
  asio::io_context io(1);
  const event_loop other(io.get_executor());
  const auto t = other.create_task(value_of(1));
  testing::run_virtual([&]() -> awaitable<void> {
    auto s = co_await settle(cancel_and_wait(t));
    BOOST_TEST(contains(text_in<std::runtime_error>(s.error()), "different loop"));
    const any_task self = current_task();
    auto own = co_await settle(cancel_and_wait(self));
    BOOST_TEST(contains(text_in<std::runtime_error>(own.error()), "the running task itself"));
    BOOST_TEST(self.cancelling() == 0);
    co_await sleep(0s); // nothing is pending either
  });
  BOOST_TEST(t.cancelling() == 0);
  io.run();
  BOOST_TEST(t.result() == 1);
}

// --- cancel_threadsafe ----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(cancel_threadsafe_takes_effect_when_the_loop_comes_to_it) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(sleep(1h));
    co_await testing::passes(1);
    t.cancel_threadsafe("from outside");
    BOOST_TEST(t.cancelling() == 0);
    auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "from outside");
    t.cancel_threadsafe(); // done: nothing happens
    co_await testing::passes(2);
    BOOST_TEST(t.cancelling() == 1);
  });
}
