// finally: nothing interrupts the clean-up.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/ends.hpp"

#include <rondo/context.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/finally.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>

namespace asio = boost::asio;
using namespace rondo;
using namespace std::chrono_literals;
using support::error_of;
using support::now_is;
using support::starts_with;
using support::text_of;
using support::trace;
using support::two_seconds;

// --- cancellation --------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(the_clean_up_runs_to_its_end_when_the_body_was_cancelled) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    two_seconds cleanup(log);
    auto body = []() -> awaitable<void> { co_await sleep(1h); };
    auto t = create_task(finally(body, cleanup));
    co_await sleep(1s);
    t.cancel("first");
    co_await sleep(1s);
    for (int i = 0; i < 3; ++i)
      BOOST_TEST(t.cancel("again"));
    const std::string error = co_await error_of(t.get());
    BOOST_TEST(error == "cancelled first");
    BOOST_TEST(t.cancelled());
    BOOST_TEST(t.cancelling() == 4);
    CHECK_TRACE(log, "begin", "end");
    BOOST_TEST(now_is(3s));
  });
}

BOOST_AUTO_TEST_CASE(a_cancel_during_the_clean_up_is_thrown_when_that_has_ended) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    two_seconds cleanup(log);
    std::string after;
    auto user = [&]() -> awaitable<void> {
      auto body = [] { return 1; };
      std::string error = co_await error_of(finally(body, cleanup));
      log.push_back(error);
      after = co_await error_of(sleep(1s)); // it was delivered once
    };
    auto t = create_task(user);
    co_await sleep(1s);
    BOOST_TEST(t.cancel("late"));
    co_await t.get();
    CHECK_TRACE(log, "begin", "end", "cancelled late");
    BOOST_TEST(after == "none");
    BOOST_TEST(t.cancelling() == 1);
    BOOST_TEST(!t.cancelled());
    BOOST_TEST(now_is(3s));
  });
}

BOOST_AUTO_TEST_CASE(a_cancel_during_the_clean_up_comes_at_the_next_wait_if_something_else_is_thrown) {
  testing::run_virtual([]() -> awaitable<void> {
    for (bool body_fails : {false, true}) {
      trace log;
      auto body = [&] {
        if (body_fails) throw std::runtime_error("body");
      };
      auto cleanup = [&]() -> awaitable<void> {
        co_await sleep(2s);
        if (!body_fails) throw std::runtime_error("clean-up");
      };
      auto user = [&]() -> awaitable<void> {
        std::string error = co_await error_of(finally(body, cleanup));
        log.push_back(error);
        error = co_await error_of(sleep(1h));
        log.push_back(error);
        error = co_await error_of(sleep(1s));
        log.push_back(error);
      };
      auto t = create_task(user);
      co_await sleep(1s);
      t.cancel("late");
      co_await t.get();
      CHECK_TRACE(log, body_fails ? "body" : "clean-up", "cancelled late", "none");
    }
  });
}

BOOST_AUTO_TEST_CASE(a_cancel_during_the_clean_up_can_be_taken_back) {
  testing::run_virtual([]() -> awaitable<void> {
    auto cleanup = []() -> awaitable<void> { co_await sleep(2s); };
    auto t = create_task(finally([] { return 1; }, cleanup));
    co_await sleep(1s);
    t.cancel();
    t.uncancel();
    const int value = co_await t.get();
    BOOST_TEST(value == 1);
  });
}

BOOST_AUTO_TEST_CASE(a_cancel_that_was_pending_when_the_clean_up_began_is_not_lost) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    two_seconds cleanup(log);
    auto t = create_task(finally([] { current_task().cancel("self"); }, cleanup));
    const std::string error = co_await error_of(t.get());
    BOOST_TEST(error == "cancelled self");
    CHECK_TRACE(log, "begin", "end");
  });
}

BOOST_AUTO_TEST_CASE(a_cancel_passed_on_by_another_task_does_not_interrupt_either) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    two_seconds cleanup(log);
    auto inner = create_task(finally([] {}, cleanup));
    auto outer = create_task(inner.get());
    co_await sleep(1s);
    outer.cancel("passed on");
    const std::string error = co_await error_of(outer.get());
    BOOST_TEST(error == "cancelled passed on");
    CHECK_TRACE(log, "begin", "end");
  });
}

BOOST_AUTO_TEST_CASE(nobody_can_cancel_the_task_of_the_clean_up) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    two_seconds cleanup(log);
    auto t = create_task(finally([] { return 1; }, cleanup));
    co_await sleep(1s);
    for (const any_task& each : all_tasks())
      if (each.name().starts_with("clean-up")) BOOST_TEST(!each.cancel("direct"));
    const int value = co_await t.get();
    BOOST_TEST(value == 1);
    CHECK_TRACE(log, "begin", "end");
  });
}

BOOST_AUTO_TEST_CASE(the_shutdown_of_the_loop_waits_for_clean_up) {
  for (int second : {0, 1}) { // the shutdown comes in the body, and in the clean-up
    trace log;
    two_seconds cleanup(log);
    auto body = [&]() -> awaitable<void> {
      if (second == 0) co_await sleep(1h);
    };
    testing::run_virtual([&]() -> awaitable<void> {
      create_task([&] { return finally(body, cleanup); });
      co_await sleep(1s);
    });
    CHECK_TRACE(log, "begin", "end");
  }
}

BOOST_AUTO_TEST_CASE(a_cancel_at_each_pass_never_interrupts_the_clean_up) {
  for (int step = 0; step < 14; ++step) {
    testing::run_virtual([step]() -> awaitable<void> {
      int begun = 0, ended = 0;
      auto body = []() -> awaitable<void> {
        for (int i = 0; i < 4; ++i)
          co_await sleep(0s);
      };
      auto cleanup = [&]() -> awaitable<void> {
        ++begun;
        for (int i = 0; i < 4; ++i)
          co_await sleep(0s);
        ++ended;
      };
      auto t = create_task(finally(body, cleanup));
      co_await testing::passes(step);
      const bool accepted = t.cancel();
      co_await settle(t);
      BOOST_TEST(t.cancelled() == accepted);
      BOOST_TEST(begun == (step == 0 ? 0 : 1)); // a task that never started has nothing to clean up
      BOOST_TEST(ended == begun);
    });
  }
}

// --- elsewhere -----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_plain_coroutine_of_asio_is_shielded_too) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    two_seconds cleanup(log);
    asio::cancellation_signal signal;
    auto body = []() -> awaitable<void> { co_await sleep(1h); };
    std::string error;
    auto ended = get_running_loop().create_future<void>();
    asio::co_spawn(get_running_loop().get_executor(), finally(body, cleanup),
                   asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) {
                     error = text_of(e);
                     ended.set_result();
                   }));
    co_await sleep(1s);
    signal.emit(asio::cancellation_type::all);
    co_await sleep(1s);
    signal.emit(asio::cancellation_type::all);
    co_await ended.get();
    BOOST_TEST(error == "cancelled");
    CHECK_TRACE(log, "begin", "end");
    BOOST_TEST(now_is(3s));
  });
}

BOOST_AUTO_TEST_CASE(without_a_loop_nothing_is_run) {
  asio::io_context context(1);
  bool ran = false;
  std::string error;
  asio::co_spawn(context, finally([&] { ran = true; }, [&] { ran = true; }),
                 [&](std::exception_ptr e) { error = text_of(e); });
  context.run();
  BOOST_TEST(error == "no running event loop");
  BOOST_TEST(!ran);
}
