// with_timeout: moving the deadline (T9), the hop table, the ends of loops.
// SPDX-License-Identifier: BSL-1.0
#include "../support/asyncio_words.hpp"
#include "../support/ticker.hpp"
#include "../support/trace.hpp"

#include <rondo/context.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/sleep.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/timeout.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::for_ever;
using support::ticker;
using support::trace;
using support::asyncio_words::end_of;

// --- T9 --------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(T9_reschedule_moves_the_deadline) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto start = clock::now();
    const auto since = [&] { return std::chrono::duration_cast<std::chrono::seconds>(clock::now() - start).count(); };
    const auto later = [&](timeout_scope& s) -> awaitable<void> {
      s.reschedule(*s.when() + 4s);
      co_await for_ever();
    };
    auto r = co_await end_of(with_timeout(1s, later));
    BOOST_TEST(r == "TimeoutError");
    BOOST_TEST(since() == 5);
    const auto earlier = [&](timeout_scope& s) -> awaitable<void> {
      s.reschedule(clock::now() + 1s);
      co_await for_ever();
    };
    r = co_await end_of(with_timeout(1h, earlier));
    BOOST_TEST(r == "TimeoutError");
    BOOST_TEST(since() == 6);
    const auto from_none = [&](timeout_scope& s) -> awaitable<void> {
      BOOST_TEST(!s.when().has_value());
      co_await sleep(1s);
      s.reschedule(clock::now() + 1s);
      co_await for_ever();
    };
    r = co_await end_of(with_timeout(std::nullopt, from_none));
    BOOST_TEST(r == "TimeoutError");
    BOOST_TEST(since() == 8);
    const auto to_none = [&](timeout_scope& s) -> awaitable<void> {
      s.reschedule(std::nullopt);
      co_await sleep(2s);
    };
    r = co_await end_of(with_timeout_at(clock::now() + 1s, to_none));
    BOOST_TEST(r == "value");
    BOOST_TEST(since() == 10);
  });
}

BOOST_AUTO_TEST_CASE(T9_reschedule_to_none_or_later_stops_a_turn_that_is_due) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto body = [](timeout_scope& s) -> awaitable<void> {
      s.reschedule(std::nullopt); // past deadlines are callbacks in the ready queue
      co_await testing::passes(3);
      s.reschedule(clock::now() - 1s);
      s.reschedule(clock::now() + 1h);
      co_await testing::passes(3);
    };
    auto r = co_await end_of(with_timeout(0s, body));
    BOOST_TEST(r == "value");
  });
}

BOOST_AUTO_TEST_CASE(T9_reschedule_to_the_past_ends_the_block_in_the_next_pass) {
  testing::run_virtual([]() -> awaitable<void> {
    ticker tick(get_running_loop());
    int start = 0;
    const auto body = [&](timeout_scope& s) -> awaitable<void> {
      co_await testing::passes(2);
      s.reschedule(clock::now() - 1s);
      BOOST_TEST(!s.expired());
      start = tick.now();
      co_await for_ever();
    };
    auto r = co_await end_of(with_timeout(10s, body));
    BOOST_TEST(r == "TimeoutError");
    BOOST_TEST(tick.now() - start == 2);
  });
}

BOOST_AUTO_TEST_CASE(T9_another_task_or_a_callback_may_reschedule) {
  testing::run_virtual([]() -> awaitable<void> {
    timeout_scope s;
    const auto body = [&](timeout_scope own) -> awaitable<void> {
      s = own;
      co_await for_ever();
    };
    auto t = create_task(with_timeout(std::nullopt, body));
    co_await sleep(0s);
    s.reschedule(clock::now() + 2s);
    get_running_loop().call_later(1s, [&] { s.reschedule(clock::now()); });
    auto r = co_await settle(t);
    BOOST_TEST(r.error_as<timeout_error>() != nullptr);
    BOOST_TEST((clock::now() == clock::time_point(1s)));
  });
}

// --- hops and times --------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(hops_trap_43_a_limit_of_zero_or_less_ends_a_sleep_after_2_a_yield_after_1_and_else_nothing) {
  testing::run_virtual([]() -> awaitable<void> {
    ticker tick(get_running_loop());
    co_await sleep(0s);
    const auto yields = [] { return sleep(0s); };
    const auto does_not_wait = []() -> awaitable<void> { co_return; };
    for (const time_limit limit : {time_limit(0s), time_limit(-1s), time_limit(clock::duration::min())}) {
      int start = tick.now();
      auto a = co_await end_of(with_timeout(limit, for_ever));
      BOOST_TEST(tick.now() - start == 2);
      start = tick.now();
      auto b = co_await end_of(with_timeout(limit, yields));
      BOOST_TEST(tick.now() - start == 1);
      start = tick.now();
      auto c = co_await end_of(with_timeout(limit, does_not_wait));
      BOOST_TEST(tick.now() - start == 0);
      CHECK_TRACE((trace{a, b, c}), "TimeoutError", "TimeoutError", "value");
    }
    int start = tick.now();
    auto d = co_await end_of(with_timeout_at(clock::now(), for_ever));
    BOOST_TEST(tick.now() - start == 2);
    BOOST_TEST(d == "TimeoutError");
    start = tick.now();
    co_await with_timeout(1s, does_not_wait);
    BOOST_TEST(tick.now() - start == 0);
  });
}

BOOST_AUTO_TEST_CASE(trap_47_deadlines_are_exact_whatever_the_clock_says) {
  testing::run_virtual([]() -> awaitable<void> {
    testing::advance(24h * 365 * 100); // a float would count in microseconds here
    ticker tick(get_running_loop());
    co_await sleep(0s);
    const auto start = clock::now();
    const int pass = tick.now();
    auto wait = end_of(with_timeout_at(start + 1ns, for_ever));
    testing::advance(1ns);
    auto r = co_await std::move(wait);
    BOOST_TEST(r == "TimeoutError");
    BOOST_TEST((clock::now() == start + 1ns));
    BOOST_TEST(tick.now() - pass == 2);
  });
}

BOOST_AUTO_TEST_CASE(a_limit_beyond_all_time_never_ends) {
  testing::run_virtual([]() -> awaitable<void> {
    testing::advance(1s);
    const auto body = [](timeout_scope& s) -> awaitable<int> {
      BOOST_TEST((s.when() == clock::time_point::max()));
      co_await sleep(1h);
      co_return 1;
    };
    int v = co_await with_timeout(clock::duration::max() - 1ns, body);
    BOOST_TEST(v == 1);
  });
}

// --- ends ------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(the_end_of_the_time_opens_a_circle_of_tasks_that_await_each_other) {
  testing::run_virtual([]() -> awaitable<void> {
    task<void> a, b;
    const auto await_a = [&]() -> awaitable<void> { co_await a.get(); };
    const auto await_b = [&]() -> awaitable<void> { co_await with_timeout(1s, [&] { return b.get(); }); };
    a = create_task(await_b);
    b = create_task(await_a);
    auto r = co_await settle(a);
    BOOST_TEST(r.error_as<timeout_error>() != nullptr);
    auto s = co_await settle(b);
    BOOST_TEST(s.error_as<timeout_error>() != nullptr);
  });
}

BOOST_AUTO_TEST_CASE(a_loop_that_ends_in_the_middle_of_a_block_leaves_nothing_behind) {
  timeout_scope waits, aborts, due, unlimited;
  {
    boost::asio::io_context context(1);
    event_loop loop(context.get_executor());
    const auto start = [&](time_limit limit, timeout_scope& out, bool plain) {
      auto body = [&out, plain](timeout_scope own) -> awaitable<void> {
        out = own;
        boost::asio::steady_timer timer(get_running_loop().get_executor(), 1h);
        if (plain) co_await timer.async_wait(boost::asio::deferred);
        co_await for_ever();
      };
      loop.create_task([limit, body]() -> awaitable<void> { co_await with_timeout(limit, body); });
      loop.create_task([limit]() -> awaitable<void> { co_await with_timeout(limit, for_ever); });
    };
    start(1h, waits, false);
    start(1h, aborts, true);
    start(std::nullopt, unlimited, false);
    context.poll();
    loop.call_soon([&] { start(0s, due, false); });
    loop.call_soon([&] { context.stop(); }); // with the turn of the deadline in the ready queue
    context.run();
  }
  for (timeout_scope* s : {&waits, &aborts, &unlimited, &due})
    BOOST_CHECK_THROW(s->reschedule(clock::time_point(1h)), std::runtime_error);
  BOOST_TEST(!waits.expired());
  BOOST_TEST(waits.when().has_value());
}
