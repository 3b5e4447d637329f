// with_timeout, with_timeout_at, timeout_scope: the rules T1 to T5 and T7.
// Trap 46, a yield inside a timeout, cannot happen: a body is a function, and a generator's body ends within it.
// SPDX-License-Identifier: BSL-1.0
#include "../support/asyncio_words.hpp"
#include "../support/expect.hpp"
#include "../support/trace.hpp"

#include <rondo/context.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/sleep.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/timeout.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::for_ever;
using support::thrown;
using support::asyncio_words::end_of;
using support::asyncio_words::error_of;
using support::asyncio_words::name_of;
using support::asyncio_words::swallow;

// --- bodies ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(body_gives_its_value) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto with_scope = [](timeout_scope& s) -> awaitable<int> { co_return s.when() ? 1 : 0; };
    const auto with_copy = [](timeout_scope s) -> awaitable<int> { co_return s.when() ? 2 : 0; };
    const auto without = []() -> awaitable<std::unique_ptr<int>> { co_return std::make_unique<int>(4); };
    const auto plain = [](const timeout_scope&) { return std::string("plain"); };
    const auto nothing = [](auto&) {};
    const auto operation = [] { return sleep(1s, 8); };
    int a = co_await with_timeout(5s, with_scope);
    int b = co_await with_timeout(5s, with_copy);
    auto c = co_await with_timeout(5s, without);
    auto d = co_await with_timeout(5s, plain);
    co_await with_timeout(5s, nothing);
    int e = co_await with_timeout(5s, operation);
    BOOST_TEST(a + b + *c + e == 15);
    BOOST_TEST(d == "plain");
  });
}

BOOST_AUTO_TEST_CASE(body_runs_in_the_task_and_the_context_of_the_caller) {
  testing::run_virtual([]() -> awaitable<void> {
    context_var<int> v("v", 0);
    const any_task caller = current_task();
    const auto body = [&]() -> awaitable<void> {
      BOOST_TEST((current_task() == caller));
      v.set(1);
      co_await sleep(1ms);
    };
    co_await with_timeout(1s, body);
    BOOST_TEST(v.get() == 1);
  });
}

BOOST_AUTO_TEST_CASE(body_object_lives_until_its_coroutine_has_ended) {
  testing::run_virtual([]() -> awaitable<void> {
    auto alive = std::make_shared<int>(1);
    const std::weak_ptr<int> seen = alive;
    const auto make = [&] {
      const auto body = [alive]() -> awaitable<int> {
        co_await sleep(1s);
        co_return *alive;
      };
      return with_timeout(5s, body);
    };
    auto wait = make();
    alive.reset();
    int v = co_await std::move(wait);
    BOOST_TEST(v == 1);
    BOOST_TEST(seen.expired());
  });
}

BOOST_AUTO_TEST_CASE(time_begins_when_the_block_is_entered) {
  testing::run_virtual([]() -> awaitable<void> {
    auto wait = with_timeout(5s, [] { return sleep(3s); });
    co_await sleep(4s);
    const auto start = clock::now();
    co_await std::move(wait);
    BOOST_TEST((clock::now() - start == 3s));
  });
}

// --- T1 --------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(T1_reschedule_outside_the_active_state_is_an_error_with_its_name) {
  testing::run_virtual([]() -> awaitable<void> {
    timeout_scope s;
    const auto text = [&] { return thrown<std::runtime_error>([&] { s.reschedule(std::nullopt); }); };
    BOOST_TEST(text() == "Timeout has not been entered");
    BOOST_TEST(!s.when().has_value());
    BOOST_TEST(!s.expired());

    co_await with_timeout(1s, [&](timeout_scope own) { s = own; });
    BOOST_TEST(contains(text(), "Cannot change state of finished Timeout"));
    BOOST_TEST(!s.expired());

    std::string expiring;
    const auto body = [&](timeout_scope& own) -> awaitable<void> {
      s = own;
      co_await swallow();
      expiring = text();
      co_await for_ever();
    };
    auto t = create_task(with_timeout(1s, body));
    co_await sleep(2s);
    BOOST_TEST(contains(expiring, "Cannot change state of expiring Timeout"));
    BOOST_TEST(s.expired());
    t.cancel();
    co_await settle(t);
    BOOST_TEST(contains(text(), "Cannot change state of expired Timeout"));
    BOOST_TEST(contains(text(), "with_timeout"));
  });
}

BOOST_AUTO_TEST_CASE(T1_a_scope_stays_valid_after_its_block_and_its_loop) {
  timeout_scope s;
  testing::run_virtual([&]() -> awaitable<void> {
    const auto body = [&](timeout_scope& own) -> awaitable<void> {
      s = own;
      co_await for_ever();
    };
    co_await end_of(with_timeout(1s, body));
    BOOST_TEST((s.when() == clock::now()));
  });
  BOOST_TEST((s.when() == clock::time_point(1s)));
  BOOST_TEST(s.expired());
  BOOST_CHECK_THROW(s.reschedule(std::nullopt), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(T1_a_body_that_overwrites_its_scope_changes_nothing_else) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto body = [](timeout_scope& own) -> awaitable<void> {
      own = timeout_scope();
      co_await for_ever();
    };
    auto r = co_await end_of(with_timeout(1s, body));
    BOOST_TEST(r == "TimeoutError");
  });
}

// --- T2 --------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(T2_trap_40_a_current_task_is_needed) {
  boost::asio::io_context context;
  auto alive = std::make_shared<int>(1);
  std::string text;
  const auto raw = [&]() -> awaitable<void> {
    auto body = [alive] { BOOST_ERROR("the body ran"); };
    try {
      co_await with_timeout(1s, body);
    } catch (const std::runtime_error& e) {
      text = e.what();
    }
  };
  boost::asio::co_spawn(context, raw, boost::asio::detached);
  context.run();
  BOOST_TEST(text == "with_timeout must be used inside a task");
  BOOST_TEST(alive.use_count() == 1);
}

// --- T3, T4 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(T3_the_end_of_the_time_cancels_the_task_and_the_scope_is_expired_at_once) {
  testing::run_virtual([]() -> awaitable<void> {
    bool cleaned_up = false;
    const auto body = [&](timeout_scope& s) -> awaitable<void> {
      std::exception_ptr error = co_await error_of(for_ever());
      BOOST_TEST(name_of(error) == "CancelledError");
      BOOST_TEST((clock::now() == clock::time_point(2s)));
      BOOST_TEST(s.expired());
      BOOST_TEST(current_task().cancelling() == 1);
      co_await sleep(1s); // clean-up may await
      cleaned_up = true;
      std::rethrow_exception(error);
    };
    auto r = co_await end_of(with_timeout(2s, body));
    BOOST_TEST(r == "TimeoutError");
    BOOST_TEST(cleaned_up);
    BOOST_TEST((clock::now() == clock::time_point(3s)));
    BOOST_TEST(current_task().cancelling() == 0);
    co_await sleep(1s); // nothing is left of the cancellation
  });
}

BOOST_AUTO_TEST_CASE(T3_the_error_says_which_limit_ran_out) {
  testing::run_virtual([]() -> awaitable<void> {
    auto limit = co_await error_of(with_timeout(1500ms, for_ever));
    auto point = co_await error_of(with_timeout_at(clock::now() + 20ms, for_ever));
    auto past = co_await error_of(with_timeout(0s, for_ever));
    BOOST_TEST(support::text_in<timeout_error>(limit) == "with_timeout: the time limit of 1.500 s ran out");
    BOOST_TEST(support::text_in<timeout_error>(point) == "with_timeout_at: the time limit of 0.020 s ran out");
    BOOST_TEST(support::text_in<timeout_error>(past) == "with_timeout: the time was over before it began");
  });
}

BOOST_AUTO_TEST_CASE(T4_trap_41_every_kind_of_cancellation_is_replaced) {
  struct own_cancellation : cancelled_error {};
  testing::run_virtual([]() -> awaitable<void> {
    const auto derived = []() -> awaitable<void> {
      co_await swallow();
      throw own_cancellation();
    };
    const auto aborted = []() -> awaitable<void> {
      co_await swallow();
      throw boost::system::system_error(boost::asio::error::operation_aborted);
    };
    const auto plain = []() -> awaitable<void> {
      boost::asio::steady_timer timer(get_running_loop().get_executor(), 1h);
      co_await timer.async_wait(boost::asio::deferred);
    };
    auto a = co_await end_of(with_timeout(1s, derived));
    auto b = co_await end_of(with_timeout(1s, aborted));
    auto c = co_await end_of(with_timeout(1s, plain));
    BOOST_TEST(a == "TimeoutError");
    BOOST_TEST(b == "TimeoutError");
    BOOST_TEST(c == "TimeoutError");
    BOOST_TEST(current_task().cancelling() == 0);
  });
}

BOOST_AUTO_TEST_CASE(T4_a_cancellation_before_the_end_of_the_time_is_none_of_the_blocks_business) {
  testing::run_virtual([]() -> awaitable<void> {
    timeout_scope s;
    const auto body = [&](timeout_scope own) -> awaitable<void> {
      s = own;
      co_await for_ever();
    };
    auto t = create_task(with_timeout(1s, body));
    co_await sleep(0s);
    t.cancel("why");
    auto r = co_await settle(t);
    BOOST_TEST(support::message_of(r) == "why");
    BOOST_TEST(t.cancelling() == 1);
    BOOST_TEST(!s.expired());
    const auto by_hand = []() -> awaitable<void> {
      throw cancelled_error("by hand");
      co_return;
    };
    auto e = co_await end_of(with_timeout(1s, by_hand));
    BOOST_TEST(e == "CancelledError");
  });
}

// --- T5 --------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(T5_trap_45_a_swallowed_cancel_gives_the_value_and_no_timeout) {
  testing::run_virtual([]() -> awaitable<void> {
    timeout_scope s;
    const auto body = [&](timeout_scope own) -> awaitable<int> {
      s = own;
      co_await swallow();
      co_return 5;
    };
    int v = co_await with_timeout(1s, body);
    BOOST_TEST(v == 5);
    BOOST_TEST(s.expired());
    BOOST_TEST(current_task().cancelling() == 0);
  });
}

// --- T7 --------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(T7_trap_30_another_exception_passes_unchanged_and_the_count_is_balanced) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto mine = std::make_exception_ptr(std::runtime_error("mine"));
    for (const bool late : {false, true}) {
      const auto body = [&]() -> awaitable<void> {
        if (late) co_await swallow();
        std::rethrow_exception(mine);
      };
      auto error = co_await error_of(with_timeout(1s, body));
      BOOST_TEST((error == mine));
      BOOST_TEST(current_task().cancelling() == 0);
    }
  });
}
