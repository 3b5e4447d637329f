// as_completed: several consumers, resuming, cancellation at every stage (A3), its passes.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/completions.hpp"
#include "../support/expect.hpp"
#include "../support/futures.hpp"
#include "../support/ticker.hpp"
#include "../support/trace.hpp"

#include <rondo/as_completed.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <utility>

using namespace rondo;
using namespace std::chrono_literals;
using support::consume;
using support::contains;
using support::futures;
using support::new_future;
using support::new_futures;
using support::thrown;
using support::ticker;
using support::trace;
using support::with_ticker;

// --- A3 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(A3_several_consumers_are_served_in_the_order_in_which_they_came) {
  testing::run_virtual([]() -> awaitable<void> {
    const futures f = new_futures(3);
    auto items = as_completed(f);
    trace log;
    for (const char* name : {"a", "b", "c", "d"})
      create_task(consume(items, f, name, log));
    co_await testing::passes(2);
    CHECK_TRACE(log, "d:end"); // three items: the fourth consumer has nothing to wait for
    f[2].set_result(2);
    f[0].set_result(0);
    co_await testing::passes(3);
    f[1].set_result(1);
    co_await testing::passes(3);
    CHECK_TRACE(log, "d:end", "a:2", "b:0", "c:1");
  });
}

BOOST_AUTO_TEST_CASE(A3_who_comes_later_and_need_not_wait_takes_the_item_of_one_that_was_woken) {
  testing::run_virtual([]() -> awaitable<void> {
    const futures f = new_futures(3);
    auto items = as_completed(f);
    trace log;
    create_task(consume(items, f, "waits", log));
    create_task(consume(items, f, "waits too", log));
    co_await testing::passes(2);
    f[0].set_result(0);
    co_await testing::passes(1); // the first of the waiting ones is woken
    auto x = co_await items.next();
    BOOST_TEST((*x == f[0]));
    f[1].set_result(1);
    f[2].set_result(2);
    co_await testing::passes(4);
    CHECK_TRACE(log, "waits too:1", "waits:2"); // it went to the end of the line
  });
}

BOOST_AUTO_TEST_CASE(A3_a_cancelled_consumer_loses_no_completion) {
  // The future is set in pass 3: its watch has its turn in pass 4, the consumer in pass 5.
  for (int at = 0; at < 7; ++at)
    for (bool before : {true, false})
      BOOST_TEST_CONTEXT("cancel in pass " << at << (before ? " before the set" : ""))
  testing::run_virtual([&]() -> awaitable<void> {
    const futures f = new_futures(2);
    auto items = as_completed(f);
    trace log;
    auto t = create_task(consume(items, f, "c", log));
    for (int pass = 0; pass < 8; ++pass) {
      if (pass == at && before) t.cancel();
      if (pass == 3) f[0].set_result(0);
      if (pass == at && !before) t.cancel();
      co_await sleep(0s);
    }
    if (at == 0)
      BOOST_TEST(log.empty());
    else if (at <= 4)
      CHECK_TRACE(log, "c:cancelled");
    else
      CHECK_TRACE(log, "c:0");
    log.clear();
    f[1].set_result(1);
    while (log.empty() || log.back() != "m:end")
      co_await consume(items, f, "m", log);
    if (at <= 4)
      CHECK_TRACE(log, "m:0", "m:1", "m:end");
    else
      CHECK_TRACE(log, "m:1", "m:end");
  });
}

BOOST_AUTO_TEST_CASE(A3_a_consumer_cancelled_after_it_was_woken_wakes_the_next) {
  testing::run_virtual([]() -> awaitable<void> {
    const futures f = new_futures(2);
    auto items = as_completed(f);
    trace log;
    auto a = create_task(consume(items, f, "a", log));
    auto b = create_task(consume(items, f, "b", log));
    co_await testing::passes(2);
    f[0].set_result(0);
    co_await testing::passes(1);
    a.cancel(); // woken, but its turn is still to come
    co_await b.get();
    CHECK_TRACE(log, "a:cancelled", "b:0");
    f[1].set_result(1);
    co_await consume(items, f, "m", log);
    co_await consume(items, f, "m", log);
    CHECK_TRACE(log, "a:cancelled", "b:0", "m:1", "m:end");
  });
}

BOOST_AUTO_TEST_CASE(A3_iterating_can_be_resumed) {
  testing::run_virtual([]() -> awaitable<void> {
    const futures f = new_futures(4);
    for (const auto& x : f)
      x.set_result(1);
    auto items = as_completed(f);
    int count = 0;
    while (auto x = co_await items.next())
      if (++count == 2) break;
    auto moved = std::move(items);
    while (auto x = co_await moved.next())
      ++count;
    BOOST_TEST(count == 4);
    BOOST_TEST(contains(thrown<std::logic_error>([&] { (void)items.next(); }), "next"));
  });
}

// --- passes ------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(hops_as_completed_2_after_the_completion) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    const auto f = new_future();
    auto items = as_completed(std::nullopt, f);
    int got = -1;
    const auto consumer = [&]() -> awaitable<void> {
      co_await items.next();
      got = tick.now();
    };
    auto t = create_task(consumer);
    co_await testing::passes(2);
    const int start = tick.now();
    f.set_result(1);
    co_await t.get();
    BOOST_TEST(got - start == 2);
  });
}

BOOST_AUTO_TEST_CASE(hops_as_completed_2_for_a_done_future_and_0_for_what_is_in_the_queue) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    const futures f = new_futures(3);
    for (const auto& x : f)
      x.set_result(1);
    int start = tick.now();
    auto items = as_completed(f);
    co_await items.next();
    BOOST_TEST(tick.now() - start == 2);
    start = tick.now();
    co_await items.next();
    co_await items.next();
    auto end = co_await items.next();
    BOOST_TEST(!end);
    BOOST_TEST(tick.now() - start == 0);
  });
}
