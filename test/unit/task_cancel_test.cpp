// Cancellation of tasks and what belongs to a task's life: rules C1 to C14.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/trace.hpp"

#include <rondo/diagnostics.hpp>
#include <rondo/loop_thread.hpp>
#include <rondo/sleep.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <future>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::message_of;
using support::trace;

namespace {

awaitable<int> value_of(int i) { co_return i; }

awaitable<int> await_future(future<int> f) { co_return co_await f.get(); }

awaitable<void> yield() { co_await sleep(0s); }

/// Waits until it is cancelled and then returns 5 all the same.
awaitable<int> refuse() {
  try {
    co_await sleep(std::nullopt);
  } catch (const cancelled_error&) {
  }
  co_return 5;
}

/// Whether a wait was cancelled; with the message of the cancellation.
awaitable<std::string> outcome_of_sleep(time_limit d) {
  try {
    co_await sleep(d);
  } catch (const cancelled_error& e) {
    co_return "cancelled " + e.message();
  }
  co_return "slept";
}

} // namespace

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
    auto t = create_task(refuse());
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

// --- C4 and C5: a task that cancels itself --------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(C4_trap_29_self_cancel_then_a_pending_future_cancels_it_at_once) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto f = get_running_loop().create_future<int>();
    auto t = create_task([&]() -> awaitable<void> {
      current_task().cancel("self");
      try {
        co_await f.get();
      } catch (const cancelled_error& e) {
        log.push_back("caught " + e.message());
      }
      co_await sleep(0s); // the request was used up
      log.push_back("went on");
    });
    // In the same pass as the step: the future is cancelled before the task has run again.
    get_running_loop().call_soon([&] { log.push_back(f.cancelled() ? "future cancelled" : "future pending"); });
    co_await t.get();
    BOOST_TEST(t.cancelling() == 1);
  });
  CHECK_TRACE(log, "future cancelled", "caught self", "went on");
}

BOOST_AUTO_TEST_CASE(C4_self_cancel_passes_done_futures_and_plain_coroutines_and_comes_at_the_first_suspension) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto f = get_running_loop().create_future<int>();
    f.set_result(1);
    auto done = create_task(value_of(2));
    co_await done.get();
    auto t = create_task([&]() -> awaitable<void> {
      current_task().cancel("self");
      int a = co_await f.get();
      int b = co_await done.get();
      int c = co_await value_of(3);
      log.push_back("passed " + std::to_string(a) + std::to_string(b) + std::to_string(c));
      std::string what = co_await outcome_of_sleep(0s);
      log.push_back(what);
      std::string next = co_await outcome_of_sleep(0s);
      log.push_back(next);
    });
    co_await t.get();
  });
  CHECK_TRACE(log, "passed 123", "cancelled self", "slept");
}

BOOST_AUTO_TEST_CASE(C4_self_cancel_then_a_sleep_ends_it_without_its_time) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto start = clock::now();
    auto t = create_task([]() -> awaitable<std::string> {
      current_task().cancel("self");
      co_return co_await outcome_of_sleep(1h);
    });
    auto r = co_await t.get();
    BOOST_TEST(r == "cancelled self");
    BOOST_CHECK(clock::now() == start);
  });
}

BOOST_AUTO_TEST_CASE(C4_self_cancel_then_a_pending_task_cancels_that_task) {
  testing::run_virtual([]() -> awaitable<void> {
    auto inner = create_task(sleep(1h));
    auto t = create_task([&]() -> awaitable<void> {
      current_task().cancel("self");
      co_await inner.get();
    });
    auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "self");
    BOOST_TEST(inner.cancelled());
    BOOST_TEST(inner.cancelling() == 1);
  });
}

BOOST_AUTO_TEST_CASE(C5_trap_28_self_cancel_then_return_drops_the_value) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task([]() -> awaitable<int> {
      current_task().cancel("self");
      co_return 3;
    });
    auto first = co_await settle(t);
    auto second = co_await settle(t);
    BOOST_TEST(t.cancelled());
    BOOST_TEST(message_of(first) == "self");
    BOOST_TEST(message_of(second) == "self"); // no exception travelled, so each one who asks gets a new one
  });
}

BOOST_AUTO_TEST_CASE(C5_self_cancel_then_throw_keeps_the_exception) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task([]() -> awaitable<int> {
      current_task().cancel("self");
      throw std::runtime_error("mine");
      co_return 0;
    });
    auto s = co_await settle(t);
    BOOST_TEST(!t.cancelled());
    BOOST_TEST((s.error_as<std::runtime_error>() != nullptr));
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

// --- C7 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(C7_cancel_passes_through_a_chain_of_awaited_tasks) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto inner = create_task([&]() -> awaitable<void> {
      std::string what = co_await outcome_of_sleep(1h);
      log.push_back("inner " + what);
      throw cancelled_error("from inner");
    });
    auto mid = create_task([&]() -> awaitable<void> {
      auto s = co_await settle(inner);
      log.push_back("mid settled");
      s.value();
    });
    auto outer = create_task([&]() -> awaitable<void> {
      try {
        co_await mid.get();
      } catch (const cancelled_error& e) {
        log.push_back("outer " + e.message());
        throw;
      }
    });
    co_await testing::passes(1);
    outer.cancel("why");
    BOOST_TEST(inner.cancelling() == 1);
    BOOST_TEST(mid.cancelling() == 1);
    BOOST_TEST(outer.cancelling() == 1);
    co_await settle(outer);
    BOOST_TEST(inner.cancelled());
    BOOST_TEST(mid.cancelled());
    BOOST_TEST(outer.cancelled());
  });
  // mid was cancelled itself, so its settle lets the cancellation pass
  CHECK_TRACE(log, "inner cancelled why", "outer from inner");
}

BOOST_AUTO_TEST_CASE(C7_a_cancel_that_the_inner_task_swallows_is_lost_for_the_outer) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto inner = create_task(refuse());
    auto outer = create_task([&]() -> awaitable<void> {
      int v = co_await inner.get();
      log.push_back("got " + std::to_string(v));
      std::string what = co_await outcome_of_sleep(1s);
      log.push_back(what);
    });
    co_await testing::passes(1);
    BOOST_TEST(outer.cancel());
    co_await outer.get();
    BOOST_TEST(!outer.cancelled());
    BOOST_TEST(outer.cancelling() == 1);
    BOOST_TEST(inner.cancelling() == 1);
  });
  CHECK_TRACE(log, "got 5", "slept");
}

BOOST_AUTO_TEST_CASE(C7_cancel_reaches_the_innermost_plain_coroutine) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto leaf = [&]() -> awaitable<void> {
      std::string what = co_await outcome_of_sleep(1h);
      log.push_back("leaf " + what);
    };
    auto middle = [&]() -> awaitable<void> {
      co_await leaf();
      log.push_back("middle");
    };
    auto t = create_task(middle);
    co_await testing::passes(1);
    t.cancel("why");
    co_await t.get();
  });
  CHECK_TRACE(log, "leaf cancelled why", "middle");
}

BOOST_AUTO_TEST_CASE(C7_cancel_of_the_inner_task_alone_does_not_count_for_the_outer) {
  testing::run_virtual([]() -> awaitable<void> {
    auto inner = create_task(sleep(1h));
    auto outer = create_task(inner);
    co_await testing::passes(1);
    inner.cancel("inner only");
    auto s = co_await settle(outer);
    BOOST_TEST(outer.cancelled());
    BOOST_TEST(outer.cancelling() == 0);
    BOOST_TEST(message_of(s) == "inner only");
  });
}

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
    auto t = create_task(refuse());
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

// --- C10 ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(C10_a_wait_that_refuses_a_cancel_is_not_woken_and_ends_with_it) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    // A yield cannot end early: the task keeps its place behind the others.
    auto before = create_task([&]() -> awaitable<void> {
      co_await sleep(0s);
      log.push_back("before");
    });
    auto t = create_task([&]() -> awaitable<void> {
      std::string what = co_await outcome_of_sleep(0s);
      log.push_back(what);
    });
    auto after = create_task([&]() -> awaitable<void> {
      t.cancel("late");
      co_await sleep(0s);
      log.push_back("after");
    });
    co_await after.get();
  });
  CHECK_TRACE(log, "before", "cancelled late", "after");
}

// --- C11 ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(C11_keyboard_interrupt_out_of_a_task_is_stored_and_leaves_run_at_once) {
  trace log;
  int reports = 0;
  task<void> interrupted;
  {
    testing::virtual_runner r;
    r.loop().set_exception_handler([&](event_loop, const exception_context&) { ++reports; });
    const auto body = [&]() -> awaitable<void> {
      interrupted = create_task([]() -> awaitable<void> {
        throw keyboard_interrupt();
        co_return;
      });
      get_running_loop().call_soon([&] { log.push_back("next in the same pass"); });
      try {
        co_await sleep(1h);
      } catch (const cancelled_error&) {
        log.push_back("main cancelled");
        throw;
      }
    };
    BOOST_CHECK_THROW(r.run(body), keyboard_interrupt);
    CHECK_TRACE(log);
    BOOST_TEST(interrupted.done());
    BOOST_TEST(!interrupted.cancelled());
    BOOST_CHECK_THROW(std::rethrow_exception(interrupted.exception()), keyboard_interrupt);
    // What was ready keeps its place for the next run.
    r.run([]() -> awaitable<void> { co_await testing::passes(1); });
    CHECK_TRACE(log, "next in the same pass");
  }
  CHECK_TRACE(log, "next in the same pass", "main cancelled");
  BOOST_TEST(reports == 0);
}

BOOST_AUTO_TEST_CASE(C11_keyboard_interrupt_out_of_the_main_task_leaves_run_and_ends_the_others) {
  trace log;
  const auto body = [&]() -> awaitable<void> {
    create_task([&]() -> awaitable<void> {
      std::string what = co_await outcome_of_sleep(1h);
      log.push_back(what);
    });
    co_await testing::passes(1);
    throw keyboard_interrupt();
  };
  BOOST_CHECK_THROW(testing::run_virtual(body), keyboard_interrupt);
  CHECK_TRACE(log, "cancelled ");
}

BOOST_AUTO_TEST_CASE(C11_other_exceptions_are_stored_only) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task([]() -> awaitable<void> {
      throw 42; // neither a std::exception nor one of ours
      co_return;
    });
    co_await testing::passes(1);
    BOOST_TEST(t.done());
    BOOST_TEST(!t.cancelled());
    BOOST_CHECK_THROW(t.result(), int);
  });
}

// --- C12 ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(C12_names_count_up_and_a_dump_shows_the_cancel_requests) {
  testing::run_virtual([]() -> awaitable<void> {
    auto a = create_task(refuse());
    auto b = create_task(refuse());
    const std::string x = a.name();
    const std::string y = b.name();
    BOOST_REQUIRE(x.starts_with("Task-"));
    BOOST_REQUIRE(y.starts_with("Task-"));
    BOOST_TEST(std::stoi(y.substr(5)) == std::stoi(x.substr(5)) + 1);
    b.set_name("renamed");
    BOOST_TEST(b.name() == "renamed");
    co_await testing::passes(1);
    b.cancel();
    std::ostringstream out;
    dump_tasks(out);
    const std::string text = out.str();
    const auto line = text.find("'renamed'");
    BOOST_REQUIRE(line != std::string::npos);
    BOOST_TEST(text.substr(line, text.find('\n', line) - line).find("cancelled 1 time(s)") != std::string::npos);
    a.cancel();
    co_await a.get();
    co_await b.get();
  });
}

// --- C13 ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(C13_waiters_and_callbacks_of_a_task_share_one_order) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto t = create_task(refuse());
    const auto waiter = [&](std::string name) -> awaitable<void> {
      co_await t.get();
      log.push_back(name);
    };
    t.add_done_callback([&] { log.push_back("callback 1"); });
    create_task(waiter("waiter 1"));
    co_await testing::passes(1);
    t.add_done_callback([&](any_task done) { log.push_back(done == t ? "callback 2" : "another task"); });
    auto last = create_task(waiter("waiter 2"));
    co_await testing::passes(1);
    t.cancel();
    co_await last.get();
  });
  CHECK_TRACE(log, "callback 1", "waiter 1", "callback 2", "waiter 2");
}

template <class Handle>
concept settable = requires(Handle h) { h.set_result(1); } || requires(Handle h) { h.set_exception(1); };

BOOST_AUTO_TEST_CASE(C13_the_outcome_of_a_task_cannot_be_set) {
  static_assert(settable<future<int>>);
  static_assert(!settable<task<int>>);
  static_assert(!settable<any_task>);
  static_assert(!std::is_convertible_v<task<int>, future<int>>);
}

// --- C14 ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(C14_current_task_is_set_only_during_a_step) {
  BOOST_TEST(!current_task());
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const any_task main = current_task();
    BOOST_TEST(main.name() == "main");
    task<void> t;
    t = create_task([&]() -> awaitable<void> {
      log.push_back(current_task() == t ? "step" : "not itself");
      co_await sleep(0s);
      log.push_back(current_task() == t ? "step" : "not itself");
    });
    get_running_loop().call_soon([&] { log.push_back(current_task() ? "a task" : "none"); });
    t.add_done_callback([&] { log.push_back(current_task() ? "a task" : "none"); });
    co_await t.get();
    BOOST_CHECK(current_task() == main);
  });
  BOOST_TEST(!current_task());
  CHECK_TRACE(log, "step", "none", "step", "none");
}

BOOST_AUTO_TEST_CASE(C14_a_plain_coroutine_runs_in_the_task_that_awaits_it) {
  testing::run_virtual([]() -> awaitable<void> {
    const any_task main = current_task();
    const auto inner = [&]() -> awaitable<bool> {
      co_await sleep(0s);
      co_return current_task() == main;
    };
    bool same = co_await inner();
    BOOST_TEST(same);
  });
}

BOOST_AUTO_TEST_CASE(C14_a_second_loop_inside_a_step_is_refused) {
  testing::run_virtual([]() -> awaitable<void> {
    BOOST_CHECK_THROW(rondo::run(value_of(1)), std::runtime_error);
    BOOST_CHECK_THROW(testing::run_virtual(value_of(1)), std::runtime_error);
    co_return;
  });
}

BOOST_AUTO_TEST_CASE(C14_all_tasks_are_the_live_ones_in_the_order_of_creation) {
  testing::run_virtual([]() -> awaitable<void> {
    const any_task main = current_task();
    auto a = create_task(sleep(1s));
    auto b = create_task(sleep(0s));
    auto c = create_task(sleep(1s), task_options().eager(true));
    const auto before = all_tasks();
    const std::vector<any_task> all{main, a, b, c};
    BOOST_CHECK(before == all);
    co_await testing::passes(2); // b has ended
    a.cancel();                  // a has not
    const auto after = all_tasks(get_running_loop());
    const std::vector<any_task> left{main, a, c};
    BOOST_CHECK(after == left);
    co_await settle(a);
    co_await c.get();
    const auto end = all_tasks();
    const std::vector<any_task> last{main};
    BOOST_CHECK(end == last);
  });
  BOOST_CHECK_THROW(all_tasks(), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(C14_all_tasks_of_a_loop_on_another_thread) {
  loop_thread other;
  std::promise<void> started;
  auto f = other.submit([&]() -> awaitable<void> {
    current_task().set_name("busy elsewhere");
    started.set_value();
    co_await sleep(std::nullopt);
  });
  started.get_future().get();
  const auto tasks = all_tasks(other.loop());
  BOOST_REQUIRE(tasks.size() == 1u);
  BOOST_TEST(tasks[0].name() == "busy elsewhere");
  tasks[0].cancel_threadsafe("from outside");
  BOOST_CHECK_THROW(f.result(), future_cancelled);
}
