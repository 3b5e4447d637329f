// finally: clean-up in every case, and its grace time.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/ends.hpp"

#include <rondo/context.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/finally.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

namespace asio = boost::asio;
using namespace rondo;
using namespace std::chrono_literals;
using support::error_of;
using support::now_is;
using support::starts_with;
using support::trace;
using support::two_seconds;

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
  bool passed = false; // for the callback, which runs when the task has ended
  testing::run_virtual([&]() -> awaitable<void> {
    trace log;
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
