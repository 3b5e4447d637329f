// Deadlines of cancel scopes; fail_after.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/ends.hpp"
#include "../support/expect.hpp"
#include "../support/scopes.hpp"

#include <rondo/cancel_scope.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>

using namespace rondo;
using namespace std::chrono_literals;
using support::at;
using support::error_of;
using support::for_ever;
using support::text_in;

namespace {

/// Runs a scope and gives the time at which it ended by cancellation; nothing if its body ran to the end.
template <class Body>
awaitable<std::optional<clock::duration>> end_of(time_limit limit, Body body) {
  const bool ended = co_await move_on_after(limit, body);
  if (ended) co_return std::nullopt;
  co_return clock::now().time_since_epoch();
}

template <class Source>
awaitable<std::string> timeout_text(Source source) {
  std::exception_ptr error;
  try {
    co_await std::move(source);
  } catch (...) {
    error = std::current_exception();
  }
  co_return text_in<timeout_error>(error);
}

} // namespace

BOOST_AUTO_TEST_CASE(deadline_cancels_the_scope) {
  testing::run_virtual([]() -> awaitable<void> {
    cancel_scope kept;
    auto body = [&](cancel_scope& scope) -> awaitable<std::string> {
      kept = scope;
      BOOST_TEST((scope.deadline() == at(2s)));
      co_return co_await error_of(for_ever());
    };
    const auto message = co_await move_on_after(2s, body);
    BOOST_TEST(message.value() == "cancelled the deadline of the scope has passed");
    BOOST_TEST((clock::now() == at(2s)));
    BOOST_TEST(kept.cancel_called());
    BOOST_TEST(!kept.cancelled_caught());

    co_await with_cancel_scope(cancel_scope_options().deadline(at(5s)), [&](cancel_scope& scope) -> awaitable<void> {
      kept = scope;
      co_await for_ever();
    });
    BOOST_TEST((clock::now() == at(5s)));
    BOOST_TEST(kept.cancelled_caught());
  });
}

BOOST_AUTO_TEST_CASE(time_begins_when_the_block_is_entered) {
  testing::run_virtual([]() -> awaitable<void> {
    auto later = move_on_after(2s, &for_ever);
    co_await sleep(10s);
    co_await std::move(later);
    BOOST_TEST((clock::now() == at(12s)));
  });
}

BOOST_AUTO_TEST_CASE(body_that_ends_in_time_leaves_no_timer) {
  testing::run_virtual([]() -> awaitable<void> {
    const bool ended = co_await move_on_after(2s, []() -> awaitable<void> { co_await sleep(1s); });
    BOOST_TEST(ended);
    BOOST_TEST((clock::now() == at(1s)));
    co_await sleep(10s);
    BOOST_TEST((clock::now() == at(11s)));
  });
}

BOOST_AUTO_TEST_CASE(deadline_wins_over_a_sleep_of_the_same_time_that_was_armed_later) {
  testing::run_virtual([]() -> awaitable<void> {
    const bool ended = co_await move_on_after(1s, []() -> awaitable<void> { co_await sleep(1s); });
    BOOST_TEST(!ended);
  });
}

BOOST_AUTO_TEST_CASE(deadline_can_be_moved) {
  testing::run_virtual([]() -> awaitable<void> {
    auto move_to = [](std::optional<clock::time_point> d) {
      return [d](cancel_scope& scope) -> awaitable<void> {
        co_await sleep(1s);
        scope.deadline(d);
        BOOST_TEST((scope.deadline() == d));
        co_await sleep(100s);
      };
    };
    auto earlier = co_await end_of(10s, move_to(at(3s)));
    BOOST_TEST((earlier == 3s));
    auto later = co_await end_of(10s, move_to(at(50s)));
    BOOST_TEST((later == 50s));
    auto never = co_await end_of(10s, move_to(std::nullopt));
    BOOST_TEST(!never);
    const auto start = clock::now().time_since_epoch();
    auto past = co_await end_of(10s, move_to(at(1s)));
    BOOST_TEST((past == start + 1s));
    auto from_none = co_await end_of(std::nullopt, move_to(at(start + 10s)));
    BOOST_TEST((from_none == start + 10s));
  });
}

BOOST_AUTO_TEST_CASE(deadline_can_be_moved_by_others_while_the_body_waits) {
  testing::run_virtual([]() -> awaitable<void> {
    cancel_scope shared;
    get_running_loop().call_later(1s, [&] { shared.deadline(at(4s)); });
    get_running_loop().call_later(3s, [&] { shared.deadline(at(6s)); });
    get_running_loop().call_later(5s, [&] { shared.deadline(clock::now()); }); // now is late enough
    auto end = co_await end_of(2s, [&](cancel_scope& scope) -> awaitable<void> {
      shared = scope;
      co_await for_ever();
    });
    BOOST_TEST((end == 5s));
    BOOST_TEST(shared.cancelled_caught());
  });
}

BOOST_AUTO_TEST_CASE(deadline_that_is_due_can_still_be_moved_in_the_same_pass) {
  testing::run_virtual([]() -> awaitable<void> {
    cancel_scope shared;
    get_running_loop().call_at(at(2s), [&] { shared.deadline(at(7s)); }); // armed before the scope's timer
    auto end = co_await end_of(2s, [&](cancel_scope& scope) -> awaitable<void> {
      shared = scope;
      co_await for_ever();
    });
    BOOST_TEST((end == 7s));
  });
}

BOOST_AUTO_TEST_CASE(limit_of_zero_or_less_cancels_from_the_start) {
  testing::run_virtual([]() -> awaitable<void> {
    for (time_limit limit : {time_limit(0s), time_limit(-5s), time_limit(clock::duration::min())}) {
      int steps = 0;
      const bool ended = co_await move_on_after(limit, [&](cancel_scope& scope) -> awaitable<void> {
        ++steps;
        BOOST_TEST(scope.cancel_called());
        co_await sleep(0s);
        ++steps;
      });
      BOOST_TEST(!ended);
      BOOST_TEST(steps == 1);
    }
    BOOST_TEST((clock::now() == at(0s)));
    const std::optional<int> without_wait = co_await move_on_after(0s, [] { return 1; });
    BOOST_TEST(without_wait.value() == 1);
  });
}

BOOST_AUTO_TEST_CASE(limits_are_any_durations) {
  testing::run_virtual([]() -> awaitable<void> {
    auto tenth = co_await end_of(0.1s, &for_ever);
    BOOST_TEST((tenth == 100ms));
    auto unlimited = [](cancel_scope& scope) -> awaitable<void> {
      BOOST_TEST(!scope.deadline().has_value());
      co_await sleep(1h);
    };
    const bool without = co_await move_on_after(std::nullopt, unlimited);
    BOOST_TEST(without);
    const bool centuries =
        co_await move_on_after(clock::duration::max() - 1ns, []() -> awaitable<void> { co_await sleep(1h); });
    BOOST_TEST(centuries);
  });
}

BOOST_AUTO_TEST_CASE(body_that_computes_past_its_deadline_is_asked_and_cancelled) {
  testing::run_virtual([]() -> awaitable<void> {
    int steps = 0;
    cancel_scope kept;
    const std::optional<int> value = co_await move_on_after(1s, [&](cancel_scope& scope) {
      kept = scope;
      testing::advance(2s);
      return 3;
    });
    BOOST_TEST(value.value() == 3); // nobody had asked
    BOOST_TEST(!kept.cancel_called());
    BOOST_TEST(!kept.cancelled_caught());
    const bool ended = co_await move_on_after(1s, [&](cancel_scope& scope) -> awaitable<void> {
      testing::advance(2s);
      BOOST_TEST(scope.cancel_called());
      ++steps;
      co_await sleep(0s);
      ++steps;
    });
    BOOST_TEST(!ended);
    BOOST_TEST(steps == 1);
  });
}

BOOST_AUTO_TEST_CASE(fail_after_gives_the_value_or_throws_timeout_error) {
  testing::run_virtual([]() -> awaitable<void> {
    const int value = co_await fail_after(20s, [] { return sleep(10s, 42); });
    BOOST_TEST(value == 42);
    co_await fail_after(20s, []() -> awaitable<void> { co_await sleep(1s); });
    auto late = fail_after(1.5s, &for_ever);
    std::string text = co_await timeout_text(std::move(late));
    BOOST_TEST(text == "fail_after: the time limit of 1.500 s ran out");
    auto never = fail_after(-1s, &for_ever);
    text = co_await timeout_text(std::move(never));
    BOOST_TEST(text == "fail_after: the time was over before it began");
    auto gives_up = [](cancel_scope& scope) -> awaitable<void> {
      scope.cancel("given up");
      co_await for_ever();
    };
    auto cancelled = fail_after(1s, gives_up);
    text = co_await timeout_text(std::move(cancelled));
    BOOST_TEST(text == "fail_after: its scope was cancelled");
    auto moved = [](cancel_scope& scope) -> awaitable<void> {
      scope.deadline(clock::now() + 4s);
      co_await for_ever();
    };
    auto extended = fail_after(1s, moved);
    text = co_await timeout_text(std::move(extended));
    BOOST_TEST(text == "fail_after: the time limit of 4.000 s ran out");
  });
}

BOOST_AUTO_TEST_CASE(fail_after_without_a_limit_and_with_other_errors) {
  testing::run_virtual([]() -> awaitable<void> {
    const int value = co_await fail_after(std::nullopt, [] { return sleep(1h, 1); });
    BOOST_TEST(value == 1);
    auto broken = []() -> awaitable<void> {
      co_await error_of(for_ever());
      throw std::runtime_error("broken");
    };
    std::string text = co_await error_of(fail_after(1s, broken));
    BOOST_TEST(text == "broken");
    auto still_there = []() -> awaitable<int> {
      co_await error_of(for_ever());
      co_return 8;
    };
    const int late_value = co_await fail_after(1s, still_there);
    BOOST_TEST(late_value == 8);
  });
}
