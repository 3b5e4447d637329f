// Futures: cancel messages, exceptions that nobody asked for, the wrong future (rules F6 to F9).
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/expect.hpp"
#include "../support/futures.hpp"
#include "../support/trace.hpp"

#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::in_loop;
using support::thrown;
using support::trace;

// --- F6, F7: cancelled -------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(F6_a_cancelled_error_set_by_hand_makes_a_failed_future) {
  testing::run_virtual([]() -> awaitable<void> {
    const future<int> f = get_running_loop().create_future<int>();
    f.set_exception(cancelled_error("by hand"));
    BOOST_TEST(f.done());
    BOOST_TEST(!f.cancelled());
    BOOST_TEST(support::text_in<cancelled_error>(f.exception()) == "by hand");
    BOOST_TEST(thrown<cancelled_error>([&] { f.result(); }) == "by hand");
    auto wait = [&]() -> awaitable<void> { co_await f.get(); };
    const task<void> t = create_task(wait);
    co_await testing::passes(2);
    BOOST_TEST(t.cancelled()); // for a task it is a cancellation
    BOOST_TEST(t.cancelling() == 0);
  });
}

BOOST_AUTO_TEST_CASE(F7_the_message_of_a_cancel_travels_to_every_awaiter) {
  trace got;
  testing::run_virtual([&]() -> awaitable<void> {
    const future<int> f = get_running_loop().create_future<int>();
    auto wait = [&]() -> awaitable<void> {
      const settled<int> s = co_await settle(f);
      got.push_back(support::message_of(s));
    };
    create_task(wait);
    create_task(wait);
    co_await testing::passes(1);
    f.cancel("no longer wanted");
    co_await testing::passes(1);
    create_task(wait);
    co_await testing::passes(1);
  });
  CHECK_TRACE(got, "no longer wanted", "no longer wanted", "no longer wanted");
}

BOOST_AUTO_TEST_CASE(F7_the_message_travels_through_tasks_and_the_future_they_wait_for) {
  trace got;
  testing::run_virtual([&]() -> awaitable<void> {
    const future<int> f = get_running_loop().create_future<int>();
    f.add_done_callback([&](future<int> g) { got.push_back(thrown<cancelled_error>([&] { g.result(); })); });
    auto inner = [&]() -> awaitable<int> {
      try {
        co_return co_await f.get();
      } catch (const cancelled_error& e) {
        got.push_back("inner: " + e.message());
        throw;
      }
    };
    const task<int> in = create_task(inner);
    auto outer = [&]() -> awaitable<void> {
      try {
        co_await in.get();
      } catch (const cancelled_error& e) {
        got.push_back("outer: " + e.message());
        throw;
      }
    };
    const task<void> out = create_task(outer);
    co_await testing::passes(2);
    BOOST_TEST(out.cancel("hurry"));
    BOOST_TEST(f.cancelled());
    const settled<void> end = co_await settle(out);
    got.push_back("main: " + support::message_of(end));
    BOOST_TEST((in.cancelled() && out.cancelled()));
  });
  CHECK_TRACE(got, "hurry", "inner: hurry", "outer: hurry", "main: hurry");
}

BOOST_AUTO_TEST_CASE(F7_the_exception_of_a_cancelled_task_is_given_out_once) {
  testing::run_virtual([]() -> awaitable<void> {
    auto body = []() -> awaitable<void> { co_await sleep(1h); };
    const task<void> t = create_task(body);
    co_await testing::passes(1);
    t.cancel("once");
    trace got;
    auto wait = [&]() -> awaitable<void> {
      const settled<void> s = co_await settle(t);
      got.push_back(support::message_of(s));
    };
    create_task(wait);
    create_task(wait);
    co_await testing::passes(3);
    CHECK_TRACE(got, "once", "");
    BOOST_TEST(thrown<cancelled_error>([&] { t.result(); }) == "");
    BOOST_TEST(thrown<cancelled_error>([&] { t.exception(); }) == "");
  });
}

BOOST_AUTO_TEST_CASE(F7_the_first_who_asks_gets_the_very_exception_that_ended_the_task) {
  testing::run_virtual([]() -> awaitable<void> {
    const std::exception_ptr original = std::make_exception_ptr(cancelled_error("mine"));
    auto body = [&]() -> awaitable<void> {
      std::rethrow_exception(original);
      co_return;
    };
    const task<void> t = create_task(body);
    const settled<void> first = co_await settle(t);
    const settled<void> second = co_await settle(t);
    BOOST_CHECK(first.error() == original);
    BOOST_CHECK(second.error() != original);
    BOOST_TEST(t.cancelled());
    BOOST_TEST(t.cancelling() == 0);
  });
}

BOOST_AUTO_TEST_CASE(F7_cancelling_a_waiting_task_cancels_the_future_for_everybody) {
  testing::run_virtual([]() -> awaitable<void> {
    const future<int> f = get_running_loop().create_future<int>();
    auto wait = [&]() -> awaitable<int> { co_return co_await f.get(); };
    const task<int> a = create_task(wait);
    const task<int> b = create_task(wait);
    co_await testing::passes(1);
    a.cancel("a goes");
    BOOST_TEST(f.cancelled());
    const settled<int> end = co_await settle(b);
    BOOST_TEST(support::message_of(end) == "a goes");
    BOOST_TEST(b.cancelled());
    BOOST_TEST(b.cancelling() == 0);
    BOOST_TEST(a.cancelling() == 1);
  });
}

// --- F8: never retrieved -----------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(F8_an_exception_that_nobody_asks_for_is_reported_when_the_last_handle_goes) {
  std::vector<exception_context> reports;
  in_loop([&](event_loop loop) {
    loop.set_exception_handler([&](event_loop, const exception_context& c) { reports.push_back(c); });
    const std::exception_ptr original = std::make_exception_ptr(std::logic_error("broken"));
    future<int> f = loop.create_future<int>();
    const void* const id = &f.state("test");
    f.set_exception(original);
    future<int> copy = f;
    f = {};
    BOOST_TEST(reports.empty());
    copy = {};
    BOOST_REQUIRE_EQUAL(reports.size(), 1u);
    BOOST_TEST(reports[0].message == "Future exception was never retrieved");
    BOOST_CHECK(reports[0].exception == original);
    BOOST_TEST(static_cast<const void*>(&reports[0].future.state("test")) == id);
    reports.pop_back();
    BOOST_TEST(reports.empty()); // the handle in the report was the last one; there is no second report
    loop.set_exception_handler({});
  });
}

BOOST_AUTO_TEST_CASE(F8_whoever_looks_at_the_exception_takes_the_report_away) {
  support::log_capture log;
  testing::run_virtual([]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    for (const int how : {0, 1, 2, 3, 4}) {
      const future<int> f = loop.create_future<int>();
      f.set_exception(std::logic_error("broken"));
      if (how == 0) BOOST_CHECK_THROW(f.result(), std::logic_error);
      if (how == 1) BOOST_CHECK(f.exception() != nullptr);
      if (how == 2) BOOST_TEST(!f.cancel());
      if (how == 3) {
        const settled<int> s = co_await settle(f);
        BOOST_TEST(!s.has_value());
      }
      if (how == 4) BOOST_CHECK(any_future(f).exception() != nullptr);
    }
  });
  BOOST_TEST(log.text() == "");
}

BOOST_AUTO_TEST_CASE(F8_results_cancellations_and_pending_futures_are_no_news) {
  support::log_capture log;
  in_loop([](event_loop loop) {
    loop.create_future<int>().set_result(1);
    loop.create_future<int>().cancel();
    loop.create_future<int>();
    // Retrieved by nobody, and not asked for either: done() does not count.
    const future<int> f = loop.create_future<int>();
    f.set_exception(std::logic_error("broken"));
    BOOST_TEST(f.done());
  });
  BOOST_TEST(log.size() == 1u);
}

BOOST_AUTO_TEST_CASE(F8_a_handle_that_goes_on_another_thread_or_after_the_loop_is_reported_too) {
  support::log_capture log;
  future<int> late;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    future<int> f = loop.create_future<int>();
    f.set_exception(std::logic_error("on another thread"));
    std::thread([g = std::move(f)]() mutable { g = {}; }).join();
    late = loop.create_future<int>();
    late.set_exception(std::logic_error("after the loop"));
    BOOST_TEST(log.size() == 0u); // the report is made on the loop's thread
    co_await testing::passes(2);
    BOOST_TEST(log.size() == 1u);
  });
  BOOST_TEST(contains(log.text(), "on another thread"));
  late = {};
  BOOST_TEST(contains(log.text(), "after the loop"));
}

// --- F9: the wrong future ----------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(F9_a_future_of_another_loop_is_an_error_on_the_next_pass) {
  testing::virtual_runner other;
  const future<int> foreign = other.loop().create_future<int>();
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    auto body = [&]() -> awaitable<void> {
      order.push_back("before");
      try {
        co_await foreign.get();
        order.push_back("no exception");
      } catch (const std::runtime_error& e) {
        order.push_back("error");
        BOOST_TEST(contains(e.what(), "task 'reader'"));
        BOOST_TEST(contains(e.what(), "a different loop"));
        BOOST_TEST(contains(e.what(), "run_coroutine_threadsafe"));
      }
    };
    const task<void> t = create_task(body, task_options().name("reader"));
    co_await testing::passes(1);
    order.push_back("pass 1");
    co_await testing::passes(1);
    order.push_back("pass 2");
    BOOST_TEST(t.done());
  });
  CHECK_TRACE(order, "before", "pass 1", "error", "pass 2");
  BOOST_TEST(!foreign.done());
  foreign.set_result(1); // it is as good as before
  BOOST_TEST(other.run(foreign) == 1);
}

BOOST_AUTO_TEST_CASE(F9_a_done_future_of_a_loop_at_rest_is_as_good_as_a_value) {
  testing::virtual_runner other;
  const future<int> foreign = other.loop().create_future<int>();
  foreign.set_result(1);
  testing::run_virtual([&]() -> awaitable<void> { BOOST_TEST(co_await foreign.get() == 1); });
}

BOOST_AUTO_TEST_CASE(F9_a_done_future_of_a_loop_that_may_run_elsewhere_is_an_error_too) {
  // CPython never looks at the loop of a future that is done; without a global lock that is a data race.
  boost::asio::io_context context;
  const event_loop attached(context.get_executor());
  const future<int> foreign = attached.create_future<int>();
  foreign.set_result(1);
  testing::run_virtual([&]() -> awaitable<void> {
    const settled<int> s = co_await settle(foreign);
    BOOST_TEST(contains(support::text_in<std::runtime_error>(s.error()), "a different loop"));
  });
}

BOOST_AUTO_TEST_CASE(F9_a_task_cannot_await_itself) {
  testing::run_virtual([]() -> awaitable<void> {
    task<void> self;
    trace order;
    auto body = [&]() -> awaitable<void> {
      try {
        co_await self.get();
      } catch (const std::runtime_error& e) {
        order.push_back(e.what());
      }
      co_await testing::passes(1);
      order.push_back("it goes on");
    };
    self = create_task(body, task_options().name("narcissus"));
    co_await testing::passes(4);
    CHECK_TRACE(order, "Task cannot await on itself: task 'narcissus'", "it goes on");
    BOOST_TEST(self.done());
    BOOST_CHECK(self.exception() == nullptr);
  });
}
