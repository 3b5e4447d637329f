// The event loop: order of callbacks, timers, stop, close, and what is refused (rules L1 to L10).
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/expect.hpp"
#include "../support/trace.hpp"

#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <chrono>
#include <csignal>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::thrown;
using support::trace;

namespace {

using error = std::runtime_error;

awaitable<int> number(int n) { co_return n; }

} // namespace

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

// --- L3: stop ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(L3_stop_before_a_run_makes_it_one_pass_long) {
  trace order;
  runner r;
  const event_loop loop = r.loop();
  loop.call_soon([&] {
    order.push_back("a");
    loop.call_soon([&] { order.push_back("a in a"); });
  });
  loop.call_soon([&] { order.push_back("b"); });
  loop.stop();
  loop.run_forever();
  CHECK_TRACE(order, "a", "b");
  loop.stop();
  loop.run_forever();
  CHECK_TRACE(order, "a", "b", "a in a");
  loop.stop();
  loop.run_forever(); // nothing is ready: it returns all the same
  BOOST_TEST(order.size() == 3u);
}

BOOST_AUTO_TEST_CASE(L3_stop_ends_the_run_after_the_current_pass_and_new_callbacks_wait_for_the_next_run) {
  trace order;
  runner r;
  const event_loop loop = r.loop();
  loop.call_soon([&] {
    order.push_back("stop");
    loop.stop();
    loop.call_soon([&] { order.push_back("next run"); });
  });
  loop.call_soon([&] { order.push_back("same pass"); });
  loop.run_forever();
  BOOST_TEST(!loop.is_running());
  CHECK_TRACE(order, "stop", "same pass");
  loop.call_soon([&] { loop.stop(); });
  loop.run_forever();
  CHECK_TRACE(order, "stop", "same pass", "next run");
}

BOOST_AUTO_TEST_CASE(L3_run_forever_works_on_virtual_time_too) {
  trace order;
  testing::virtual_runner r;
  const event_loop loop = r.loop();
  loop.call_later(24h, [&] {
    order.push_back("a day later");
    loop.stop();
  });
  loop.run_forever();
  CHECK_TRACE(order, "a day later");
  BOOST_TEST(loop.run_until_complete(sleep(1h, 5)) == 5);
  BOOST_CHECK(loop.time().time_since_epoch() == 25h);
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

// --- L6: run_until_complete --------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(L6_run_until_complete_gives_the_outcome) {
  runner r;
  const event_loop loop = r.loop();
  BOOST_TEST(loop.run_until_complete(number(7)) == 7);
  BOOST_TEST(loop.run_until_complete([] { return number(8); }) == 8);

  const auto failing = []() -> awaitable<int> {
    throw std::logic_error("broken");
    co_return 0;
  };
  BOOST_TEST(thrown<std::logic_error>([&] { loop.run_until_complete(failing()); }) == "broken");

  const auto cancelling = []() -> awaitable<void> {
    throw cancelled_error("enough");
    co_return;
  };
  BOOST_TEST(thrown<cancelled_error>([&] { loop.run_until_complete(cancelling()); }) == "enough");

  const future<std::string> f = loop.create_future<std::string>();
  loop.call_soon([&] { f.set_result("set"); });
  BOOST_TEST(loop.run_until_complete(f) == "set");
  BOOST_TEST(loop.run_until_complete(f) == "set"); // done already
}

BOOST_AUTO_TEST_CASE(L6_a_loop_that_is_stopped_first_is_an_error_and_the_source_goes_on_in_the_next_run) {
  runner r;
  const event_loop loop = r.loop();
  const future<int> f = loop.create_future<int>();
  loop.call_soon([&] { loop.stop(); });
  BOOST_TEST(thrown<error>([&] { loop.run_until_complete(f); }) == "Event loop stopped before Future completed.");
  BOOST_TEST(!f.done());
  loop.call_soon([&] { f.set_result(1); });
  loop.call_later(1h, [] {});
  // The first run's callback, which would have stopped this run, is gone; the second one's is not.
  BOOST_TEST(loop.run_until_complete(f) == 1);
}

BOOST_AUTO_TEST_CASE(L6_what_leaves_the_loop_consumes_the_exception_of_the_temporary_task) {
  support::log_capture log;
  {
    runner r;
    const event_loop loop = r.loop();
    const auto failing = [&]() -> awaitable<void> {
      loop.call_soon([] { throw keyboard_interrupt(); });
      throw std::logic_error("broken");
      co_return;
    };
    bool interrupted = false;
    try {
      // The task fails in the first pass; the interrupt comes in the next one, before or with the end of the run.
      loop.run_until_complete(failing());
    } catch (const keyboard_interrupt&) {
      interrupted = true;
    }
    BOOST_TEST(interrupted);
  }
  BOOST_TEST(log.text() == "");
}

// --- L7: the closed loop, and other bad input --------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(L7_every_call_on_a_closed_loop_says_so) {
  runner r;
  const event_loop loop = r.loop();
  const future<int> f = loop.create_future<int>();
  loop.close();
  BOOST_TEST(loop.is_closed());
  const std::string closed = "Event loop is closed";
  BOOST_TEST(thrown<error>([&] { loop.call_soon([] {}); }) == closed);
  BOOST_TEST(thrown<error>([&] { loop.call_later(1s, [] {}); }) == closed);
  BOOST_TEST(thrown<error>([&] { loop.call_at(loop.time(), [] {}); }) == closed);
  BOOST_TEST(thrown<error>([&] { loop.call_soon_threadsafe([] {}); }) == closed);
  BOOST_TEST(thrown<error>([&] { loop.create_task(number(1)); }) == closed);
  BOOST_TEST(thrown<error>([&] { loop.run_forever(); }) == closed);
  BOOST_TEST(thrown<error>([&] { loop.run_until_complete(number(1)); }) == closed);
  BOOST_TEST(thrown<error>([&] { loop.run_until_complete(f); }) == closed);
  BOOST_TEST(thrown<error>([&] { loop.run_in_executor(nullptr, [] {}); }) == closed);
  BOOST_TEST(thrown<error>([&] { loop.add_signal_handler(SIGUSR2, [] {}); }) == closed);
  BOOST_TEST(thrown<error>([&] { run_coroutine_threadsafe(number(1), loop); }) == closed);
  BOOST_TEST(contains(thrown<error>([&] { r.run(number(1)); }), "closed"));
  BOOST_TEST(!loop.is_running());
}

BOOST_AUTO_TEST_CASE(L7_what_was_refused_is_destroyed_and_what_is_harmless_still_works) {
  runner r;
  const event_loop loop = r.loop();
  const future<int> f = loop.create_future<int>();
  loop.close();
  auto owned = std::make_shared<int>(1);
  BOOST_CHECK_THROW(loop.call_soon([o = owned] {}), error);
  BOOST_CHECK_THROW(loop.call_later(1s, [o = owned] {}), error);
  BOOST_CHECK_THROW(loop.call_soon_threadsafe([o = owned] {}), error);
  BOOST_CHECK_THROW(loop.create_task([o = owned] { return number(*o); }), error);
  BOOST_TEST(owned.use_count() == 1);

  f.add_done_callback([] { BOOST_ERROR("there is no loop to run it"); });
  f.set_result(3);
  f.add_done_callback([] { BOOST_ERROR("there is no loop to run it"); });
  BOOST_TEST(f.result() == 3);
  BOOST_TEST(!loop.create_future<void>().done());
  loop.set_debug(true);
  BOOST_TEST(loop.get_debug());
  BOOST_TEST(!loop.remove_signal_handler(SIGUSR2));
  (void)loop.time();
}

BOOST_AUTO_TEST_CASE(L7_close_twice_does_nothing_and_drops_what_is_queued) {
  const auto owned = std::make_shared<int>(1);
  runner r;
  const event_loop loop = r.loop();
  callback_handle soon = loop.call_soon([o = owned] { BOOST_ERROR("ran"); });
  callback_handle later = loop.call_later(1h, [o = owned] { BOOST_ERROR("ran"); });
  callback_handle other = loop.call_soon_threadsafe([o = owned] { BOOST_ERROR("ran"); });
  const future<int> f = loop.create_future<int>();
  f.add_done_callback([o = owned] { BOOST_ERROR("ran"); });
  BOOST_TEST(owned.use_count() == 5);
  loop.close();
  loop.close();
  BOOST_TEST(owned.use_count() == 1);
  soon.cancel(); // the handles outlive the loop
  later.cancel();
  other.cancel();
  BOOST_TEST(later.cancelled());
}

BOOST_AUTO_TEST_CASE(L7_a_running_loop_cannot_be_closed) {
  runner r;
  r.run([&]() -> awaitable<void> {
    BOOST_TEST(contains(thrown<error>([] { get_running_loop().close(); }), "Cannot close a running event loop"));
    co_await testing::passes(1);
  });
  BOOST_TEST(!r.loop().is_closed());
  BOOST_TEST(r.run(number(3)) == 3);
}

BOOST_AUTO_TEST_CASE(L7_an_attached_loop_says_how_it_is_run_and_stopped) {
  boost::asio::io_context io(1);
  const event_loop loop(io.get_executor());
  BOOST_TEST(contains(thrown<error>([&] { loop.run_forever(); }), "run the io_context"));
  BOOST_TEST(contains(thrown<error>([&] { loop.run_until_complete(number(1)); }), "run the io_context"));
  BOOST_TEST(contains(thrown<error>([&] { loop.stop(); }), "stop the io_context"));
  BOOST_TEST(contains(thrown<std::invalid_argument>([] { event_loop{boost::asio::any_io_executor()}; }), "empty"));
}

BOOST_AUTO_TEST_CASE(L7_an_attached_loop_can_be_closed_and_a_new_one_attached) {
  boost::asio::io_context io(1);
  const event_loop first(io.get_executor());
  bool ran = false;
  first.call_soon([] { BOOST_ERROR("was dropped"); });
  first.close();
  const event_loop second(io.get_executor());
  BOOST_CHECK(!(first == second));
  second.call_soon([&] { ran = true; });
  io.run();
  BOOST_TEST(ran);
  BOOST_TEST(first.is_closed());
}

BOOST_AUTO_TEST_CASE(L7_handles_for_equal_executors_are_the_same_loop) {
  boost::asio::io_context io(1);
  const auto strand = boost::asio::make_strand(io);
  BOOST_CHECK(event_loop(io.get_executor()) == event_loop(io.get_executor()));
  BOOST_CHECK(event_loop(strand) == event_loop(strand));
  BOOST_CHECK(!(event_loop(strand) == event_loop(io.get_executor())));
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

// --- L9: exceptions out of callbacks -----------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(L9_an_exception_in_a_callback_goes_to_the_exception_handler_and_the_loop_goes_on) {
  std::vector<exception_context> reports;
  trace order;
  callback_handle failing;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    loop.set_exception_handler([&](event_loop l, const exception_context& c) {
      BOOST_CHECK(l == loop);
      reports.push_back(c);
      order.push_back("handler");
    });
    failing = loop.call_soon([] { throw std::logic_error("broken"); });
    loop.call_soon([&] { order.push_back("next"); });
    loop.call_later(1s, [] { throw 42; });
    co_await sleep(2s);
    loop.set_exception_handler({});
  });
  CHECK_TRACE(order, "handler", "next", "handler");
  BOOST_REQUIRE_EQUAL(reports.size(), 2u);
  BOOST_TEST(reports[0].message.starts_with("Exception in callback"));
  BOOST_TEST(contains(reports[0].message, "loop_test.cpp:"));
  BOOST_TEST(support::text_in<std::logic_error>(reports[0].exception) == "broken");
  BOOST_CHECK(reports[0].handle == failing);
  BOOST_CHECK(!reports[0].task && !reports[0].future);
  BOOST_TEST(reports[1].message.starts_with("Exception in callback"));
  BOOST_CHECK_THROW(std::rethrow_exception(reports[1].exception), int);
}

BOOST_AUTO_TEST_CASE(L9_an_exception_in_a_done_callback_and_in_a_threadsafe_one_is_reported_too) {
  support::log_capture log;
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    const future<int> f = loop.create_future<int>();
    f.add_done_callback([] { throw std::logic_error("in a done callback"); });
    f.add_done_callback([&] { order.push_back("next done callback"); });
    loop.call_soon_threadsafe([] { throw std::logic_error("in a threadsafe one"); });
    f.set_result(1);
    const int value = co_await f.get();
    co_await testing::passes(2);
    order.push_back(std::to_string(value));
  });
  CHECK_TRACE(order, "next done callback", "1");
  BOOST_TEST(log.size() == 2u);
  BOOST_TEST(contains(log.text(), "in a done callback"));
  BOOST_TEST(contains(log.text(), "in a threadsafe one"));
}

BOOST_AUTO_TEST_CASE(L9_keyboard_interrupt_leaves_run_forever_at_once_and_the_rest_stays_queued) {
  trace order;
  runner r;
  const event_loop loop = r.loop();
  loop.call_soon([&] {
    order.push_back("a");
    loop.call_soon([&] { order.push_back("a in a"); });
  });
  loop.call_soon([&] { throw keyboard_interrupt(); });
  loop.call_soon([&] { order.push_back("b"); });
  loop.call_soon([&] { order.push_back("c"); });
  BOOST_CHECK_THROW(loop.run_forever(), keyboard_interrupt);
  CHECK_TRACE(order, "a");
  BOOST_TEST(!loop.is_running());
  loop.call_soon([&] { order.push_back("d"); });
  BOOST_TEST(loop.run_until_complete(number(5)) == 5);
  CHECK_TRACE(order, "a", "b", "c", "a in a", "d");
}

BOOST_AUTO_TEST_CASE(L9_keyboard_interrupt_leaves_an_attached_loop_through_the_context) {
  trace order;
  boost::asio::io_context io(1);
  const event_loop loop(io.get_executor());
  loop.call_soon([&] { throw keyboard_interrupt(); });
  loop.call_soon([&] { order.push_back("kept"); });
  BOOST_CHECK_THROW(io.run(), keyboard_interrupt);
  BOOST_TEST(order.empty());
  io.run();
  CHECK_TRACE(order, "kept");
}

// --- L10: the running loop ---------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(L10_a_nested_run_is_refused_and_the_outer_one_goes_on) {
  const auto owned = std::make_shared<int>(1);
  runner other;
  testing::virtual_runner other_virtual;
  BOOST_TEST(run([&]() -> awaitable<int> {
               const event_loop loop = get_running_loop();
               const auto task_like = [&, o = owned]() -> awaitable<int> { return number(*o); };
               BOOST_TEST(contains(thrown<error>([&] { run(task_like); }), "running event loop"));
               BOOST_TEST(contains(thrown<error>([&] { other.run(task_like); }), "running event loop"));
               BOOST_TEST(contains(thrown<error>([&] { testing::run_virtual(task_like); }), "running event loop"));
               BOOST_TEST(contains(thrown<error>([&] { other_virtual.run(task_like); }), "running event loop"));
               BOOST_TEST(contains(thrown<error>([&] { other.loop().run_forever(); }), "another loop is running"));
               BOOST_TEST(contains(thrown<error>([&] { other.loop().run_until_complete(number(1)); }),
                                   "another loop is running"));
               BOOST_TEST(thrown<error>([&] { loop.run_forever(); }) == "This event loop is already running");
               BOOST_TEST(thrown<error>([&] { loop.run_until_complete(number(1)); }) ==
                          "This event loop is already running");
               BOOST_TEST(owned.use_count() == 2); // ours and that of the closure here
               BOOST_CHECK(get_running_loop() == loop);
               co_await testing::passes(1);
               co_return 1;
             }) == 1);
  BOOST_TEST(other.run(number(2)) == 2);
}

BOOST_AUTO_TEST_CASE(L10_outside_a_loop_there_is_none) {
  BOOST_TEST(thrown<error>([] { get_running_loop(); }) == "no running event loop");
  BOOST_CHECK(!get_running_loop_or_none());
  BOOST_TEST(contains(thrown<error>([] { create_task(number(1)); }), "no running event loop"));
  BOOST_CHECK(!current_task());
  testing::run_virtual([]() -> awaitable<void> {
    BOOST_CHECK(get_running_loop_or_none() == get_running_loop());
    BOOST_TEST(get_running_loop().is_running());
    co_return;
  });
  BOOST_CHECK(!get_running_loop_or_none());
}

BOOST_AUTO_TEST_CASE(L10_the_running_loop_is_thread_local) {
  bool none = false;
  int inner = 0;
  run([&]() -> awaitable<void> {
    std::thread other([&] {
      none = !get_running_loop_or_none();
      inner = run(number(4)); // not nested: another thread
    });
    other.join();
    BOOST_CHECK(get_running_loop_or_none());
    co_return;
  });
  BOOST_TEST(none);
  BOOST_TEST(inner == 4);
}

BOOST_AUTO_TEST_CASE(L10_a_forked_child_has_no_running_loop_and_may_run_its_own) {
  int status = -1;
  run([&]() -> awaitable<void> {
    const pid_t child = ::fork();
    if (child == 0) {
      int code = 1;
      if (!get_running_loop_or_none() && !current_task()) try {
          code = run(number(42));
        } catch (...) {
          code = 2;
        }
      ::_exit(code);
    }
    ::waitpid(child, &status, 0);
    BOOST_CHECK(get_running_loop_or_none()); // the parent still has its own
    co_return;
  });
  BOOST_TEST(WIFEXITED(status));
  BOOST_TEST(WEXITSTATUS(status) == 42);
}

// --- call_soon_threadsafe ----------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(TH1_call_soon_threadsafe_keeps_the_order_of_a_thread) {
  std::vector<int> got;
  run([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    std::thread other([&] {
      for (int i = 0; i < 1000; ++i)
        loop.call_soon_threadsafe([&got, i] { got.push_back(i); });
    });
    other.join();
    co_await testing::passes(1);
  });
  BOOST_REQUIRE_EQUAL(got.size(), 1000u);
  BOOST_TEST(std::is_sorted(got.begin(), got.end()));
}

BOOST_AUTO_TEST_CASE(TH1_call_soon_threadsafe_is_in_one_order_with_call_soon) {
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    loop.call_soon([&] { order.push_back("a"); });
    loop.call_soon_threadsafe([&] { order.push_back("b"); });
    loop.call_soon([&] { order.push_back("c"); });
    std::thread other([&] { loop.call_soon_threadsafe([&] { order.push_back("d"); }); });
    other.join();
    loop.call_soon([&] { order.push_back("e"); });
    co_await testing::passes(1);
    order.push_back("main");
    co_await testing::passes(1);
  });
  CHECK_TRACE(order, "a", "b", "c", "d", "e", "main");
}

BOOST_AUTO_TEST_CASE(TH1_call_soon_threadsafe_wakes_a_loop_that_waits) {
  // Real time: the loop is in its poll, or about to be, when the call comes.
  run([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    const future<int> f = loop.create_future<int>();
    std::thread other([&] { loop.call_soon_threadsafe([f] { f.set_result(5); }); });
    const int value = co_await f.get();
    other.join();
    BOOST_TEST(value == 5);
  });
}

BOOST_AUTO_TEST_CASE(TH1_a_threadsafe_handle_can_be_cancelled_on_any_thread) {
  const auto owned = std::make_shared<int>(1);
  run([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    std::thread other([&] {
      callback_handle h = loop.call_soon_threadsafe([o = owned] { BOOST_ERROR("was cancelled"); });
      h.cancel();
      BOOST_TEST(h.cancelled());
    });
    other.join();
    co_await testing::passes(2);
    BOOST_TEST(owned.use_count() == 1);
  });
}

BOOST_AUTO_TEST_CASE(TH1_plain_asio_work_and_the_loop_take_turns) {
  trace order;
  run([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    bool posted = false;
    boost::asio::post(loop.get_executor(), [&] { posted = true; });
    int passes = 0;
    while (!posted && passes < 1000) {
      co_await testing::passes(1);
      ++passes;
    }
    BOOST_TEST(posted);
    BOOST_TEST(passes <= 62); // a busy loop looks at I/O at least every 61 passes
  });
}
