// finally: clean-up in every case, and that nothing interrupts it.
// SPDX-License-Identifier: BSL-1.0
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
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace asio = boost::asio;
using namespace rondo;
using namespace std::chrono_literals;
using support::error_of;
using support::starts_with;
using support::text_of;
using support::trace;

namespace {

bool now_is(clock::duration d) { return clock::now().time_since_epoch() == d; }

/// A clean-up that takes two seconds, and shows if it is interrupted.
class two_seconds {
public:
  explicit two_seconds(trace& log) : log_(log) {}

  awaitable<void> operator()() {
    log_.push_back("begin");
    try {
      co_await sleep(2s);
      log_.push_back("end");
    } catch (const cancelled_error& e) {
      log_.push_back("interrupted " + e.message());
      throw;
    }
  }

private:
  trace& log_;
};

} // namespace

// --- without cancellation ------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(the_value_of_the_body_is_returned_after_the_clean_up) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto body = [&]() -> awaitable<std::unique_ptr<int>> {
      co_await sleep(1s);
      log.push_back("body");
      co_return std::make_unique<int>(3);
    };
    two_seconds cleanup(log);
    const auto value = co_await finally(body, cleanup);
    BOOST_TEST(*value == 3);
    CHECK_TRACE(log, "body", "begin", "end");
    BOOST_TEST(now_is(3s));
  });
}

BOOST_AUTO_TEST_CASE(an_exception_of_the_body_goes_on_after_the_clean_up) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    two_seconds cleanup(log);
    auto body = [&]() -> awaitable<int> {
      co_await sleep(1s);
      throw std::runtime_error("body");
    };
    const std::string error = co_await error_of(finally(body, cleanup, 1h));
    BOOST_TEST(error == "body");
    CHECK_TRACE(log, "begin", "end");
    BOOST_TEST(now_is(3s));
  });
}

BOOST_AUTO_TEST_CASE(an_exception_of_the_clean_up_replaces_that_of_the_body) {
  testing::run_virtual([]() -> awaitable<void> {
    for (bool body_fails : {false, true})
      for (bool waits : {false, true}) {
        auto body = [&]() -> awaitable<void> {
          if (body_fails) throw std::runtime_error("body");
          co_return;
        };
        auto cleanup = [&]() -> awaitable<void> {
          if (waits) co_await sleep(1s);
          throw std::runtime_error("clean-up");
        };
        const std::string error = co_await error_of(finally(body, cleanup));
        BOOST_TEST(error == "clean-up");
        const std::string plain = co_await error_of(finally(body, [] { throw std::logic_error("plain"); }));
        BOOST_TEST(plain == "plain");
      }
  });
}

BOOST_AUTO_TEST_CASE(both_may_be_plain_functions_and_what_does_not_wait_takes_no_pass) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    bool passed = false;
    get_running_loop().call_soon([&] { passed = true; });
    const int value = co_await finally([] { return 4; }, [&] { log.push_back("plain"); });
    co_await finally([] {},
                     [&]() -> awaitable<int> {
                       log.push_back("coroutine");
                       co_return 1;
                     });
    BOOST_TEST(value == 4);
    BOOST_TEST(!passed);
    CHECK_TRACE(log, "plain", "coroutine");
  });
}

BOOST_AUTO_TEST_CASE(the_clean_up_runs_in_the_context_of_the_body) {
  testing::run_virtual([]() -> awaitable<void> {
    static context_var<std::string> who{"who", "nobody"};
    who.set("caller");
    std::string seen;
    auto body = []() -> awaitable<void> {
      who.set("body");
      co_return;
    };
    auto cleanup = [&]() -> awaitable<void> {
      co_await sleep(1s);
      seen = who.get();
      who.set("clean-up");
    };
    co_await finally(body, cleanup);
    BOOST_TEST(seen == "body");
    BOOST_TEST(who.get() == "clean-up");
  });
}

BOOST_AUTO_TEST_CASE(the_clean_up_is_a_task_with_a_telling_name) {
  testing::run_virtual([]() -> awaitable<void> {
    std::string name;
    auto cleanup = [&]() -> awaitable<void> {
      co_await sleep(1s);
      name = current_task().name();
    };
    co_await finally([] {}, cleanup);
    BOOST_TEST(name == "clean-up of main");
  });
}

BOOST_AUTO_TEST_CASE(they_nest) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto clean = [&](std::string name) -> awaitable<void> {
      co_await sleep(1s);
      log.push_back(name);
    };
    auto innermost = [&]() -> awaitable<void> { co_await sleep(1h); };
    auto inner_clean = [&] { return finally([&] { return clean("inner"); }, [&] { return clean("inner's own"); }); };
    auto inner = [&] { return finally(innermost, inner_clean); };
    auto t = create_task(finally(inner, [&] { return clean("outer"); }));
    co_await sleep(1s);
    t.cancel("x");
    const std::string error = co_await error_of(t.get());
    BOOST_TEST(error == "cancelled x");
    CHECK_TRACE(log, "inner", "inner's own", "outer");
    BOOST_TEST(now_is(4s));
  });
}

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

// --- grace ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_clean_up_that_outlasts_its_grace_is_cancelled_and_awaited) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto cleanup = [&]() -> awaitable<void> {
      bool interrupted = false;
      try {
        co_await sleep(1h);
      } catch (const cancelled_error& e) {
        log.push_back(e.message());
        interrupted = true;
      }
      co_await sleep(1s);
      log.push_back("ended");
      if (interrupted) throw cancelled_error();
    };
    const std::string error = co_await error_of(finally([] { return 1; }, cleanup, 5s));
    BOOST_TEST(starts_with(error, "finally: the clean-up did not end within its grace of 5.000 s"), error);
    CHECK_TRACE(log, "the clean-up took longer than its grace", "ended");
    BOOST_TEST(now_is(6s));
    BOOST_TEST(current_task().cancelling() == 0);
  });
}

BOOST_AUTO_TEST_CASE(the_exception_of_the_body_goes_on_when_the_grace_ran_out) {
  testing::run_virtual([]() -> awaitable<void> {
    auto forever = []() -> awaitable<void> { co_await sleep(std::nullopt); };
    const std::string error = co_await error_of(finally([] { throw std::runtime_error("body"); }, forever, 1s));
    BOOST_TEST(error == "body");
    auto t = create_task(finally(forever, forever, 1s));
    co_await testing::passes(1);
    t.cancel("why");
    const std::string cancelled = co_await error_of(t.get());
    BOOST_TEST(cancelled == "cancelled why");
    BOOST_TEST(now_is(2s));
  });
}

BOOST_AUTO_TEST_CASE(what_a_clean_up_makes_of_the_end_of_its_grace_is_respected) {
  testing::run_virtual([]() -> awaitable<void> {
    for (bool throws : {false, true}) {
      auto cleanup = [&]() -> awaitable<void> {
        try {
          co_await sleep(1h);
        } catch (const cancelled_error&) {
          if (throws) throw std::runtime_error("half clean");
        }
      };
      const std::string error = co_await error_of(finally([] {}, cleanup, 1s));
      BOOST_TEST(error == (throws ? "half clean" : "none"));
    }
  });
}

BOOST_AUTO_TEST_CASE(a_grace_that_is_long_enough_leaves_no_timer) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    two_seconds cleanup(log);
    co_await finally([] {}, cleanup, 2500ms);
    co_await sleep(1h);
    CHECK_TRACE(log, "begin", "end");
  });
}

BOOST_AUTO_TEST_CASE(a_cancelled_error_of_the_clean_ups_own_replaces_the_exception_of_the_body) {
  testing::run_virtual([]() -> awaitable<void> {
    auto cleanup = []() -> awaitable<void> {
      co_await sleep(1s);
      throw cancelled_error("own");
    };
    const std::string error = co_await error_of(finally([] { throw std::runtime_error("body"); }, cleanup, 5s));
    BOOST_TEST(error == "cancelled own");
  });
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
