// Cancel scopes together with Task.cancel and timeouts.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/ends.hpp"
#include "../support/scopes.hpp"
#include "../support/trace.hpp"

#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>

using namespace rondo;
using namespace std::chrono_literals;
using support::at;
using support::error_of;
using support::for_ever;
using support::message_of;
using support::shielded;
using support::trace;
using support::word;

// --- Task.cancel ---------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(cancel_of_the_task_is_not_the_scopes) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    cancel_scope kept;
    auto body = [&](cancel_scope& scope) -> awaitable<void> {
      kept = scope;
      log.push_back(co_await error_of(for_ever()));
      log.push_back(co_await error_of(sleep(1s))); // an edge: once
      throw cancelled_error("on");
    };
    auto t = create_task([&] { return with_cancel_scope(body); });
    co_await testing::passes(2);
    t.cancel("task");
    const auto s = co_await settle(t);
    BOOST_TEST(t.cancelled());
    BOOST_TEST(message_of(s) == "on");
    BOOST_TEST(t.cancelling() == 1);
    BOOST_TEST(!kept.cancel_called());
    CHECK_TRACE(log, "cancelled task", "none");
  });
}

BOOST_AUTO_TEST_CASE(cancel_of_the_task_in_a_cancelled_scope_is_passed_on) {
  testing::run_virtual([]() -> awaitable<void> {
    enum class order { scope_first, task_first, scope_then_pass, task_then_pass };
    for (order o : {order::scope_first, order::task_first, order::scope_then_pass, order::task_then_pass}) {
      trace log;
      cancel_scope kept;
      auto body = [&](cancel_scope& scope) -> awaitable<void> {
        kept = scope;
        for (int i = 0; i < 4; ++i)
          co_await error_of(for_ever());
        co_await for_ever();
      };
      auto main = [&]() -> awaitable<void> {
        log.push_back(co_await error_of(with_cancel_scope(body)) == "none" ? "swallowed" : "passed on");
        log.push_back(co_await error_of(sleep(0s))); // delivered before, once
      };
      auto t = create_task(main);
      co_await testing::passes(2);
      const bool scope_first = o == order::scope_first || o == order::scope_then_pass;
      if (scope_first) kept.cancel("scope");
      if (!scope_first) t.cancel("task");
      if (o == order::scope_then_pass || o == order::task_then_pass) co_await testing::passes(1);
      if (scope_first) t.cancel("task");
      if (!scope_first) kept.cancel("scope");
      co_await t.get();
      CHECK_TRACE(log, "passed on", "none");
      BOOST_TEST(!kept.cancelled_caught());
      BOOST_TEST(t.cancelling() == 1);
    }
  });
}

BOOST_AUTO_TEST_CASE(cancel_that_was_pending_at_the_entry_is_not_the_scopes) {
  testing::run_virtual([]() -> awaitable<void> {
    cancel_scope kept;
    auto body = [&](cancel_scope& scope) -> awaitable<void> {
      kept = scope;
      scope.cancel("scope");
      co_await for_ever();
    };
    auto t = create_task([&]() -> awaitable<void> {
      current_task().cancel("task");
      co_await with_cancel_scope(body);
    });
    const auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "task");
    BOOST_TEST(!kept.cancelled_caught());
  });
}

BOOST_AUTO_TEST_CASE(cancel_that_is_pending_at_the_end_comes_behind_the_block) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto t = create_task([&]() -> awaitable<void> {
      auto body = [](cancel_scope& scope) -> awaitable<void> {
        scope.cancel("scope");
        const auto text = co_await error_of(for_ever());
        current_task().cancel("task");
        throw cancelled_error(text);
      };
      log.push_back(co_await error_of(with_cancel_scope(body)));
      log.push_back(co_await error_of(sleep(1s)));
      log.push_back(co_await error_of(sleep(1s)));
    });
    co_await t.get();
    CHECK_TRACE(log, "cancelled cancelled scope", "cancelled task", "none");
  });
}

BOOST_AUTO_TEST_CASE(cancel_that_was_taken_back_is_none) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task([]() -> awaitable<bool> {
      auto body = [](cancel_scope& scope) -> awaitable<void> {
        current_task().cancel("task");
        co_await error_of(for_ever());
        BOOST_TEST(current_task().uncancel() == 0);
        scope.cancel("scope");
        const auto text = co_await error_of(for_ever());
        BOOST_TEST(text == "cancelled scope");
        // Taking one back does not touch the level.
        current_task().cancel("task");
        BOOST_TEST(current_task().uncancel() == 0);
        co_await for_ever();
      };
      return with_cancel_scope(body);
    }());
    const bool ended = co_await t.get();
    BOOST_TEST(!ended);
    BOOST_TEST(t.cancelling() == 0);
  });
}

BOOST_AUTO_TEST_CASE(shield_does_not_hide_a_cancel_of_the_task) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto inside = [&]() -> awaitable<void> {
      log.push_back(co_await error_of(for_ever()));
      log.push_back(co_await error_of(sleep(1s)));
    };
    auto body = [&](cancel_scope& scope) -> awaitable<void> {
      scope.cancel("scope");
      co_await with_cancel_scope(shielded(), inside);
      co_await sleep(1s);
    };
    auto t = create_task([&] { return with_cancel_scope(body); });
    co_await testing::passes(2);
    t.cancel("task");
    co_await settle(t);
    CHECK_TRACE(log, "cancelled task", "none");
    BOOST_TEST(t.cancelled()); // by then there was a cancel()
  });
}

// --- timeouts ------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(timeout_in_a_scope_and_scope_in_a_timeout) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto limited = []() -> awaitable<void> { co_await with_timeout(1s, &for_ever); };
    auto in_scope = [&](cancel_scope&) -> awaitable<void> {
      log.push_back(co_await error_of(limited()));
      co_await sleep(1s);
    };
    bool ended = co_await with_cancel_scope(in_scope);
    log.push_back(word(ended));
    BOOST_TEST((clock::now() == at(2s)));

    auto scoped = [&]() -> awaitable<void> {
      co_await with_cancel_scope(&for_ever);
      log.push_back("not reached");
    };
    log.push_back(co_await error_of(with_timeout(1s, scoped)));

    auto cancelled_scoped = [&]() -> awaitable<void> {
      ended = co_await move_on_after(1s, &for_ever);
      log.push_back(word(ended));
      co_await for_ever();
    };
    log.push_back(co_await error_of(with_timeout(2s, cancelled_scoped)));
    BOOST_TEST(current_task().cancelling() == 0);
    CHECK_TRACE(log, "with_timeout: the time limit of 1.000 s ran out", "ended",
                "with_timeout: the time limit of 1.000 s ran out", "cut",
                "with_timeout: the time limit of 2.000 s ran out");
  });
}

BOOST_AUTO_TEST_CASE(timeout_that_expires_in_a_cancelled_scope_gives_no_timeout_error) {
  testing::run_virtual([]() -> awaitable<void> {
    std::string text;
    auto body = [&](cancel_scope& scope) -> awaitable<void> {
      auto limited = [&](timeout_scope) -> awaitable<void> {
        scope.cancel("scope");
        auto wait = []() -> awaitable<void> { co_await sleep(10s); };
        co_await with_cancel_scope(shielded(), wait);
      };
      text = co_await error_of(with_timeout(1s, limited));
      BOOST_TEST((clock::now() == at(1s)));
    };
    co_await with_cancel_scope(body);
    BOOST_TEST(text == "cancelled");
    BOOST_TEST(current_task().cancelling() == 0);
    co_await sleep(1s);
  });
}

BOOST_AUTO_TEST_CASE(timeout_and_scope_that_end_in_the_same_pass_leave_nothing_behind) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto scope_inside = [&]() -> awaitable<void> {
      const bool ended = co_await move_on_after(1s, &for_ever);
      log.push_back(word(ended));
    };
    log.push_back(co_await error_of(with_timeout(1s, scope_inside)));
    auto timeout_inside = [&]() -> awaitable<void> { co_await with_timeout(1s, &for_ever); };
    log.push_back(co_await error_of(move_on_after(1s, timeout_inside)));
    BOOST_TEST(current_task().cancelling() == 0);
    log.push_back(co_await error_of(sleep(1s)));
    CHECK_TRACE(log, "with_timeout: the time limit of 1.000 s ran out", "none", "none");
  });
}
