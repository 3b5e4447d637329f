// The count of cancel requests: several of them (C8), and uncancel (C9).
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/futures.hpp"
#include "../support/trace.hpp"

#include <rondo/event_loop.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>

using namespace rondo;
using namespace std::chrono_literals;
using support::await_future;
using support::message_of;
using support::outcome_of_sleep;
using support::refuses;
using support::trace;

namespace {

awaitable<void> yield() { co_await sleep(0s); }

} // namespace

// --- C8 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(C8_two_cancels_before_the_step_deliver_one_exception_and_count_2) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto t = create_task([&]() -> awaitable<void> {
      for (int i = 0; i < 3; ++i) {
        std::string what = co_await outcome_of_sleep(1s);
        log.push_back(what);
      }
    });
    co_await testing::passes(1);
    BOOST_TEST(t.cancel("one"));
    BOOST_TEST(t.cancel("two"));
    BOOST_TEST(t.cancelling() == 2);
    co_await testing::passes(2);
    BOOST_TEST(log.size() == 1u);
    BOOST_TEST(t.cancel("three")); // edge-triggered: a later one is delivered again
    BOOST_TEST(t.cancelling() == 3);
    co_await t.get();
    BOOST_TEST(t.cancelling() == 3);
  });
  // the first message: the wait that the cancellation ended carries it already
  CHECK_TRACE(log, "cancelled one", "cancelled three", "slept");
}

BOOST_AUTO_TEST_CASE(C8_the_future_keeps_the_message_of_the_first_of_two_cancels) {
  testing::run_virtual([]() -> awaitable<void> {
    auto f = get_running_loop().create_future<int>();
    auto t = create_task(await_future(f));
    co_await testing::passes(1);
    t.cancel("one");
    t.cancel("two");
    auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "one");
    BOOST_TEST(t.cancelling() == 2);
  });
}

BOOST_AUTO_TEST_CASE(C8_a_task_that_yields_or_has_not_started_gets_the_last_message) {
  testing::run_virtual([]() -> awaitable<void> {
    auto yields = create_task(yield());
    co_await testing::passes(1);
    yields.cancel("one");
    yields.cancel("two");
    auto unstarted = create_task(yield());
    unstarted.cancel("three");
    unstarted.cancel("four");
    auto a = co_await settle(yields);
    auto b = co_await settle(unstarted);
    BOOST_TEST(message_of(a) == "two");
    BOOST_TEST(message_of(b) == "four");
    BOOST_TEST(unstarted.cancelling() == 2);
  });
}

BOOST_AUTO_TEST_CASE(C8_a_second_cancel_through_a_chain_is_delivered_to_the_task_that_still_waits) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto inner = create_task([&]() -> awaitable<int> {
      for (int i = 0; i < 2; ++i) {
        std::string what = co_await outcome_of_sleep(1h);
        log.push_back(what);
      }
      co_return 9;
    });
    auto outer = create_task(inner);
    co_await testing::passes(1);
    outer.cancel("one");
    co_await testing::passes(1);
    outer.cancel("two");
    int v = co_await outer.get();
    BOOST_TEST(v == 9);
    BOOST_TEST(outer.cancelling() == 2);
    BOOST_TEST(inner.cancelling() == 2);
  });
  CHECK_TRACE(log, "cancelled one", "cancelled two");
}

// --- C9 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(C9_uncancel_counts_down_to_0_and_not_below) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(refuses(5));
    co_await testing::passes(1);
    t.cancel();
    t.cancel();
    BOOST_TEST(t.uncancel() == 1);
    BOOST_TEST(t.cancelling() == 1);
    BOOST_TEST(t.uncancel() == 0);
    BOOST_TEST(t.uncancel() == 0);
    BOOST_TEST(t.cancelling() == 0);
    co_await t.get();
  });
}

BOOST_AUTO_TEST_CASE(C9_uncancel_to_0_withdraws_a_cancel_that_is_not_delivered_yet) {
  testing::run_virtual([]() -> awaitable<void> {
    auto self = create_task([]() -> awaitable<std::string> {
      current_task().cancel("self");
      current_task().uncancel();
      co_return co_await outcome_of_sleep(0s);
    });
    auto yields = create_task(outcome_of_sleep(0s));
    auto unstarted = create_task(outcome_of_sleep(0s));
    unstarted.cancel();
    unstarted.uncancel();
    co_await testing::passes(1);
    yields.cancel();
    yields.uncancel();
    auto a = co_await self.get();
    auto b = co_await yields.get();
    auto c = co_await unstarted.get();
    BOOST_TEST(a == "slept");
    BOOST_TEST(b == "slept");
    BOOST_TEST(c == "slept");
  });
}

BOOST_AUTO_TEST_CASE(C9_uncancel_to_0_before_the_task_returns_keeps_the_value) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task([]() -> awaitable<int> {
      current_task().cancel();
      current_task().uncancel();
      co_return 3;
    });
    int v = co_await t.get();
    BOOST_TEST(v == 3);
  });
}

BOOST_AUTO_TEST_CASE(C9_uncancel_above_0_withdraws_nothing) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task([]() -> awaitable<std::string> {
      current_task().cancel("one");
      current_task().cancel("two");
      BOOST_TEST(current_task().uncancel() == 1);
      co_return co_await outcome_of_sleep(0s);
    });
    auto r = co_await t.get();
    BOOST_TEST(r == "cancelled two");
  });
}

BOOST_AUTO_TEST_CASE(C9_uncancel_does_not_call_back_a_cancel_that_has_ended_the_wait) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(outcome_of_sleep(1h));
    co_await testing::passes(1);
    t.cancel("gone");
    BOOST_TEST(t.uncancel() == 0);
    auto r = co_await t.get();
    BOOST_TEST(r == "cancelled gone");
  });
}

BOOST_AUTO_TEST_CASE(C9_uncancel_withdraws_a_cancel_that_came_after_the_result) {
  testing::run_virtual([]() -> awaitable<void> {
    auto f = get_running_loop().create_future<int>();
    auto t = create_task(await_future(f));
    co_await testing::passes(1);
    f.set_result(4);
    t.cancel();
    t.uncancel();
    int v = co_await t.get();
    BOOST_TEST(v == 4);
  });
}
