// The event loop: order of callbacks and timers, and their handles (rules L1, L2, L4, L5, L8).
// SPDX-License-Identifier: BSL-1.0
#include "../support/expect.hpp"
#include "../support/trace.hpp"

#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::thrown;
using support::trace;

// --- L1, L2: order -----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(L1_call_soon_is_first_in_first_out) {
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    for (const char* name : {"a", "b", "c"})
      loop.call_soon([&order, name] { order.push_back(name); });
    order.push_back("main");
    co_await testing::passes(1);
    order.push_back("main again");
  });
  CHECK_TRACE(order, "main", "a", "b", "c", "main again");
}

BOOST_AUTO_TEST_CASE(L1_handles_scheduled_while_a_pass_runs_wait_for_the_next_one) {
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    loop.call_soon([&] {
      order.push_back("a");
      loop.call_soon([&] {
        order.push_back("a in a");
        loop.call_soon([&] { order.push_back("a in a in a"); });
      });
    });
    loop.call_soon([&] { order.push_back("b"); });
    for (int pass = 1; pass <= 3; ++pass) {
      co_await testing::passes(1);
      order.push_back("end of pass " + std::to_string(pass));
    }
  });
  CHECK_TRACE(order, "a", "b", "end of pass 1", "a in a", "end of pass 2", "a in a in a", "end of pass 3");
}

BOOST_AUTO_TEST_CASE(L1_call_soon_takes_move_only_and_mutable_callables) {
  int got = 0;
  testing::run_virtual([&]() -> awaitable<void> {
    auto value = std::make_unique<int>(7);
    get_running_loop().call_soon([&got, v = std::move(value)]() mutable { got = (*v)++; });
    co_await testing::passes(1);
  });
  BOOST_TEST(got == 7);
}

BOOST_AUTO_TEST_CASE(L2_due_timers_come_after_what_is_ready_in_the_same_pass) {
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    loop.call_later(0s, [&] { order.push_back("timer"); });
    loop.call_soon([&] {
      order.push_back("ready");
      loop.call_soon([&] { order.push_back("next pass"); });
    });
    co_await testing::passes(2);
  });
  CHECK_TRACE(order, "ready", "timer", "next pass");
}

BOOST_AUTO_TEST_CASE(L2_a_negative_delay_is_a_delay_of_zero) {
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    co_await sleep(10s);
    loop.call_later(-5s, [&] { order.push_back("late"); });
    loop.call_soon([&] { order.push_back("ready"); });
    co_await testing::passes(1);
    BOOST_CHECK(loop.time().time_since_epoch() == 10s);
  });
  CHECK_TRACE(order, "ready", "late");
}

BOOST_AUTO_TEST_CASE(L2_timers_run_in_order_of_deadline_and_equal_ones_in_order_of_arming) {
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    const clock::time_point base = loop.time();
    // 7 is coprime to 20: the deadlines come in a scrambled order, five timers for each.
    for (int i = 0; i < 100; ++i) {
      const int second = (i * 7) % 20;
      loop.call_at(base + std::chrono::seconds(1 + second),
                   [&order, second, i] { order.push_back(std::to_string(second) + "/" + std::to_string(i / 20)); });
    }
    co_await sleep(30s);
  });
  trace expected;
  for (int second = 0; second < 20; ++second)
    for (int round = 0; round < 5; ++round)
      expected.push_back(std::to_string(second) + "/" + std::to_string(round));
  BOOST_TEST(order == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(L2_call_later_and_call_at_and_sleep_share_one_order_at_equal_deadlines) {
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    loop.call_later(1s, [&] { order.push_back("later"); });
    loop.call_at(loop.time() + 1000ms, [&] { order.push_back("at"); });
    loop.call_later(0.5min / 30, [&] { order.push_back("fraction"); });
    co_await sleep(2s);
  });
  CHECK_TRACE(order, "later", "at", "fraction");
}

BOOST_AUTO_TEST_CASE(L2_a_timer_that_cancels_another_one_of_the_same_pass_prevents_it) {
  trace order;
  std::weak_ptr<int> dropped;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    callback_handle second;
    loop.call_later(1s, [&] {
      order.push_back("first");
      second.cancel();
      second.cancel();
      BOOST_CHECK(dropped.expired());
    });
    auto owned = std::make_shared<int>(1);
    dropped = owned;
    second = loop.call_later(1s, [&, o = std::move(owned)] { order.push_back("second"); });
    loop.call_later(1s, [&] { order.push_back("third"); });
    co_await sleep(1s);
    // The slots of the heap must still be sound.
    for (int i = 0; i < 3; ++i)
      loop.call_later(1s, [&, i] { order.push_back("later " + std::to_string(i)); });
    co_await sleep(2s);
  });
  CHECK_TRACE(order, "first", "third", "later 0", "later 1", "later 2");
}

// --- L4, L5: timers ----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(L4_more_than_100_timers_of_which_more_than_half_are_cancelled) {
  std::vector<int> fired;
  std::vector<std::string> wrong;
  const auto owned = std::make_shared<int>(0);
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    const clock::time_point base = loop.time();
    std::vector<callback_handle> timers;
    for (int i = 0; i < 1000; ++i) {
      const clock::time_point due = base + std::chrono::milliseconds(1 + (i * 379) % 1000);
      timers.push_back(loop.call_at(due, [&, i, due, o = owned] {
        fired.push_back(i);
        if (loop.time() != due) wrong.push_back(std::to_string(i));
      }));
    }
    BOOST_TEST(owned.use_count() == 1001);
    for (int i = 0; i < 1000; ++i)
      if (i % 10) timers[static_cast<std::size_t>(i)].cancel();
    BOOST_TEST(owned.use_count() == 101);
    // Timers that take the freed slots; cancelling the old handles once more must not hit them.
    for (int i = 1000; i < 1200; ++i)
      timers.push_back(loop.call_later(2s, [&, i] { fired.push_back(i); }));
    for (int i = 0; i < 1000; ++i)
      if (i % 10) timers[static_cast<std::size_t>(i)].cancel();
    co_await sleep(3s);
    for (callback_handle& t : timers)
      t.cancel(); // they have run: nothing to do
    loop.call_later(1s, [&] { fired.push_back(-1); });
    co_await sleep(2s);
  });
  std::vector<int> expected;
  for (int ms = 0; ms < 1000; ++ms)
    for (int i = 0; i < 1000; i += 10)
      if ((i * 379) % 1000 == ms) expected.push_back(i);
  for (int i = 1000; i < 1200; ++i)
    expected.push_back(i);
  expected.push_back(-1);
  BOOST_TEST(fired == expected, boost::test_tools::per_element());
  BOOST_TEST(wrong.empty());
  BOOST_TEST(owned.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(L4_a_cancelled_timer_does_not_hold_the_clock) {
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    callback_handle never = loop.call_later(1s, [] { BOOST_ERROR("was cancelled"); });
    never.cancel();
    co_await sleep(10s);
    BOOST_CHECK(loop.time().time_since_epoch() == 10s);
  });
}

BOOST_AUTO_TEST_CASE(L5_a_deadline_beyond_a_day_does_not_fire_early) {
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    std::vector<clock::duration> fired;
    for (const clock::duration d : {clock::duration(25h), clock::duration(24h * 365 * 100), clock::duration(24h) + 1ns})
      loop.call_later(d, [&] { fired.push_back(loop.time().time_since_epoch()); });
    co_await sleep(24h * 365 * 101);
    const std::vector<clock::duration> expected{clock::duration(24h) + 1ns, 25h, 24h * 365 * 100};
    BOOST_CHECK(fired == expected);
  });
}

BOOST_AUTO_TEST_CASE(L5_on_the_real_clock_far_deadlines_and_endless_ones_do_not_fire_early) {
  bool fired = false;
  runner r;
  r.run([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    loop.call_later(24h * 365 * 200, [&] { fired = true; });
    loop.call_later(std::chrono::hours::max(), [&] { fired = true; });
    loop.call_later(std::nullopt, [&] { fired = true; });
    loop.call_at(clock::time_point::max(), [&] { fired = true; });
    co_await testing::passes(200);
    co_await sleep(1ns);
  });
  BOOST_TEST(!fired);
}

BOOST_AUTO_TEST_CASE(L5_a_sum_of_times_that_is_out_of_range_saturates) {
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    co_await sleep(1h);
    callback_handle far = loop.call_later(std::chrono::nanoseconds::max(), [] {});
    BOOST_CHECK(far.when() == clock::time_point::max());
    callback_handle endless = loop.call_later(std::nullopt, [] {});
    BOOST_CHECK(endless.when() == clock::time_point::max());
    far.cancel();
    endless.cancel();
  });
}

// --- L8: handles -------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(L8_cancel_drops_the_callable_at_once_and_the_handle_is_skipped) {
  trace order;
  const auto owned = std::make_shared<int>(1);
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    std::vector<callback_handle> handles;
    handles.push_back(loop.call_soon([&, o = owned] { order.push_back("soon"); }));
    handles.push_back(loop.call_later(1s, [&, o = owned] { order.push_back("later"); }));
    handles.push_back(loop.call_at(loop.time() + 2s, [&, o = owned] { order.push_back("at"); }));
    loop.call_soon([&] { order.push_back("kept"); });
    BOOST_TEST(owned.use_count() == 4);
    for (callback_handle& h : handles) {
      BOOST_TEST(!h.cancelled());
      h.cancel();
      BOOST_TEST(h.cancelled());
      h.cancel();
    }
    BOOST_TEST(owned.use_count() == 1);
    co_await sleep(3s);
  });
  CHECK_TRACE(order, "kept");
}

BOOST_AUTO_TEST_CASE(L8_a_callback_that_is_ready_can_be_cancelled_by_the_one_before_it) {
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    callback_handle second;
    loop.call_soon([&] {
      order.push_back("first");
      second.cancel();
    });
    second = loop.call_soon([&] { order.push_back("second"); });
    callback_handle self = loop.call_soon([&] {
      order.push_back("third");
      self.cancel(); // itself, while it runs
    });
    co_await testing::passes(2);
    BOOST_TEST(self.cancelled());
  });
  CHECK_TRACE(order, "first", "third");
}

BOOST_AUTO_TEST_CASE(L8_the_callable_is_gone_before_its_successors_run_even_if_it_throws) {
  support::log_capture log;
  std::weak_ptr<int> first;
  std::weak_ptr<int> second;
  bool checked = false;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    auto a = std::make_shared<int>(1);
    auto b = std::make_shared<int>(2);
    first = a;
    second = b;
    callback_handle keep_a = loop.call_soon([o = std::move(a)] {});
    callback_handle keep_b = loop.call_soon([o = std::move(b)] { throw std::logic_error("broken"); });
    loop.call_soon([&] { checked = first.expired() && second.expired(); });
    co_await testing::passes(1);
  });
  BOOST_TEST(checked);
  BOOST_TEST(log.size() == 1u);
}

BOOST_AUTO_TEST_CASE(L8_when_and_the_empty_handle) {
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    co_await sleep(5s);
    const callback_handle soon = loop.call_soon([] {});
    const callback_handle later = loop.call_later(2s, [] {});
    const callback_handle same = later;
    BOOST_CHECK(!soon.when());
    BOOST_CHECK(later.when() == clock::time_point(7s));
    BOOST_CHECK(same == later);
    BOOST_CHECK(!(soon == later));
    co_await sleep(3s);
    BOOST_TEST(!later.cancelled()); // it ran
  });
  callback_handle empty;
  BOOST_TEST(!empty);
  BOOST_TEST(contains(thrown<std::logic_error>([&] { empty.cancel(); }), "empty"));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { (void)empty.cancelled(); }), "empty"));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { (void)empty.when(); }), "empty"));
}
