// gather and gather_settled: rules G3 to G8, traps 22 to 25.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/futures.hpp"
#include "../support/trace.hpp"

#include <rondo/gather.hpp>
#include <rondo/sleep.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <stdexcept>
#include <tuple>
#include <variant>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::ends_late;
using support::fails;
using support::future_with;
using support::log_capture;
using support::message_of;
using support::refuses;
using support::text_in;
using support::trace;
using support::value_after;
using support::value_of;
using support::write;

// --- G3 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(G3_cancel_cancels_all_children_and_tells_whether_one_accepted) {
  testing::run_virtual([]() -> awaitable<void> {
    auto f = get_running_loop().create_future<int>();
    auto t = create_task(value_after(1h, 1));
    auto done = future_with(1);
    auto g = gather(f, t, done);
    co_await testing::passes(1);
    BOOST_TEST(g.cancel("why"));
    BOOST_TEST(!g.done());
    BOOST_TEST(f.cancelled());
    auto s = co_await settle(g);
    BOOST_TEST(t.cancelled());
    BOOST_TEST(message_of(s) == "why");
    BOOST_TEST(done.result() == 1);
    BOOST_TEST(!g.cancel());
  });
}

BOOST_AUTO_TEST_CASE(G3_cancel_is_refused_when_all_children_are_done_but_not_looked_at) {
  testing::run_virtual([]() -> awaitable<void> {
    auto f = get_running_loop().create_future<int>();
    auto g = gather(f);
    f.set_result(5);
    BOOST_TEST(!g.done());
    BOOST_TEST(!g.cancel());
    auto [v] = co_await g.get();
    BOOST_TEST(v == 5);
  });
}

// CPython 3.14 without return_exceptions: the first child that ends as cancelled ends the gather.
BOOST_AUTO_TEST_CASE(G3_the_first_cancelled_child_ends_it_as_cpython_3_14) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto late = create_task(ends_late(&log));
    auto g = gather(sleep(1h), late);
    co_await testing::passes(1);
    g.cancel("why");
    auto s = co_await settle(g);
    BOOST_TEST(message_of(s) == "why");
    BOOST_TEST(!late.done());
    co_await settle(late);
    CHECK_TRACE(log, "late");
  });
}

BOOST_AUTO_TEST_CASE(G3_settled_ends_when_all_children_have_ended_and_with_an_exception_all_the_same) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto g = gather_settled(sleep(1h), ends_late(&log));
    co_await testing::passes(1);
    BOOST_TEST(g.cancel("why"));
    auto s = co_await settle(g);
    CHECK_TRACE(log, "late");
    BOOST_TEST(message_of(s) == "why");
    BOOST_TEST(!g.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(G3_it_ends_with_a_cancelled_error_also_if_all_children_refuse) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(refuses(1));
    auto g = gather(t, refuses(2));
    co_await testing::passes(1);
    BOOST_TEST(g.cancel("why"));
    auto s = co_await settle(g);
    BOOST_TEST(s.cancelled());
    BOOST_TEST(t.result() == 1);
  });
}

BOOST_AUTO_TEST_CASE(G3_a_cancel_of_the_awaiting_task_goes_on_to_the_children) {
  testing::run_virtual([]() -> awaitable<void> {
    auto a = create_task(value_after(1h, 1));
    const auto waits = [&]() -> awaitable<void> { co_await gather(a, sleep(1h)); };
    auto t = create_task(waits);
    co_await testing::passes(2);
    t.cancel("why");
    auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "why");
    BOOST_TEST(t.cancelled());
    BOOST_TEST(a.cancelled());
    BOOST_TEST(a.cancelling() == 1);
  });
}

BOOST_AUTO_TEST_CASE(G3_a_duplicate_is_cancelled_as_often_as_it_was_given) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(sleep(1h));
    auto g = gather(t, t);
    co_await testing::passes(1);
    g.cancel();
    BOOST_TEST(t.cancelling() == 2);
    auto s = co_await settle(g);
    BOOST_TEST(s.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(G3_children_that_have_not_started_never_run) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto g = gather(write(log, "a"), write(log, "b"));
    BOOST_TEST(g.cancel());
    auto s = co_await settle(g);
    BOOST_TEST(s.cancelled());
    BOOST_TEST(log.empty());
  });
}

BOOST_AUTO_TEST_CASE(G3_a_circle_through_a_gather_is_broken) {
  testing::run_virtual([]() -> awaitable<void> {
    gather_future<std::tuple<int, std::monostate>> g;
    const auto waits = [&]() -> awaitable<int> {
      co_await g.get();
      co_return 1;
    };
    auto t = create_task(waits);
    auto other = create_task(sleep(1h));
    g = gather(t, other);
    co_await testing::passes(2);
    BOOST_TEST(t.cancel("round"));
    auto s = co_await settle(g);
    BOOST_TEST(message_of(s) == "round");
    auto ended = co_await settle(other);
    BOOST_TEST(ended.cancelled());
    co_await settle(t);
    BOOST_TEST(t.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(G3_a_circle_of_tasks_among_the_children_does_not_accept_a_cancel) {
  testing::run_virtual([]() -> awaitable<void> {
    task<void> a, b;
    const auto waits = [](task<void>& other) -> awaitable<void> { co_await other.get(); };
    a = create_task(waits(b));
    b = create_task(waits(a));
    auto g = gather(a, sleep(1h));
    co_await testing::passes(2);
    BOOST_TEST(g.cancel());
    auto s = co_await settle(g);
    BOOST_TEST(s.cancelled());
    BOOST_TEST(!a.done()); // the shutdown breaks the circle
  });
}

// --- G4, trap 25 -------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(G4_trap_25_a_gather_is_never_cancelled_as_cpython_3_14) {
  testing::run_virtual([]() -> awaitable<void> {
    auto g = gather(sleep(1h));
    g.cancel("why");
    co_await settle(g);
    BOOST_TEST(g.done());
    BOOST_TEST(!g.cancelled());
    BOOST_TEST(text_in<cancelled_error>(g.exception()) == "why");
  });
}

// --- G5 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(G5_after_an_exception_cancel_leaves_the_other_children_alone) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(value_after(1s, 1));
    auto g = gather(t, fails("x"));
    co_await settle(g);
    BOOST_TEST(!g.cancel());
    BOOST_TEST(t.cancelling() == 0);
    int v = co_await t.get();
    BOOST_TEST(v == 1);
  });
}

// --- G6 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(G6_a_cancelled_child_does_not_count_as_a_cancel_of_the_awaiting_task) {
  testing::run_virtual([]() -> awaitable<void> {
    auto child = create_task(sleep(1h));
    const auto waits = [&]() -> awaitable<int> {
      bool caught = false;
      try {
        co_await gather(child);
      } catch (const cancelled_error&) {
        caught = true;
      }
      BOOST_TEST(caught);
      co_return current_task().cancelling();
    };
    auto t = create_task(waits);
    co_await testing::passes(2);
    child.cancel();
    int count = co_await t.get();
    BOOST_TEST(count == 0);
  });
}

// --- G7 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(G7_a_cancelled_child_is_a_value_of_a_settled_gather) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(sleep(1h));
    auto f = get_running_loop().create_future<int>();
    co_await testing::passes(1);
    t.cancel("task");
    f.cancel("future");
    auto [a, b, c] = co_await gather_settled(t, f, value_of(1));
    BOOST_TEST(a.cancelled());
    BOOST_TEST(message_of(a) == ""); // as in CPython: the message is for the awaiters of the task
    BOOST_TEST(message_of(b) == "future");
    BOOST_TEST(*c == 1);
    auto own = co_await settle(t);
    BOOST_TEST(message_of(own) == "task");
  });
}

// --- G8 and the end of the loop ----------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(G8_gathers_own_tasks_are_not_reported_when_the_loop_ends_before_them) {
  log_capture log;
  boost::asio::io_context context;
  gather_future<std::tuple<std::monostate, int>> kept;
  {
    event_loop loop(context.get_executor());
    loop.call_soon([&] { kept = gather(sleep(1h), refuses(1)); });
    loop.call_later(1ms, [&] { context.stop(); });
    context.run();
    loop.close();
  }
  BOOST_TEST(kept.cancelled() == false);
  BOOST_TEST(!kept.done());
  kept = {};
  BOOST_TEST(log.text() == "");
}

BOOST_AUTO_TEST_CASE(G8_handles_are_reported_as_ever) {
  log_capture log;
  {
    boost::asio::io_context context;
    event_loop loop(context.get_executor());
    loop.call_soon([&] {
      auto t = create_task(sleep(1h), task_options().name("given"));
      gather(t, sleep(1h));
    });
    loop.call_later(1ms, [&] { context.stop(); });
    context.run();
    loop.close();
  }
  BOOST_TEST(log.size() == 1u);
  BOOST_TEST(contains(log.text(), "Task was destroyed but it is pending!: task 'given'"));
}

BOOST_AUTO_TEST_CASE(a_gather_lives_without_a_handle_as_long_as_a_child_is_pending) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    const auto child = [&]() -> awaitable<void> {
      co_await sleep(1s);
      log.push_back("child");
    };
    gather(child, child).add_done_callback([&] { log.push_back("gather"); });
    co_await sleep(2s);
    CHECK_TRACE(log, "child", "child", "gather");
  });
}

// --- traps -------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(trap_22_a_settled_gather_does_not_swallow_a_cancel) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto waits = []() -> awaitable<void> { co_await gather_settled(sleep(1h), sleep(2h)); };
    auto t = create_task(waits);
    co_await testing::passes(2);
    t.cancel("why");
    auto s = co_await settle(t);
    BOOST_TEST(t.cancelled());
    BOOST_TEST(message_of(s) == "why");
  });
}

BOOST_AUTO_TEST_CASE(trap_23_a_cancel_is_not_dropped_when_the_children_are_done) {
  testing::run_virtual([]() -> awaitable<void> {
    auto f = get_running_loop().create_future<int>();
    const auto waits = [&]() -> awaitable<void> { co_await gather(f); };
    auto t = create_task(waits);
    co_await testing::passes(2);
    f.set_result(1);
    BOOST_TEST(t.cancel("late"));
    auto s = co_await settle(t);
    BOOST_TEST(t.cancelled());
    BOOST_TEST(message_of(s) == "late");
  });
}

BOOST_AUTO_TEST_CASE(trap_24_an_eager_child_that_fails_at_once) {
  log_capture log;
  testing::run_virtual([]() -> awaitable<void> {
    get_running_loop().set_task_factory(eager_task_factory);
    auto g = gather(fails("eager"), value_after(1s, 1), fails("second"));
    BOOST_TEST(g.done());
    auto s = co_await settle(g);
    BOOST_TEST(text_in<std::runtime_error>(s.error()) == "eager");
    auto [a, b] = co_await gather_settled(fails("again"), value_of(2));
    BOOST_TEST(text_in<std::runtime_error>(a.error()) == "again");
    BOOST_TEST(*b == 2);
    co_await sleep(2s);
  });
  BOOST_TEST(log.size() == 0u);
}
