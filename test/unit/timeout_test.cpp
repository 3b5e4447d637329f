// with_timeout, with_timeout_at, timeout_scope: the rules T1 to T9, and the traps of asyncio's timeouts.
// Trap 46, a yield inside a timeout, cannot happen: a body is a function, and a generator's body ends within it.
// SPDX-License-Identifier: BSL-1.0
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
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::thrown;
using support::trace;

namespace {

/// How a wait ended, in asyncio's words.
std::string name_of(const std::exception_ptr& error) {
  if (!error) return "value";
  try {
    std::rethrow_exception(error);
  } catch (const cancelled_error&) {
    return "CancelledError";
  } catch (const timeout_error&) {
    return "TimeoutError";
  } catch (const std::runtime_error& e) {
    return e.what();
  }
}

/// The error with which `wait` ends, also if that is a cancellation of the task itself.
awaitable<std::exception_ptr> error_of(awaitable<void> wait) {
  try {
    co_await std::move(wait);
  } catch (...) {
    co_return std::current_exception();
  }
  co_return nullptr;
}

awaitable<std::string> end_of(awaitable<void> wait) {
  std::exception_ptr error = co_await error_of(std::move(wait));
  co_return name_of(error);
}

awaitable<void> for_ever() { co_await sleep(std::nullopt); }

/// Waits for ever and returns when it is cancelled.
awaitable<void> swallow() { co_await end_of(for_ever()); }

/// Counts the passes of the loop.
class ticker {
public:
  ticker() { again(); }
  ticker(const ticker&) = delete;
  ticker& operator=(const ticker&) = delete;
  ~ticker() { next_.cancel(); }

  int now() const noexcept { return count_; }

private:
  void again() {
    next_ = loop_.call_soon([this] {
      ++count_;
      again();
    });
  }

  event_loop loop_ = get_running_loop();
  callback_handle next_;
  int count_ = 0;
};

} // namespace

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

BOOST_AUTO_TEST_CASE(T2_trap40_a_current_task_is_needed) {
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

BOOST_AUTO_TEST_CASE(T4_every_kind_of_cancellation_is_replaced) {
  struct own_cancellation : cancelled_error {}; // trap 41: derived classes count
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

BOOST_AUTO_TEST_CASE(T5_trap45_a_swallowed_cancel_gives_the_value_and_no_timeout) {
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

BOOST_AUTO_TEST_CASE(T6_trap37_of_three_cancels_the_one_from_outside_remains) {
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

BOOST_AUTO_TEST_CASE(trap44_timeout_of_zero_swallows_a_cancel_requested_before_as_cpython_3_14) {
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

// --- T7 --------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(T7_trap30_another_exception_passes_unchanged_and_the_count_is_balanced) {
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

BOOST_AUTO_TEST_CASE(T8_trap42_a_timeout_in_the_clean_up_of_a_cancelled_task_works) {
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

// --- T9 --------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(T9_reschedule_moves_the_deadline) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto start = clock::now();
    const auto since = [&] { return std::chrono::duration_cast<std::chrono::seconds>(clock::now() - start).count(); };
    const auto later = [&](timeout_scope& s) -> awaitable<void> {
      s.reschedule(*s.when() + 4s);
      co_await for_ever();
    };
    auto r = co_await end_of(with_timeout(1s, later));
    BOOST_TEST(r == "TimeoutError");
    BOOST_TEST(since() == 5);
    const auto earlier = [&](timeout_scope& s) -> awaitable<void> {
      s.reschedule(clock::now() + 1s);
      co_await for_ever();
    };
    r = co_await end_of(with_timeout(1h, earlier));
    BOOST_TEST(r == "TimeoutError");
    BOOST_TEST(since() == 6);
    const auto from_none = [&](timeout_scope& s) -> awaitable<void> {
      BOOST_TEST(!s.when().has_value());
      co_await sleep(1s);
      s.reschedule(clock::now() + 1s);
      co_await for_ever();
    };
    r = co_await end_of(with_timeout(std::nullopt, from_none));
    BOOST_TEST(r == "TimeoutError");
    BOOST_TEST(since() == 8);
    const auto to_none = [&](timeout_scope& s) -> awaitable<void> {
      s.reschedule(std::nullopt);
      co_await sleep(2s);
    };
    r = co_await end_of(with_timeout_at(clock::now() + 1s, to_none));
    BOOST_TEST(r == "value");
    BOOST_TEST(since() == 10);
  });
}

BOOST_AUTO_TEST_CASE(T9_reschedule_to_none_or_later_stops_a_turn_that_is_due) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto body = [](timeout_scope& s) -> awaitable<void> {
      s.reschedule(std::nullopt); // past deadlines are callbacks in the ready queue
      co_await testing::passes(3);
      s.reschedule(clock::now() - 1s);
      s.reschedule(clock::now() + 1h);
      co_await testing::passes(3);
    };
    auto r = co_await end_of(with_timeout(0s, body));
    BOOST_TEST(r == "value");
  });
}

BOOST_AUTO_TEST_CASE(T9_reschedule_to_the_past_ends_the_block_in_the_next_pass) {
  testing::run_virtual([]() -> awaitable<void> {
    ticker tick;
    int start = 0;
    const auto body = [&](timeout_scope& s) -> awaitable<void> {
      co_await testing::passes(2);
      s.reschedule(clock::now() - 1s);
      BOOST_TEST(!s.expired());
      start = tick.now();
      co_await for_ever();
    };
    auto r = co_await end_of(with_timeout(10s, body));
    BOOST_TEST(r == "TimeoutError");
    BOOST_TEST(tick.now() - start == 2);
  });
}

BOOST_AUTO_TEST_CASE(T9_another_task_or_a_callback_may_reschedule) {
  testing::run_virtual([]() -> awaitable<void> {
    timeout_scope s;
    const auto body = [&](timeout_scope own) -> awaitable<void> {
      s = own;
      co_await for_ever();
    };
    auto t = create_task(with_timeout(std::nullopt, body));
    co_await sleep(0s);
    s.reschedule(clock::now() + 2s);
    get_running_loop().call_later(1s, [&] { s.reschedule(clock::now()); });
    auto r = co_await settle(t);
    BOOST_TEST(r.error_as<timeout_error>() != nullptr);
    BOOST_TEST((clock::now() == clock::time_point(1s)));
  });
}

// --- hops and times --------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(hops_trap43_a_limit_of_zero_or_less_ends_a_sleep_after_2_a_yield_after_1_and_else_nothing) {
  testing::run_virtual([]() -> awaitable<void> {
    ticker tick;
    co_await sleep(0s);
    const auto yields = [] { return sleep(0s); };
    const auto does_not_wait = []() -> awaitable<void> { co_return; };
    for (const time_limit limit : {time_limit(0s), time_limit(-1s), time_limit(clock::duration::min())}) {
      int start = tick.now();
      auto a = co_await end_of(with_timeout(limit, for_ever));
      BOOST_TEST(tick.now() - start == 2);
      start = tick.now();
      auto b = co_await end_of(with_timeout(limit, yields));
      BOOST_TEST(tick.now() - start == 1);
      start = tick.now();
      auto c = co_await end_of(with_timeout(limit, does_not_wait));
      BOOST_TEST(tick.now() - start == 0);
      CHECK_TRACE((trace{a, b, c}), "TimeoutError", "TimeoutError", "value");
    }
    int start = tick.now();
    auto d = co_await end_of(with_timeout_at(clock::now(), for_ever));
    BOOST_TEST(tick.now() - start == 2);
    BOOST_TEST(d == "TimeoutError");
    start = tick.now();
    co_await with_timeout(1s, does_not_wait);
    BOOST_TEST(tick.now() - start == 0);
  });
}

BOOST_AUTO_TEST_CASE(trap47_deadlines_are_exact_whatever_the_clock_says) {
  testing::run_virtual([]() -> awaitable<void> {
    testing::advance(24h * 365 * 100); // a float would count in microseconds here
    ticker tick;
    co_await sleep(0s);
    const auto start = clock::now();
    const int pass = tick.now();
    auto wait = end_of(with_timeout_at(start + 1ns, for_ever));
    testing::advance(1ns);
    auto r = co_await std::move(wait);
    BOOST_TEST(r == "TimeoutError");
    BOOST_TEST((clock::now() == start + 1ns));
    BOOST_TEST(tick.now() - pass == 2);
  });
}

BOOST_AUTO_TEST_CASE(a_limit_beyond_all_time_never_ends) {
  testing::run_virtual([]() -> awaitable<void> {
    testing::advance(1s);
    const auto body = [](timeout_scope& s) -> awaitable<int> {
      BOOST_TEST((s.when() == clock::time_point::max()));
      co_await sleep(1h);
      co_return 1;
    };
    int v = co_await with_timeout(clock::duration::max() - 1ns, body);
    BOOST_TEST(v == 1);
  });
}

// --- ends ------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(the_end_of_the_time_opens_a_circle_of_tasks_that_await_each_other) {
  testing::run_virtual([]() -> awaitable<void> {
    task<void> a, b;
    const auto await_a = [&]() -> awaitable<void> { co_await a.get(); };
    const auto await_b = [&]() -> awaitable<void> { co_await with_timeout(1s, [&] { return b.get(); }); };
    a = create_task(await_b);
    b = create_task(await_a);
    auto r = co_await settle(a);
    BOOST_TEST(r.error_as<timeout_error>() != nullptr);
    auto s = co_await settle(b);
    BOOST_TEST(s.error_as<timeout_error>() != nullptr);
  });
}

BOOST_AUTO_TEST_CASE(a_loop_that_ends_in_the_middle_of_a_block_leaves_nothing_behind) {
  timeout_scope waits, aborts, due, unlimited;
  {
    boost::asio::io_context context(1);
    event_loop loop(context.get_executor());
    const auto start = [&](time_limit limit, timeout_scope& out, bool plain) {
      auto body = [&out, plain](timeout_scope own) -> awaitable<void> {
        out = own;
        boost::asio::steady_timer timer(get_running_loop().get_executor(), 1h);
        if (plain) co_await timer.async_wait(boost::asio::deferred);
        co_await for_ever();
      };
      loop.create_task([limit, body]() -> awaitable<void> { co_await with_timeout(limit, body); });
      loop.create_task([limit]() -> awaitable<void> { co_await with_timeout(limit, for_ever); });
    };
    start(1h, waits, false);
    start(1h, aborts, true);
    start(std::nullopt, unlimited, false);
    context.poll();
    loop.call_soon([&] { start(0s, due, false); });
    loop.call_soon([&] { context.stop(); }); // with the turn of the deadline in the ready queue
    context.run();
  }
  for (timeout_scope* s : {&waits, &aborts, &unlimited, &due})
    BOOST_CHECK_THROW(s->reschedule(clock::time_point(1h)), std::runtime_error);
  BOOST_TEST(!waits.expired());
  BOOST_TEST(waits.when().has_value());
}
