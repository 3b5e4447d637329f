// Ports of CPython's test_timeouts.py, TimeoutTests: deadlines, how blocks end, cancellations, and moved deadlines.
// SPDX-License-Identifier: BSL-1.0
#include "../support/expect.hpp"
#include "errors.hpp"

#include <rondo/event_loop.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/timeout.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>

using namespace rondo;
using namespace std::chrono_literals;
using namespace cpython;
using rondo::testing::run_virtual;
using support::contains;
using support::text_in;
using support::thrown;

namespace {

clock::time_point loop_time() { return get_running_loop().time(); }

/// A block with a time limit, or a deadline, that sleeps; gives the error with which it ends.
template <class Limit>
awaitable<std::exception_ptr> error_of_sleep(Limit limit, clock::duration d, timeout_scope& cm) {
  const auto body = [&](timeout_scope& scope) -> awaitable<void> {
    cm = scope;
    co_await sleep(d);
  };
  std::exception_ptr error;
  try {
    if constexpr (std::is_same_v<Limit, std::optional<clock::time_point>>)
      co_await with_timeout_at(limit, body);
    else
      co_await with_timeout(limit, body);
  } catch (...) {
    error = std::current_exception();
  }
  co_return error;
}

using deadline = std::optional<clock::time_point>;

/// The error of `reschedule(0.02)`, which is in the past.
std::string error_of_reschedule(const timeout_scope& cm) {
  return thrown<std::runtime_error>([&] { cm.reschedule(clock::time_point(20ms)); });
}

} // namespace

// --- deadlines ---------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(test_timeout_basic) {
  run_virtual([]() -> awaitable<void> {
    timeout_scope cm;
    auto error = co_await error_of_sleep(time_limit(10ms), 10s, cm);
    BOOST_TEST(type_of(error) == "TimeoutError");
    BOOST_TEST(cm.expired());
  });
}

BOOST_AUTO_TEST_CASE(test_timeout_at_basic) {
  run_virtual([]() -> awaitable<void> {
    timeout_scope cm;
    const deadline at = loop_time() + 10ms;
    auto error = co_await error_of_sleep(at, 10s, cm);
    BOOST_TEST(type_of(error) == "TimeoutError");
    BOOST_TEST(cm.expired());
    BOOST_TEST((cm.when() == at));
  });
}

BOOST_AUTO_TEST_CASE(test_nested_timeouts) {
  run_virtual([]() -> awaitable<void> {
    timeout_scope cm1, cm2;
    std::string inner;
    const deadline at = loop_time() + 10ms;
    // Only the outermost block throws timeout_error.
    auto outcome = co_await settle(with_timeout_at(at, [&](timeout_scope& scope) -> awaitable<void> {
      cm1 = scope;
      auto error = co_await error_of_sleep(at, 10s, cm2);
      inner = type_of(error);
      if (error) std::rethrow_exception(error);
    }));
    BOOST_TEST(type_of(outcome) == "TimeoutError");
    BOOST_TEST(inner == "CancelledError");
    BOOST_TEST(cm1.expired());
    BOOST_TEST(cm2.expired());
  });
}

BOOST_AUTO_TEST_CASE(test_waiter_cancelled) {
  run_virtual([]() -> awaitable<void> {
    bool cancelled = false;
    auto outcome = co_await settle(with_timeout(10ms, [&]() -> awaitable<void> {
      try {
        co_await sleep(10s);
      } catch (const cancelled_error&) {
        cancelled = true;
        throw;
      }
    }));
    BOOST_TEST(type_of(outcome) == "TimeoutError");
    BOOST_TEST(cancelled);
  });
}

BOOST_AUTO_TEST_CASE(test_timeout_not_called) {
  run_virtual([]() -> awaitable<void> {
    timeout_scope cm;
    auto error = co_await error_of_sleep(time_limit(10s), 10ms, cm);
    BOOST_TEST(type_of(error) == "none");
    BOOST_TEST(!cm.expired());
    BOOST_TEST((cm.when() > loop_time()));
  });
}

BOOST_AUTO_TEST_CASE(test_timeout_disabled) {
  run_virtual([]() -> awaitable<void> {
    timeout_scope cm;
    auto error = co_await error_of_sleep(time_limit(std::nullopt), 10ms, cm);
    BOOST_TEST(type_of(error) == "none");
    BOOST_TEST(!cm.expired());
    BOOST_TEST(!cm.when().has_value());
  });
}

BOOST_AUTO_TEST_CASE(test_timeout_at_disabled) {
  run_virtual([]() -> awaitable<void> {
    timeout_scope cm;
    auto error = co_await error_of_sleep(deadline(), 10ms, cm);
    BOOST_TEST(type_of(error) == "none");
    BOOST_TEST(!cm.expired());
    BOOST_TEST(!cm.when().has_value());
  });
}

namespace {

awaitable<void> times_out_at_once(clock::duration limit, clock::duration slept) {
  const auto t0 = loop_time();
  timeout_scope cm;
  auto error = co_await error_of_sleep(time_limit(limit), slept, cm);
  const auto t1 = loop_time();
  BOOST_TEST(type_of(error) == "TimeoutError");
  BOOST_TEST(cm.expired());
  BOOST_TEST((limit < 0s ? t0 >= cm.when() : t0 <= cm.when()));
  BOOST_TEST((cm.when() <= t1));
}

} // namespace

BOOST_AUTO_TEST_CASE(test_timeout_zero) {
  run_virtual([] { return times_out_at_once(0s, 10s); });
}

BOOST_AUTO_TEST_CASE(test_timeout_zero_sleep_zero) {
  run_virtual([] { return times_out_at_once(0s, 0s); });
}

BOOST_AUTO_TEST_CASE(test_timeout_in_the_past_sleep_zero) {
  run_virtual([] { return times_out_at_once(-11s, 0s); });
}

// --- cancellations -----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(test_foreign_cancel_doesnt_timeout_if_not_expired) {
  run_virtual([]() -> awaitable<void> {
    timeout_scope cm;
    std::exception_ptr error;
    try {
      co_await with_timeout(10s, [&](timeout_scope& scope) -> awaitable<void> {
        cm = scope;
        current_task().cancel();
        co_await sleep(10s);
      });
    } catch (...) {
      error = std::current_exception();
    }
    BOOST_TEST(type_of(error) == "CancelledError");
    BOOST_TEST(!cm.expired());
  });
}

BOOST_AUTO_TEST_CASE(test_outer_task_is_not_cancelled) {
  run_virtual([]() -> awaitable<void> {
    std::string end;
    const auto outer = [&]() -> awaitable<void> {
      timeout_scope cm;
      auto error = co_await error_of_sleep(time_limit(1ms), 10s, cm);
      end = type_of(error);
    };
    auto t = create_task(outer);
    co_await t.get();
    BOOST_TEST(end == "TimeoutError");
    BOOST_TEST(!t.cancelled());
    BOOST_TEST(t.done());
  });
}

BOOST_AUTO_TEST_CASE(test_timeout_after_cancellation) {
  run_virtual([]() -> awaitable<void> {
    bool cancelled = false;
    current_task().cancel();
    try {
      co_await sleep(1s);
    } catch (const cancelled_error&) {
      cancelled = true;
    }
    BOOST_TEST(cancelled);
    timeout_scope cm;
    auto error = co_await error_of_sleep(time_limit(0s), 1s, cm); // the clean-up
    BOOST_TEST(type_of(error) == "TimeoutError");
  });
}

BOOST_AUTO_TEST_CASE(test_cancel_in_timeout_after_cancellation) {
  run_virtual([]() -> awaitable<void> {
    bool cancelled = false;
    current_task().cancel();
    try {
      co_await sleep(1s);
    } catch (const cancelled_error&) {
      cancelled = true;
    }
    BOOST_TEST(cancelled);
    bool cleaned_up = false;
    std::exception_ptr error;
    try {
      co_await with_timeout(1s, [&]() -> awaitable<void> {
        current_task().cancel();
        co_await sleep(2s);
        cleaned_up = true;
      });
    } catch (...) {
      error = std::current_exception();
    }
    BOOST_TEST(type_of(error) == "CancelledError");
    BOOST_TEST(!cleaned_up);
  });
}

// --- moved deadlines, wrong use ----------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(test_reschedule) {
  run_virtual([]() -> awaitable<void> {
    auto entered = get_running_loop().create_future<timeout_scope>();
    const deadline deadline1 = loop_time() + 10s;
    const deadline deadline2 = *deadline1 + 20s;
    const auto f = [&]() -> awaitable<void> {
      co_await with_timeout_at(deadline1, [&](timeout_scope& scope) -> awaitable<void> {
        entered.set_result(scope);
        co_await sleep(50s);
      });
    };
    auto t = create_task(f);
    auto cm = co_await entered.get();
    BOOST_TEST((cm.when() == deadline1));
    cm.reschedule(deadline2);
    BOOST_TEST((cm.when() == deadline2));
    cm.reschedule(std::nullopt);
    BOOST_TEST(!cm.when().has_value());
    t.cancel();
    auto outcome = co_await settle(t);
    BOOST_TEST(type_of(outcome) == "CancelledError");
    BOOST_TEST(!cm.expired());
  });
}

BOOST_AUTO_TEST_CASE(test_timeout_finished) {
  run_virtual([]() -> awaitable<void> {
    timeout_scope cm;
    co_await with_timeout(10ms, [&](timeout_scope& scope) { cm = scope; });
    BOOST_TEST(contains(error_of_reschedule(cm), "finished"));
  });
}

BOOST_AUTO_TEST_CASE(test_timeout_expired) {
  run_virtual([]() -> awaitable<void> {
    timeout_scope cm;
    auto error = co_await error_of_sleep(time_limit(10ms), 1s, cm);
    BOOST_TEST(type_of(error) == "TimeoutError");
    BOOST_TEST(contains(error_of_reschedule(cm), "expired"));
  });
}

BOOST_AUTO_TEST_CASE(test_timeout_expiring) {
  run_virtual([]() -> awaitable<void> {
    bool cancelled = false;
    std::string refused;
    auto outcome = co_await settle(with_timeout(10ms, [&](timeout_scope& cm) -> awaitable<void> {
      try {
        co_await sleep(1s);
      } catch (const cancelled_error&) {
        cancelled = true;
      }
      refused = error_of_reschedule(cm);
    }));
    BOOST_TEST(cancelled);
    BOOST_TEST(contains(refused, "expiring"));
    BOOST_TEST(type_of(outcome) == "none");
  });
}

BOOST_AUTO_TEST_CASE(test_timeout_not_entered) {
  BOOST_TEST(contains(error_of_reschedule(timeout_scope()), "has not been entered"));
}

BOOST_AUTO_TEST_CASE(test_timeout_without_task) {
  run_virtual([]() -> awaitable<void> {
    timeout_scope cm;
    std::exception_ptr error;
    const auto without_task = [&]() -> awaitable<void> {
      co_await with_timeout(10ms, [&](timeout_scope& scope) { cm = scope; });
    };
    get_running_loop().call_soon([&] {
      boost::asio::co_spawn(get_running_loop().get_executor(), without_task, [&](std::exception_ptr e) { error = e; });
    });
    co_await sleep(1s);
    BOOST_TEST(contains(text_in<std::runtime_error>(error), "task"));
    BOOST_TEST(contains(error_of_reschedule(cm), "has not been entered"));
  });
}
