// Callbacks and waiters of futures: their order, their contexts, their removal (rules F3 to F5).
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/futures.hpp"
#include "../support/trace.hpp"

#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::in_loop;
using support::trace;

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
