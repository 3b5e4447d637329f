// with_timeout among other cancellations: those from outside (T6), and those of other blocks (T8).
// SPDX-License-Identifier: BSL-1.0
#include "../support/asyncio_words.hpp"
#include "../support/trace.hpp"

#include <rondo/event_loop.hpp>
#include <rondo/sleep.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/timeout.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::for_ever;
using support::trace;
using support::asyncio_words::end_of;
using support::asyncio_words::error_of;
using support::asyncio_words::name_of;
using support::asyncio_words::swallow;

// --- T6 --------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(T6_a_cancel_together_with_the_end_of_the_time_wins_in_either_order) {
  testing::run_virtual([]() -> awaitable<void> {
    for (const bool cancel_first : {true, false}) {
      timeout_scope s;
      const auto body = [&](timeout_scope own) -> awaitable<void> {
        s = own;
        co_await for_ever();
      };
      auto t = create_task(with_timeout(1s, body));
      co_await testing::passes(2);
      if (!cancel_first) get_running_loop().call_later(1s, [&] { t.cancel(); });
      testing::advance(1s);
      if (cancel_first) t.cancel();
      co_await settle(t);
      BOOST_TEST(t.cancelled());
      BOOST_TEST(t.cancelling() == 1);
      BOOST_TEST(s.expired() == !cancel_first);
    }
  });
}

BOOST_AUTO_TEST_CASE(T6_trap_37_of_three_cancels_the_one_from_outside_remains) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto group = []() -> awaitable<void> { // as a group that cancels its own task and takes that back
      current_task().cancel();
      co_await swallow();
      current_task().uncancel();
      throw cancelled_error();
    };
    for (const bool from_outside : {false, true}) {
      const auto block = [&]() -> awaitable<std::string> { co_return co_await end_of(with_timeout(0s, group)); };
      auto t = create_task(block);
      co_await sleep(0s);
      if (from_outside) t.cancel();
      auto r = co_await t.get();
      BOOST_TEST(r == (from_outside ? "CancelledError" : "TimeoutError"));
      BOOST_TEST(t.cancelling() == (from_outside ? 1 : 0));
    }
  });
}

BOOST_AUTO_TEST_CASE(T6_trap_44_timeout_of_zero_swallows_a_cancel_requested_before_as_cpython_3_14) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto user = [](time_limit limit) -> awaitable<std::string> {
      current_task().cancel();
      co_return co_await end_of(with_timeout(limit, for_ever));
    };
    auto zero = create_task(user(0s));
    auto r = co_await zero.get();
    BOOST_TEST(r == "TimeoutError");
    BOOST_TEST(zero.cancelling() == 1);
    auto second = create_task(user(1s));
    r = co_await second.get();
    BOOST_TEST(r == "CancelledError");
    BOOST_TEST(second.cancelling() == 1);
  });
}

namespace {

// The user is cancelled in each pass in turn; the words are those of CPython 3.13 for the same program.
awaitable<void> three_yields(trace& log) {
  for (const char* word : {"0", "1", "2"}) {
    co_await sleep(0s);
    log.push_back(word);
  }
}

awaitable<void> three_yields_refused(trace& log) {
  for (const char* word : {"0", "1", "2"}) {
    auto r = co_await end_of(testing::passes(1));
    log.push_back(r == "value" ? word : "x");
  }
}

awaitable<void> cleans_up(trace& log) {
  std::exception_ptr error = co_await error_of(for_ever());
  log.push_back("f");
  co_await sleep(0s);
  log.push_back("g");
  std::rethrow_exception(error);
}

awaitable<void> fails_instead(trace&) {
  co_await swallow();
  throw std::runtime_error("ValueError");
}

awaitable<std::string> cancelled_in_pass(int k, awaitable<void> (*body)(trace&)) {
  trace log;
  timeout_scope s;
  const auto user = [&]() -> awaitable<void> {
    const auto block = [&](timeout_scope own) -> awaitable<void> {
      s = own;
      co_await body(log);
    };
    auto r = co_await end_of(with_timeout(0s, block));
    log.push_back(r);
    log.push_back(s.expired() ? "E" : "-");
    log.push_back(std::to_string(current_task().cancelling()));
    r = co_await end_of(testing::passes(1));
    log.push_back(r == "value" ? "ok" : "later");
  };
  auto t = create_task(user);
  co_await testing::passes(k);
  t.cancel();
  co_await settle(t);
  if (log.empty()) co_return "dead";
  std::string all;
  for (const std::string& word : log)
    all += (all.empty() ? "" : " ") + word;
  co_return all;
}

} // namespace

BOOST_AUTO_TEST_CASE(T6_cancel_in_every_pass) {
  struct row {
    awaitable<void> (*body)(trace&);
    std::vector<std::string> expected; // by the pass of the cancel
  };
  const std::vector<row> rows{
      {three_yields,
       {"dead", "CancelledError E 1 ok", "TimeoutError E 0 later", "TimeoutError E 0 ok", "TimeoutError E 0 ok"}},
      {three_yields_refused,
       {"dead", "x 1 2 value E 1 ok", "x x 2 value E 1 ok", "x 1 x value E 1 ok", "x 1 2 value E 0 later",
        "x 1 2 value E 0 ok"}},
      {cleans_up,
       {"dead", "f g CancelledError E 1 ok", "f g CancelledError E 1 ok", "f CancelledError E 1 ok",
        "f g TimeoutError E 0 later", "f g TimeoutError E 0 ok"}},
      {fails_instead, {"dead", "ValueError E 1 ok", "ValueError E 1 ok", "ValueError E 0 later", "ValueError E 0 ok"}}};
  testing::run_virtual([&]() -> awaitable<void> {
    for (const row& r : rows)
      for (std::size_t k = 0; k < r.expected.size(); ++k) {
        auto actual = co_await cancelled_in_pass(static_cast<int>(k), r.body);
        BOOST_TEST(actual == r.expected[k], "pass " << k << ": " << actual << ", not " << r.expected[k]);
      }
  });
}

// --- T8 --------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(T8_of_nested_blocks_the_outermost_that_is_over_converts) {
  struct row {
    time_limit outer, inner;
    std::vector<std::string> expected; // inner, outer, whether each is expired
  };
  const std::vector<row> rows{{0s, 0s, {"CancelledError", "TimeoutError", "both"}},
                              {1s, 1s, {"CancelledError", "TimeoutError", "both"}},
                              {-1s, 0s, {"CancelledError", "TimeoutError", "both"}},
                              {9s, 1s, {"TimeoutError", "value", "inner"}},
                              {1s, 9s, {"CancelledError", "TimeoutError", "outer"}}};
  testing::run_virtual([&]() -> awaitable<void> {
    for (const row& r : rows) {
      trace log;
      timeout_scope outer, inner;
      const auto inner_body = [&](timeout_scope s) -> awaitable<void> {
        inner = s;
        co_await for_ever();
      };
      const auto outer_body = [&](timeout_scope s) -> awaitable<void> {
        outer = s;
        auto error = co_await error_of(with_timeout(r.inner, inner_body));
        log.push_back(name_of(error));
        if (is_cancellation(error)) std::rethrow_exception(error);
        co_await sleep(1s); // the outer block goes on
      };
      auto end = co_await end_of(with_timeout(r.outer, outer_body));
      log.push_back(end);
      log.push_back(outer.expired() && inner.expired() ? "both" : inner.expired() ? "inner" : "outer");
      BOOST_TEST(log == r.expected, boost::test_tools::per_element());
      BOOST_TEST(current_task().cancelling() == 0);
    }
  });
}

BOOST_AUTO_TEST_CASE(T8_trap_42_a_timeout_in_the_clean_up_of_a_cancelled_task_works) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    const auto user = [&]() -> awaitable<void> {
      auto error = co_await error_of(for_ever());
      auto r = co_await end_of(with_timeout(1s, for_ever));
      log.push_back(r);
      log.push_back(std::to_string(current_task().cancelling()));
      co_await sleep(1s);
      std::rethrow_exception(error);
    };
    auto t = create_task(user);
    co_await sleep(0s);
    t.cancel();
    t.cancel();
    co_await settle(t);
    CHECK_TRACE(log, "TimeoutError", "2");
    BOOST_TEST(t.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(T8_a_plain_operation_that_completes_late_leaves_no_cancel_behind_in_a_clean_up) {
  // The operation has completed when the time ends, so the block gives its value. The cancel that was meant for it must
  // not reach the rest of the clean-up, although the task is still being cancelled.
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    const auto user = [&]() -> awaitable<void> {
      auto error = co_await error_of(for_ever());
      for (int n = 1; n <= 40; ++n) {
        const auto posts = [&]() -> awaitable<void> {
          for (int i = 0; i < n; ++i)
            co_await boost::asio::post(get_running_loop().get_executor(), boost::asio::deferred);
        };
        auto first = co_await end_of(with_timeout(0s, posts));
        auto next = co_await end_of(testing::passes(2));
        BOOST_TEST((first == "value" || first == "TimeoutError"));
        BOOST_TEST(next == "value");
      }
      std::rethrow_exception(error);
    };
    auto t = create_task(user);
    co_await sleep(0s);
    t.cancel();
    co_await settle(t);
    BOOST_TEST(t.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(T6_a_cancel_that_plain_operations_outran_is_not_taken_back_with_the_timeouts_own) {
  testing::run_virtual([]() -> awaitable<void> {
    for (int n = 1; n <= 40; ++n) {
      std::string block, next;
      const auto posts = [&]() -> awaitable<void> {
        for (int i = 0; i < n; ++i)
          co_await boost::asio::post(get_running_loop().get_executor(), boost::asio::deferred);
      };
      const auto user = [&]() -> awaitable<void> {
        auto error = co_await error_of(with_timeout(0s, posts));
        block = is_cancellation(error) ? "cancelled" : name_of(error);
        next = co_await end_of(testing::passes(2));
      };
      auto t = create_task(user);
      co_await sleep(0s);
      t.cancel();
      co_await settle(t);
      BOOST_TEST(t.cancelling() == 1);
      const bool delivered_once = (block == "cancelled") != (next == "CancelledError");
      BOOST_TEST(delivered_once, n << " operations: " << block << ", then " << next);
    }
  });
}
