// Where a cancellation arrives: in a task that cancels itself, in a chain of tasks, in a wait that refuses it (C4, C5, C7, C10).
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/trace.hpp"

#include <rondo/event_loop.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <stdexcept>
#include <string>

using namespace rondo;
using namespace std::chrono_literals;
using support::message_of;
using support::outcome_of_sleep;
using support::refuses;
using support::trace;
using support::value_of;

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
    auto inner = create_task(refuses(5));
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
