// Futures: states, callbacks, cancel messages, exceptions that nobody asked for (rules F1 to F9), and values of any kind.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/expect.hpp"
#include "../support/trace.hpp"

#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::thrown;
using support::trace;

namespace {

/// Runs a function inside a loop; for tests that need one but do not wait.
template <class F>
void in_loop(F f) {
  testing::run_virtual([&]() -> awaitable<void> {
    f(get_running_loop());
    co_await testing::passes(3);
  });
}

struct no_default {
  explicit no_default(int n) : number(n) {}
  int number;
};

} // namespace

// --- F1, F2: states ----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(F1_a_future_finishes_once) {
  in_loop([](event_loop loop) {
    const future<int> f = loop.create_future<int>();
    BOOST_TEST((!f.done() && !f.cancelled()));
    f.set_result(1);
    BOOST_TEST((f.done() && !f.cancelled()));
    BOOST_TEST(contains(thrown<invalid_state_error>([&] { f.set_result(2); }), "set_result"));
    BOOST_TEST(contains(thrown<invalid_state_error>([&] { f.set_exception(std::logic_error("x")); }), "done"));
    BOOST_TEST(!f.cancel());
    BOOST_TEST(!f.cancelled());
    BOOST_TEST(f.result() == 1);

    const future<int> failed = loop.create_future<int>();
    failed.set_exception(std::logic_error("first"));
    BOOST_CHECK_THROW(failed.set_result(2), invalid_state_error);
    BOOST_CHECK_THROW(failed.set_exception(std::logic_error("second")), invalid_state_error);
    BOOST_TEST(!failed.cancel());
    BOOST_TEST(thrown<std::logic_error>([&] { failed.result(); }) == "first");

    const future<int> gone = loop.create_future<int>();
    BOOST_TEST(gone.cancel("first"));
    BOOST_TEST((gone.done() && gone.cancelled()));
    BOOST_TEST(contains(thrown<invalid_state_error>([&] { gone.set_result(2); }), "cancelled"));
    BOOST_CHECK_THROW(gone.set_exception(std::logic_error("x")), invalid_state_error);
    BOOST_TEST(!gone.cancel("second"));
    BOOST_TEST(thrown<cancelled_error>([&] { gone.result(); }) == "first");
  });
}

BOOST_AUTO_TEST_CASE(F1_a_null_exception_is_refused_before_anything_changes) {
  in_loop([](event_loop loop) {
    const future<int> f = loop.create_future<int>();
    BOOST_TEST(contains(thrown<std::invalid_argument>([&] { f.set_exception(std::exception_ptr()); }), "null"));
    BOOST_TEST(!f.done());
    f.set_result(1);
    BOOST_TEST(f.result() == 1);
  });
}

BOOST_AUTO_TEST_CASE(F2_result_and_exception_in_each_state) {
  in_loop([](event_loop loop) {
    const future<int> f = loop.create_future<int>();
    BOOST_TEST(contains(thrown<invalid_state_error>([&] { f.result(); }), "Result is not ready"));
    BOOST_TEST(contains(thrown<invalid_state_error>([&] { f.exception(); }), "Exception is not set"));
    f.set_result(1);
    BOOST_CHECK(f.exception() == nullptr);

    const future<int> gone = loop.create_future<int>();
    gone.cancel("the reason");
    for (int i = 0; i < 2; ++i) { // a future's message is there for everybody who asks
      BOOST_TEST(thrown<cancelled_error>([&] { gone.result(); }) == "the reason");
      BOOST_TEST(thrown<cancelled_error>([&] { gone.exception(); }) == "the reason");
    }

    const future<int> failed = loop.create_future<int>();
    failed.set_exception(std::logic_error("broken"));
    BOOST_TEST(thrown<std::logic_error>([&] { failed.result(); }) == "broken");
    BOOST_TEST(support::text_in<std::logic_error>(failed.exception()) == "broken");
  });
}

BOOST_AUTO_TEST_CASE(F2_exception_is_the_very_pointer_that_was_set_or_thrown) {
  testing::run_virtual([]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    const std::exception_ptr original = std::make_exception_ptr(std::logic_error("broken"));
    const future<int> f = loop.create_future<int>();
    f.set_exception(original);
    BOOST_CHECK(f.exception() == original);
    const settled<int> outcome = co_await settle(f);
    BOOST_CHECK(outcome.error() == original);

    auto rethrowing = [&]() -> awaitable<void> {
      std::rethrow_exception(original);
      co_return;
    };
    const task<void> t = create_task(rethrowing);
    const settled<void> end = co_await settle(t);
    BOOST_CHECK(end.error() == original);
    BOOST_CHECK(t.exception() == original);
  });
}

// --- F3, F4, F5: callbacks ---------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(F3_callbacks_are_never_called_at_once) {
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    const future<int> f = get_running_loop().create_future<int>();
    f.add_done_callback([&] { order.push_back("registered while pending"); });
    f.set_result(1);
    order.push_back("set");
    f.add_done_callback([&] { order.push_back("registered when done"); });
    order.push_back("registered");
    co_await testing::passes(1);
    order.push_back("a pass later");
  });
  CHECK_TRACE(order, "set", "registered", "registered while pending", "registered when done", "a pass later");
}

BOOST_AUTO_TEST_CASE(F3_callbacks_and_waiters_share_one_order) {
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    const future<int> f = get_running_loop().create_future<int>();
    auto wait = [&](std::string name) -> awaitable<void> {
      const int value = co_await f.get();
      order.push_back(name + std::to_string(value));
    };
    f.add_done_callback([&] { order.push_back("callback 1"); });
    create_task(wait("waiter 1/"));
    create_task(wait("waiter 2/"));
    co_await testing::passes(1);
    f.add_done_callback([&] { order.push_back("callback 2"); });
    f.set_result(5);
    const int value = co_await f.get(); // done: no turn of the loop
    order.push_back("setter " + std::to_string(value));
    co_await testing::passes(1);
    order.push_back("a pass later");
  });
  CHECK_TRACE(order, "setter 5", "callback 1", "waiter 1/5", "waiter 2/5", "callback 2", "a pass later");
}

BOOST_AUTO_TEST_CASE(F3_exceptions_and_cancels_wake_in_the_same_order) {
  for (const bool cancel : {false, true}) {
    trace order;
    testing::run_virtual([&]() -> awaitable<void> {
      const future<int> f = get_running_loop().create_future<int>();
      auto wait = [&](std::string name) -> awaitable<void> {
        const settled<int> outcome = co_await settle(f);
        order.push_back(name + (outcome.cancelled() ? " cancelled" : outcome.error() ? " failed" : " value"));
      };
      create_task(wait("1"));
      co_await testing::passes(1);
      f.add_done_callback([&](future<int> g) { order.push_back(g == f ? "callback" : "another future"); });
      create_task(wait("2"));
      co_await testing::passes(1);
      if (cancel)
        f.cancel();
      else
        f.set_exception(std::logic_error("broken"));
      co_await testing::passes(1);
    });
    if (cancel)
      CHECK_TRACE(order, "1 cancelled", "callback", "2 cancelled");
    else
      CHECK_TRACE(order, "1 failed", "callback", "2 failed");
  }
}

BOOST_AUTO_TEST_CASE(F3_a_callback_gets_the_handle_of_its_own_kind_or_nothing) {
  std::vector<std::string> got;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    {
      // The only handles: the one in the callback's argument keeps the future alive.
      const future<int> f = loop.create_future<int>();
      f.add_done_callback([&](future<int> g) { got.push_back("future<int> " + std::to_string(g.result())); });
      f.add_done_callback([&](const future<int>& g) { got.push_back(g.done() ? "reference" : ""); });
      any_future(f).add_done_callback([&](any_future g) { got.push_back(g.done() ? "any_future" : ""); });
      f.add_done_callback([&] { got.push_back("nothing"); });
      f.set_result(3);
    }
    co_await testing::passes(1);
    auto body = []() -> awaitable<int> { co_return 4; };
    const task<int> t = create_task(body);
    t.add_done_callback([&](task<int> g) { got.push_back("task<int> " + std::to_string(g.result())); });
    any_task(t).add_done_callback([&](any_task g) { got.push_back("any_task " + g.name()); });
    t.set_name("four");
    co_await testing::passes(3);
  });
  CHECK_TRACE(got, "future<int> 3", "reference", "any_future", "nothing", "task<int> 4", "any_task four");
}

BOOST_AUTO_TEST_CASE(F4_a_callback_runs_in_the_context_of_its_registration_or_the_one_given) {
  context_var<std::string> user("user", "nobody");
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    const future<int> f = loop.create_future<int>();
    user.set("ann");
    const context given = copy_context();
    user.set("bob");
    f.add_done_callback([&] {
      order.push_back(user.get());
      user.set("changed in the callback");
    });
    f.add_done_callback([&] { order.push_back(user.get()); }, given);
    user.set("cid");
    f.add_done_callback([&] { order.push_back(user.get()); });
    f.set_result(1);
    f.add_done_callback([&] { order.push_back(user.get()); }, given);
    co_await testing::passes(1);
    order.push_back(user.get());
  });
  CHECK_TRACE(order, "bob", "ann", "cid", "ann", "cid");
}

BOOST_AUTO_TEST_CASE(F5_a_callback_that_is_not_scheduled_yet_can_be_removed) {
  // asyncio removes all equal callbacks and counts them; here each registration has an id of its own.
  trace order;
  const auto owned = std::make_shared<int>(1);
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    const future<int> f = loop.create_future<int>();
    const callback_id a = f.add_done_callback([&, o = owned] { order.push_back("a"); });
    f.add_done_callback([&] { order.push_back("b"); });
    const callback_id c = f.add_done_callback([&](future<int>) { order.push_back("c"); });
    BOOST_CHECK(a != c);
    const future<int> other = loop.create_future<int>();
    BOOST_TEST(!other.remove_done_callback(a));
    BOOST_TEST(owned.use_count() == 2);
    BOOST_TEST(f.remove_done_callback(a));
    BOOST_TEST(owned.use_count() == 1);
    BOOST_TEST(!f.remove_done_callback(a));
    BOOST_TEST(any_future(f).remove_done_callback(c));
    const callback_id late = f.add_done_callback([&] { order.push_back("scheduled"); });
    f.set_result(1);
    BOOST_TEST(!f.remove_done_callback(late)); // it is on its way
    co_await testing::passes(1);
    BOOST_TEST(!f.remove_done_callback(callback_id{}));
  });
  CHECK_TRACE(order, "b", "scheduled");
}

BOOST_AUTO_TEST_CASE(F5_callback_ids_differ_also_when_threads_take_turns) {
  // As on a strand: each step of a loop may run on another thread of the pool.
  boost::asio::io_context io(1);
  const event_loop loop(io.get_executor());
  const future<int> f = loop.create_future<int>();
  callback_id first{};
  callback_id second{};
  trace order;
  std::thread([&] { first = f.add_done_callback([&] { order.push_back("first"); }); }).join();
  std::thread([&] { second = f.add_done_callback([&] { order.push_back("second"); }); }).join();
  BOOST_CHECK(first != second);
  BOOST_TEST(f.remove_done_callback(second));
  f.set_result(1);
  io.run();
  CHECK_TRACE(order, "first");
}

BOOST_AUTO_TEST_CASE(F5_a_pending_future_that_goes_drops_its_callbacks) {
  const auto owned = std::make_shared<int>(1);
  in_loop([&](event_loop loop) {
    {
      const future<int> f = loop.create_future<int>();
      f.add_done_callback([o = owned] { BOOST_ERROR("ran"); });
      f.add_done_callback([o = owned](future<int>) { BOOST_ERROR("ran"); });
      BOOST_TEST(owned.use_count() == 3);
    }
    BOOST_TEST(owned.use_count() == 1);
  });
}

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

// --- Hops --------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(hops_a_done_future_costs_none_and_a_pending_one_costs_one) {
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    const future<int> f = loop.create_future<int>();
    auto wait = [&]() -> awaitable<void> {
      co_await f.get();
      order.push_back("woken");
      co_await f.get();
      co_await f.get();
      order.push_back("still in that step");
    };
    create_task(wait);
    co_await testing::passes(1);
    loop.call_soon([&] { order.push_back("ready before"); });
    f.set_result(1);
    loop.call_soon([&] { order.push_back("ready after"); });
    co_await f.get();
    order.push_back("setter");
    co_await testing::passes(1);
  });
  CHECK_TRACE(order, "setter", "ready before", "woken", "still in that step", "ready after");
}

// --- Handles -----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(handles_are_shared_compared_by_identity_and_usable_as_keys) {
  in_loop([](event_loop loop) {
    const future<int> a = loop.create_future<int>();
    const future<int> b = loop.create_future<int>();
    const future<int> same = a;
    const any_future any = a;
    BOOST_CHECK(a == same);
    BOOST_CHECK(a == any);
    BOOST_CHECK(any == same);
    BOOST_CHECK(!(a == b));
    BOOST_CHECK((a < b) != (b < a));
    BOOST_CHECK(!(a < same));
    BOOST_CHECK(future<int>() == any_future());
    const std::unordered_set<future<int>> set{a, b, same};
    BOOST_TEST(set.size() == 2u);
    const std::unordered_set<any_future> mixed{a, b, any};
    BOOST_TEST(mixed.size() == 2u);
    const std::map<any_future, int> map{{a, 1}, {b, 2}};
    BOOST_TEST(map.at(same) == 1);
    same.set_result(3);
    BOOST_TEST(a.result() == 3);
    BOOST_CHECK(a.loop() == loop);
  });
}

BOOST_AUTO_TEST_CASE(an_empty_handle_names_the_call_that_it_cannot_serve) {
  const future<int> f;
  BOOST_TEST(!f);
  BOOST_TEST(contains(thrown<std::logic_error>([&] { f.done(); }), "done: the handle is empty"));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { f.cancelled(); }), "cancelled: the handle is empty"));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { f.cancel(); }), "cancel: the handle is empty"));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { f.result(); }), "result: the handle is empty"));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { f.exception(); }), "exception: the handle is empty"));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { f.set_result(1); }), "set_result: the handle is empty"));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { f.set_exception(1); }), "set_exception: the handle is empty"));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { f.add_done_callback([] {}); }), "add_done_callback: "));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { f.remove_done_callback({}); }), "remove_done_callback: "));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { f.loop(); }), "loop: the handle is empty"));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { (void)f.get(); }), "get: the handle is empty"));
  const any_task t;
  BOOST_TEST(contains(thrown<std::logic_error>([&] { t.name(); }), "name: the handle is empty"));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { t.cancel_threadsafe(); }), "cancel_threadsafe: "));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { (void)cancel_and_wait(t); }), "cancel_and_wait: "));
}

BOOST_AUTO_TEST_CASE(handles_outlive_their_loop) {
  future<std::string> finished;
  future<std::string> pending;
  testing::run_virtual([&]() -> awaitable<void> {
    finished = get_running_loop().create_future<std::string>();
    pending = get_running_loop().create_future<std::string>();
    finished.set_result("kept");
    co_return;
  });
  BOOST_TEST(finished.result() == "kept");
  BOOST_TEST(pending.loop().is_closed());
  BOOST_TEST(pending.cancel("too late"));
  BOOST_TEST(pending.cancelled());
}

// --- Values ------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_copyable_value_is_copied_to_everybody) {
  testing::run_virtual([]() -> awaitable<void> {
    const future<std::string> f = get_running_loop().create_future<std::string>();
    f.set_result("text"); // converted
    const std::string a = co_await f.get();
    const std::string b = co_await f.get();
    BOOST_TEST((a == "text" && b == "text" && f.result() == "text"));
  });
}

BOOST_AUTO_TEST_CASE(a_move_only_value_is_moved_out_once) {
  testing::run_virtual([]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    const future<std::unique_ptr<int>> f = loop.create_future<std::unique_ptr<int>>();
    f.set_result(std::make_unique<int>(7));
    const std::unique_ptr<int> got = co_await f.get();
    BOOST_TEST(*got == 7);
    BOOST_TEST(f.done());
    BOOST_CHECK(f.exception() == nullptr);
    BOOST_TEST(contains(thrown<invalid_state_error>([&] { f.result(); }), "already taken"));
    const settled<std::unique_ptr<int>> again = co_await settle(f);
    BOOST_TEST(contains(support::text_in<invalid_state_error>(again.error()), "already taken"));

    // Two who wait: the first one gets it.
    const future<std::unique_ptr<int>> g = loop.create_future<std::unique_ptr<int>>();
    trace order;
    auto wait = [&]() -> awaitable<void> {
      const settled<std::unique_ptr<int>> s = co_await settle(g);
      order.push_back(s ? std::to_string(**s) : support::text_in<invalid_state_error>(s.error()));
    };
    create_task(wait);
    create_task(wait);
    co_await testing::passes(1);
    g.set_result(std::make_unique<int>(8));
    co_await testing::passes(1);
    CHECK_TRACE(order, "8", "the value of the future was already taken");

    auto body = []() -> awaitable<std::unique_ptr<int>> { co_return std::make_unique<int>(9); };
    const task<std::unique_ptr<int>> t = create_task(body);
    const std::unique_ptr<int> nine = co_await t.get();
    BOOST_TEST(*nine == 9);
    BOOST_TEST(contains(thrown<invalid_state_error>([&] { t.result(); }), "already taken"));
  });
}

BOOST_AUTO_TEST_CASE(a_value_without_default_constructor) {
  testing::run_virtual([]() -> awaitable<void> {
    const future<no_default> f = get_running_loop().create_future<no_default>();
    f.set_result(no_default(7));
    const no_default got = co_await f.get();
    BOOST_TEST(got.number == 7);
    auto body = []() -> awaitable<no_default> {
      co_await testing::passes(1);
      co_return no_default(8);
    };
    const task<no_default> t = create_task(body);
    const no_default eight = co_await t.get();
    BOOST_TEST(eight.number == 8);
    auto failing = []() -> awaitable<no_default> {
      throw std::logic_error("no value at all");
      co_return no_default(0);
    };
    const task<no_default> u = create_task(failing);
    const settled<no_default> s = co_await settle(u);
    BOOST_TEST(support::text_in<std::logic_error>(s.error()) == "no value at all");
  });
  BOOST_TEST(testing::run_virtual([]() -> awaitable<no_default> { co_return no_default(9); }).number == 9);
}

BOOST_AUTO_TEST_CASE(a_future_of_nothing) {
  testing::run_virtual([]() -> awaitable<void> {
    const future<> f = get_running_loop().create_future();
    BOOST_CHECK_THROW(f.result(), invalid_state_error);
    f.set_result();
    BOOST_CHECK_THROW(f.set_result(), invalid_state_error);
    co_await f.get();
    co_await f.get();
    f.result();
    BOOST_CHECK(f.exception() == nullptr);
    const future<> g = get_running_loop().create_future();
    g.set_exception(std::logic_error("broken"));
    const settled<void> s = co_await settle(g);
    BOOST_TEST(support::text_in<std::logic_error>(s.error()) == "broken");
  });
}

BOOST_AUTO_TEST_CASE(an_optional_and_an_exception_pointer_are_values_like_any_other) {
  testing::run_virtual([]() -> awaitable<void> {
    const future<std::optional<int>> f = get_running_loop().create_future<std::optional<int>>();
    f.set_result(std::nullopt);
    const std::optional<int> empty = co_await f.get();
    BOOST_TEST(!empty.has_value());
    const future<std::exception_ptr> g = get_running_loop().create_future<std::exception_ptr>();
    g.set_result(std::make_exception_ptr(1));
    const std::exception_ptr error = co_await g.get();
    BOOST_CHECK(error != nullptr);
    BOOST_CHECK(g.exception() == nullptr);
  });
}

BOOST_AUTO_TEST_CASE(temporaries_can_be_awaited_directly) {
  testing::run_virtual([]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    future<int> f = loop.create_future<int>();
    loop.call_soon([f] { f.set_result(5); });
    const int five = co_await std::move(f);
    BOOST_TEST(five == 5);
    future<int> g = loop.create_future<int>();
    g.set_result(6);
    const int six = co_await future<int>(g);
    BOOST_TEST(six == 6);
  });
}
