// Cancellation of tasks: what cancel() does, what a cancelled task is, and which of two ends wins (rules C1 to C3, C6).
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/futures.hpp"
#include "../support/trace.hpp"

#include <rondo/event_loop.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <stdexcept>
#include <string>

using namespace rondo;
using namespace std::chrono_literals;
using support::await_future;
using support::message_of;
using support::outcome_of_sleep;
using support::refuses;
using support::value_of;

// --- C1 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(C1_cancel_of_a_done_task_returns_false_and_counts_nothing) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(value_of(1));
    co_await t.get();
    BOOST_TEST(!t.cancel("late"));
    BOOST_TEST(t.cancelling() == 0);
    BOOST_TEST(!t.cancelled());
    BOOST_TEST(t.result() == 1);
  });
}

BOOST_AUTO_TEST_CASE(C1_cancel_of_a_parked_task_cancels_what_it_waits_for_at_once) {
  testing::run_virtual([]() -> awaitable<void> {
    auto f = get_running_loop().create_future<int>();
    auto t = create_task(await_future(f));
    co_await testing::passes(1);
    BOOST_TEST(t.cancel("why"));
    BOOST_TEST(f.cancelled());
    BOOST_TEST(!t.done());
    BOOST_TEST(t.cancelling() == 1);
    auto s = co_await settle(t);
    BOOST_TEST(t.cancelled());
    BOOST_TEST(message_of(s) == "why");
  });
}

BOOST_AUTO_TEST_CASE(C1_cancel_of_a_running_task_is_remembered_and_true) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task([]() -> awaitable<std::string> {
      BOOST_TEST(current_task().cancel("self"));
      BOOST_TEST(current_task().cancelling() == 1);
      co_return co_await outcome_of_sleep(1s);
    });
    auto r = co_await t.get();
    BOOST_TEST(r == "cancelled self");
  });
}

// --- C2 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(C2_a_task_is_not_cancelled_before_its_coroutine_has_ended) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(sleep(1h));
    co_await testing::passes(1);
    t.cancel();
    BOOST_TEST(!t.cancelled());
    BOOST_TEST(!t.done());
    co_await testing::passes(1);
    BOOST_TEST(t.cancelled());
    BOOST_TEST(t.done());
  });
}

BOOST_AUTO_TEST_CASE(C2_a_swallowed_cancel_leaves_a_finished_task) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(refuses(5));
    co_await testing::passes(1);
    t.cancel();
    int v = co_await t.get();
    BOOST_TEST(v == 5);
    BOOST_TEST(!t.cancelled());
    BOOST_TEST(t.cancelling() == 1);
  });
}

BOOST_AUTO_TEST_CASE(C2_another_exception_instead_of_the_cancellation_leaves_a_failed_task) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task([]() -> awaitable<void> {
      try {
        co_await sleep(1h);
      } catch (const cancelled_error&) {
        throw std::runtime_error("instead");
      }
    });
    co_await testing::passes(1);
    t.cancel();
    auto s = co_await settle(t);
    BOOST_TEST(!t.cancelled());
    BOOST_REQUIRE(s.error_as<std::runtime_error>());
    BOOST_TEST(s.error_as<std::runtime_error>()->what() == std::string("instead"));
  });
}

BOOST_AUTO_TEST_CASE(C2_a_cancelled_error_thrown_by_hand_cancels_with_count_0) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task([]() -> awaitable<void> {
      throw cancelled_error("by hand");
      co_return;
    });
    auto s = co_await settle(t);
    BOOST_TEST(t.cancelled());
    BOOST_TEST(t.cancelling() == 0);
    BOOST_TEST(message_of(s) == "by hand");
    BOOST_CHECK_THROW(t.result(), cancelled_error);
    BOOST_CHECK_THROW(t.exception(), cancelled_error);
  });
}

BOOST_AUTO_TEST_CASE(C2_an_aborted_plain_operation_that_leaves_a_task_cancels_it) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task([]() -> awaitable<void> {
      throw boost::system::system_error(boost::asio::error::operation_aborted);
      co_return;
    });
    auto s = co_await settle(t);
    BOOST_TEST(t.cancelled());
    BOOST_TEST(s.cancelled());
    BOOST_CHECK_THROW(t.result(), cancelled_error);
  });
}

BOOST_AUTO_TEST_CASE(C2_a_caught_and_rethrown_cancellation_keeps_its_message_for_the_first_who_asks) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task([]() -> awaitable<void> {
      try {
        co_await sleep(1h);
      } catch (const cancelled_error&) {
        throw;
      }
    });
    co_await testing::passes(1);
    t.cancel("why");
    auto first = co_await settle(t);
    auto second = co_await settle(t);
    BOOST_TEST(message_of(first) == "why");
    BOOST_TEST(message_of(second) == "");
  });
}

// --- C3 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(C3_a_cancel_after_the_future_completed_wins_and_the_result_is_lost) {
  testing::run_virtual([]() -> awaitable<void> {
    auto f = get_running_loop().create_future<int>();
    auto t = create_task(await_future(f));
    co_await testing::passes(1);
    f.set_result(1);
    BOOST_TEST(t.cancel("wins"));
    BOOST_TEST(!f.cancelled());
    auto s = co_await settle(t);
    BOOST_TEST(t.cancelled());
    BOOST_TEST(message_of(s) == "wins");
    BOOST_TEST(f.result() == 1);
  });
}

BOOST_AUTO_TEST_CASE(C3_a_cancel_replaces_an_exception_too_which_is_not_reported) {
  int reports = 0;
  testing::run_virtual([&]() -> awaitable<void> {
    get_running_loop().set_exception_handler([&](event_loop, const exception_context&) { ++reports; });
    auto f = get_running_loop().create_future<int>();
    auto t = create_task(await_future(f));
    co_await testing::passes(1);
    f.set_exception(std::runtime_error("lost"));
    BOOST_TEST(t.cancel("wins"));
    auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "wins");
  });
  BOOST_TEST(reports == 0);
}

BOOST_AUTO_TEST_CASE(C3_a_cancel_after_the_awaited_task_ended_wins_and_does_not_reach_that_task) {
  testing::run_virtual([]() -> awaitable<void> {
    auto f = get_running_loop().create_future<int>();
    auto inner = create_task(await_future(f));
    task<int> outer;
    outer = create_task(inner);
    co_await testing::passes(1);
    bool accepted = false;
    inner.add_done_callback([&] { accepted = outer.cancel("late"); }); // runs behind outer's wake-up in the same pass
    outer = create_task(inner);
    co_await testing::passes(1);
    inner.add_done_callback([] {});
    f.set_result(1);
    auto s = co_await settle(outer);
    BOOST_TEST(accepted);
    BOOST_TEST(message_of(s) == "late");
    BOOST_TEST(inner.result() == 1);
    BOOST_TEST(inner.cancelling() == 0);
    BOOST_TEST(outer.cancelling() == 1);
  });
}

BOOST_AUTO_TEST_CASE(C3_a_cancel_after_the_timer_fired_but_before_the_step_wins) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(sleep(1s, 7));
    co_await testing::passes(1);
    bool accepted = false;
    get_running_loop().call_later(1s, [&] { accepted = t.cancel("late"); });
    auto s = co_await settle(t);
    BOOST_TEST(accepted);
    BOOST_TEST(message_of(s) == "late");
  });
}

BOOST_AUTO_TEST_CASE(C3_a_cancel_before_the_timer_of_the_same_time_prevents_it) {
  testing::run_virtual([]() -> awaitable<void> {
    task<int> t;
    get_running_loop().call_later(1s, [&] { t.cancel("early"); });
    t = create_task(sleep(1s, 7));
    auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "early");
  });
}

// --- C6 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(C6_a_task_cancelled_before_its_first_step_never_runs_its_body) {
  bool ran = false;
  testing::run_virtual([&]() -> awaitable<void> {
    auto t = create_task([&]() -> awaitable<void> {
      ran = true;
      co_return;
    });
    BOOST_TEST(t.cancel("early"));
    BOOST_TEST(!t.done());
    auto s = co_await settle(t);
    BOOST_TEST(t.cancelled());
    BOOST_TEST(message_of(s) == "early");
    BOOST_TEST(t.cancelling() == 1);
  });
  BOOST_TEST(!ran);
}
