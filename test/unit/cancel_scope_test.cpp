// with_cancel_scope, move_on_after, fail_after: what they give, who cancels them, and deadlines.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/ends.hpp"
#include "../support/expect.hpp"
#include "../support/scopes.hpp"
#include "../support/ticker.hpp"

#include <rondo/cancel_scope.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::at;
using support::contains;
using support::error_of;
using support::for_ever;
using support::text_in;
using support::text_of;
using support::thrown;
using support::trace;
using support::witness;

namespace {

awaitable<int> slow_answer() { co_return co_await sleep(10s, 42); }

/// No default constructor, and no copies.
struct token_of_value {
  explicit token_of_value(int v) : value(std::make_unique<int>(v)) {}
  std::unique_ptr<int> value;
};

} // namespace

// --- what the block gives ------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(scope_gives_the_value_of_its_body) {
  testing::run_virtual([]() -> awaitable<void> {
    const std::optional<int> number = co_await with_cancel_scope([] { return slow_answer(); });
    BOOST_TEST(number.value() == 42);
    auto make_token = []() -> awaitable<token_of_value> { co_return token_of_value(7); };
    const std::optional<token_of_value> moved = co_await with_cancel_scope(make_token);
    BOOST_TEST(*moved.value().value == 7);
    auto none = []() -> awaitable<std::optional<int>> { co_return std::nullopt; };
    const std::optional<std::optional<int>> nested = co_await move_on_after(1s, none);
    BOOST_TEST((nested.has_value() && !nested->has_value()));
  });
}

BOOST_AUTO_TEST_CASE(scope_of_a_body_without_a_value_gives_whether_it_ran_to_its_end) {
  testing::run_virtual([]() -> awaitable<void> {
    const bool ended = co_await with_cancel_scope([]() -> awaitable<void> { co_await sleep(1s); });
    BOOST_TEST(ended);
    const bool interrupted = co_await move_on_after(1s, [] { return for_ever(); });
    BOOST_TEST(!interrupted);
    static_assert(std::is_same_v<decltype(fail_after(1s, &for_ever)), awaitable<void>>);
    static_assert(std::is_same_v<decltype(fail_after(1s, &slow_answer)), awaitable<int>>);
    static_assert(std::is_same_v<decltype(move_on_after(1s, &slow_answer)), awaitable<std::optional<int>>>);
    static_assert(std::is_same_v<decltype(with_cancel_scope(&for_ever)), awaitable<bool>>);
  });
}

BOOST_AUTO_TEST_CASE(scope_takes_plain_bodies_and_bodies_that_give_something_to_await) {
  testing::run_virtual([]() -> awaitable<void> {
    const std::optional<int> plain = co_await with_cancel_scope([] { return 1; });
    BOOST_TEST(plain.value() == 1);
    const std::optional<std::string> with_scope =
        co_await with_cancel_scope([](cancel_scope scope) { return std::string(scope ? "in scope" : ""); });
    BOOST_TEST(with_scope.value() == "in scope");
    const bool nothing = co_await move_on_after(1s, [] {});
    BOOST_TEST(nothing);
    const std::optional<int> operation = co_await move_on_after(1h, [] { return sleep(1s, 5); });
    BOOST_TEST(operation.value() == 5);
    auto t = create_task(slow_answer());
    const std::optional<int> handle = co_await with_cancel_scope([&] { return t; });
    BOOST_TEST(handle.value() == 42);
    const int number = co_await fail_after(1s, [] { return 9; });
    BOOST_TEST(number == 9);
    auto fails = []() -> int { throw std::runtime_error("plain and wrong"); };
    std::string text = co_await error_of(with_cancel_scope(fails));
    BOOST_TEST(text == "plain and wrong");
  });
}

BOOST_AUTO_TEST_CASE(scope_destroys_values_and_bodies_once) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const auto owned = std::make_shared<int>(0);
    auto body = [&log, owned]() -> awaitable<witness> { co_return witness(log, "value"); };
    BOOST_TEST(owned.use_count() == 2);
    {
      const std::optional<witness> value = co_await with_cancel_scope(body);
      BOOST_TEST(owned.use_count() == 2);
      BOOST_TEST(value.has_value());
      BOOST_TEST(log.empty());
    }
    CHECK_TRACE(log, "value");
  });
}

BOOST_AUTO_TEST_CASE(scope_runs_its_body_in_the_calling_task_and_takes_no_turn) {
  support::with_ticker([](support::ticker& tick) -> awaitable<void> {
    const any_task self = current_task();
    const int before = tick.now();
    co_await with_cancel_scope([&]() -> awaitable<void> {
      BOOST_TEST((current_task() == self));
      co_return;
    });
    co_await move_on_after(1s, [] { return 1; });
    co_await fail_after(1s, [] { return 1; });
    BOOST_TEST(tick.now() == before);
  });
}

BOOST_AUTO_TEST_CASE(other_exceptions_pass_also_when_the_scope_is_cancelled) {
  testing::run_virtual([]() -> awaitable<void> {
    cancel_scope kept;
    auto body = [&](cancel_scope& scope) -> awaitable<void> {
      kept = scope;
      scope.cancel();
      try {
        co_await for_ever();
      } catch (const cancelled_error&) {
        throw std::logic_error("instead");
      }
    };
    std::string text = co_await error_of(with_cancel_scope(body));
    BOOST_TEST(text == "instead");
    BOOST_TEST(kept.cancel_called());
    BOOST_TEST(!kept.cancelled_caught());
    text = co_await error_of(fail_after(1s, body));
    BOOST_TEST(text == "instead");
  });
}

BOOST_AUTO_TEST_CASE(a_cancellation_that_the_body_makes_up_is_not_the_scopes) {
  testing::run_virtual([]() -> awaitable<void> {
    auto body = []() -> awaitable<void> {
      throw cancelled_error("by hand");
      co_return;
    };
    std::string text = co_await error_of(with_cancel_scope(body));
    BOOST_TEST(text == "cancelled by hand");
  });
}

// --- who cancels ---------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(cancel_by_the_body_comes_at_its_first_suspension) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    cancel_scope kept;
    const bool ended = co_await with_cancel_scope([&](cancel_scope& scope) -> awaitable<void> {
      kept = scope;
      BOOST_TEST(!scope.cancel_called());
      scope.cancel("enough");
      BOOST_TEST(scope.cancel_called());
      BOOST_TEST(!scope.cancelled_caught());
      log.push_back("still runs");
      auto no_wait = []() -> awaitable<int> { co_return 3; };
      log.push_back(std::to_string(co_await no_wait()));
      log.push_back(co_await error_of(sleep(1s)));
      co_await sleep(1s);
      log.push_back("not reached");
    });
    BOOST_TEST(!ended);
    BOOST_TEST(kept.cancelled_caught());
    BOOST_TEST(current_task().cancelling() == 0);
    CHECK_TRACE(log, "still runs", "3", "cancelled enough");
    co_await sleep(1s); // nothing is left of it
  });
}

BOOST_AUTO_TEST_CASE(cancel_by_another_task_or_a_callback_wakes_the_body_in_the_next_pass) {
  support::with_ticker([](support::ticker& tick) -> awaitable<void> {
    cancel_scope shared;
    int cancelled_at = 0;
    auto body = [&](cancel_scope& scope) -> awaitable<void> {
      shared = scope;
      co_await for_ever();
    };
    auto canceller = [&]() -> awaitable<void> {
      co_await testing::passes(3);
      cancelled_at = tick.now();
      shared.cancel("by a task");
    };
    auto other = create_task(canceller);
    bool ended = co_await with_cancel_scope(body);
    BOOST_TEST(!ended);
    BOOST_TEST(tick.now() == cancelled_at + 1);

    get_running_loop().call_soon([&] {
      cancelled_at = tick.now();
      shared.cancel("by a callback");
    });
    ended = co_await with_cancel_scope(body);
    BOOST_TEST(!ended);
    BOOST_TEST(tick.now() == cancelled_at + 1);
  });
}

BOOST_AUTO_TEST_CASE(first_cancel_counts) {
  testing::run_virtual([]() -> awaitable<void> {
    auto body = [](cancel_scope& scope) -> awaitable<std::string> {
      scope.cancel("first");
      scope.cancel("second");
      scope.deadline(clock::now() - 1s);
      BOOST_TEST(!scope.deadline().has_value());
      co_return co_await error_of(for_ever());
    };
    const auto message = co_await with_cancel_scope(body);
    BOOST_TEST(message.value() == "cancelled first");
  });
}

BOOST_AUTO_TEST_CASE(body_that_returns_in_spite_of_the_cancellation_gives_its_value) {
  testing::run_virtual([]() -> awaitable<void> {
    cancel_scope kept;
    auto body = [&](cancel_scope& scope) -> awaitable<int> {
      kept = scope;
      scope.cancel();
      co_await error_of(for_ever());
      co_return 5;
    };
    const std::optional<int> value = co_await with_cancel_scope(body);
    BOOST_TEST(value.value() == 5);
    BOOST_TEST(kept.cancel_called());
    BOOST_TEST(!kept.cancelled_caught());
    const int same = co_await fail_after(1s, body);
    BOOST_TEST(same == 5);
  });
}

BOOST_AUTO_TEST_CASE(scope_is_a_handle_that_does_nothing_after_its_block) {
  testing::run_virtual([]() -> awaitable<void> {
    cancel_scope kept;
    auto keep = [&](cancel_scope& scope) { kept = scope; };
    co_await with_cancel_scope(cancel_scope_options().deadline(at(5s)).shield(true), keep);
    BOOST_TEST((kept.deadline() == at(5s)));
    BOOST_TEST(kept.shield());
    kept.cancel();
    kept.deadline(at(0s));
    kept.shield(false);
    BOOST_TEST(!kept.cancel_called());
    BOOST_TEST(kept.shield());
    co_await sleep(10s); // also past its deadline
    BOOST_TEST(!kept.cancel_called());
    BOOST_TEST(!kept.cancelled_caught());
    const cancel_scope copy = kept;
    BOOST_TEST((copy == kept));
    BOOST_TEST(!(copy == cancel_scope()));
  });
}

BOOST_AUTO_TEST_CASE(body_may_assign_to_its_scope) {
  testing::run_virtual([]() -> awaitable<void> {
    const bool ended = co_await move_on_after(1s, [](cancel_scope& scope) -> awaitable<void> {
      scope = cancel_scope();
      co_await for_ever();
    });
    BOOST_TEST(!ended);
  });
}

BOOST_AUTO_TEST_CASE(empty_scope_says_so) {
  const cancel_scope empty;
  BOOST_TEST(!empty);
  BOOST_TEST(contains(thrown<std::logic_error>([&] { empty.cancel(); }), "cancel: the handle is empty"));
  BOOST_CHECK_THROW((void)empty.cancel_called(), std::logic_error);
  BOOST_CHECK_THROW((void)empty.cancelled_caught(), std::logic_error);
  BOOST_CHECK_THROW((void)empty.deadline(), std::logic_error);
  BOOST_CHECK_THROW(empty.deadline(std::nullopt), std::logic_error);
  BOOST_CHECK_THROW((void)empty.shield(), std::logic_error);
  BOOST_CHECK_THROW(empty.shield(true), std::logic_error);
}

BOOST_AUTO_TEST_CASE(scope_outside_a_task_is_refused_before_the_body_runs) {
  bool ran = false;
  std::vector<std::string> errors;
  auto body = [&] { ran = true; };
  auto note = [&](std::exception_ptr e, auto...) { errors.push_back(text_in<std::runtime_error>(e)); };
  boost::asio::io_context context(1);
  boost::asio::co_spawn(context, with_cancel_scope(body), note);
  boost::asio::co_spawn(context, move_on_after(1s, body), note);
  boost::asio::co_spawn(context, fail_after(1s, body), note);
  context.run();
  BOOST_TEST(!ran);
  CHECK_TRACE(errors, "with_cancel_scope must be used inside a task", "move_on_after must be used inside a task",
              "fail_after must be used inside a task");
}

BOOST_AUTO_TEST_CASE(scope_in_a_coroutine_that_a_task_has_started_without_a_task_is_refused) {
  std::vector<std::string> errors;
  testing::run_virtual([&]() -> awaitable<void> {
    auto body = []() -> awaitable<void> { co_await sleep(1s); };
    auto note = [&](std::exception_ptr e, auto...) { errors.push_back(text_in<std::runtime_error>(e)); };
    boost::asio::co_spawn(get_running_loop().get_executor(), with_cancel_scope(body), note);
    boost::asio::co_spawn(co_await boost::asio::this_coro::executor, fail_after(1s, body), note);
    const bool own = co_await move_on_after(10s, body); // the others have no part in it
    BOOST_TEST(own);
  });
  const std::string rest =
      " must be used inside a task; this coroutine was started inside of task 'main' with co_spawn "
      "or a || b, and is none itself: use create_task, join or race";
  CHECK_TRACE(errors, "with_cancel_scope" + rest, "fail_after" + rest);
}
