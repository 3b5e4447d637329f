// Ports of CPython's test_timeouts.py, TimeoutTests: other exceptions in a block, and blocks and groups in a block.
//
// Where the origin looks at the context of an exception, which C++ does not keep, the port looks at what the exception says.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "errors.hpp"

#include <rondo/event_loop.hpp>
#include <rondo/task.hpp>
#include <rondo/task_group.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/timeout.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <string>

using namespace rondo;
using namespace std::chrono_literals;
using namespace cpython;
using rondo::testing::advance;
using rondo::testing::run_virtual;
using support::contains;
using support::now_is;
using support::text_in;

BOOST_AUTO_TEST_CASE(test_foreign_exception_passed) {
  run_virtual([]() -> awaitable<void> {
    timeout_scope cm;
    auto outcome = co_await settle(with_timeout(10ms, [&](timeout_scope& scope) {
      cm = scope;
      throw key_error();
    }));
    BOOST_TEST(type_of(outcome) == "KeyError");
    BOOST_TEST(!cm.expired());
  });
}

BOOST_AUTO_TEST_CASE(test_timeout_exception_context) {
  run_virtual([]() -> awaitable<void> {
    std::string interrupted;
    auto outcome = co_await settle(with_timeout(10ms, [&]() -> awaitable<void> {
      std::exception_ptr error;
      try {
        throw zero_division_error();
      } catch (const zero_division_error&) {
        error = std::current_exception();
      }
      try {
        co_await sleep(1s);
      } catch (...) {
        interrupted = type_of(std::current_exception());
        throw;
      }
      std::rethrow_exception(error);
    }));
    BOOST_TEST(type_of(outcome) == "TimeoutError");
    BOOST_TEST(interrupted == "CancelledError");
    BOOST_TEST(contains(text_in<timeout_error>(outcome.error()), "with_timeout: the time limit of 0.010 s ran out"));
  });
}

BOOST_AUTO_TEST_CASE(test_foreign_exception_on_timeout) {
  run_virtual([]() -> awaitable<void> {
    auto outcome = co_await settle(with_timeout(10ms, [] { return sleep_finally_raise<zero_division_error>(1s); }));
    BOOST_TEST(type_of(outcome) == "ZeroDivisionError");
    BOOST_TEST(now_is(10ms));
    BOOST_TEST(current_task().cancelling() == 0);
  });
}

BOOST_AUTO_TEST_CASE(test_foreign_exception_on_timeout_2) {
  run_virtual([]() -> awaitable<void> {
    std::string interrupted;
    auto outcome = co_await settle(with_timeout(10ms, [&]() -> awaitable<void> {
      std::exception_ptr error;
      try {
        throw value_error();
      } catch (const value_error&) {
        error = std::current_exception();
      }
      try {
        co_await sleep(1s);
      } catch (...) {
        error = std::current_exception();
      }
      interrupted = type_of(error);
      try {
        throw key_error();
      } catch (const key_error&) {
        throw zero_division_error();
      }
    }));
    BOOST_TEST(type_of(outcome) == "ZeroDivisionError");
    BOOST_TEST(interrupted == "CancelledError");
    BOOST_TEST(now_is(10ms));
    BOOST_TEST(current_task().cancelling() == 0);
  });
}

BOOST_AUTO_TEST_CASE(test_nested_timeouts_concurrent) {
  run_virtual([]() -> awaitable<void> {
    timeout_scope inner;
    auto outcome = co_await settle(with_timeout(2ms, [&]() -> awaitable<void> {
      co_await with_timeout(100ms, [&](timeout_scope& scope) -> awaitable<void> {
        inner = scope;
        advance(10ms); // crunches some numbers
        co_await sleep(1s);
      });
    }));
    BOOST_TEST(type_of(outcome) == "TimeoutError");
    BOOST_TEST(!inner.expired());
    BOOST_TEST(now_is(10ms));
  });
}

BOOST_AUTO_TEST_CASE(test_nested_timeouts_loop_busy) {
  // The loop is busy until the outer deadline has passed too, and, as the comment of the origin has it, for less.
  for (const clock::duration busy : {100ms, 50ms})
    run_virtual([&]() -> awaitable<void> {
      const auto t0 = clock::now();
      timeout_scope inner;
      std::string inner_end;
      auto outcome = co_await settle(with_timeout(100ms, [&]() -> awaitable<void> {
        auto inner_outcome = co_await settle(with_timeout(10ms, [&](timeout_scope& scope) -> awaitable<void> {
          inner = scope;
          advance(busy);
          co_await sleep(1s);
        }));
        inner_end = type_of(inner_outcome);
        co_await sleep(10s); // interrupted by the outer block
      }));
      BOOST_TEST(type_of(outcome) == "TimeoutError");
      BOOST_TEST(inner.expired());
      BOOST_TEST(inner_end == (busy < 100ms ? "TimeoutError" : "")); // the outer block's is the one that is thrown
      const auto t1 = clock::now();
      BOOST_TEST((t1 - t0 == 100ms));
    });
}

BOOST_AUTO_TEST_CASE(test_nested_timeout_in_finally) {
  run_virtual([]() -> awaitable<void> {
    std::exception_ptr interrupted, second;
    auto first = co_await settle(with_timeout(10ms, [&]() -> awaitable<void> {
      try {
        co_await sleep(1s);
      } catch (...) {
        interrupted = std::current_exception();
      }
      auto outcome = co_await settle(with_timeout(10ms, [] { return sleep(10s); }));
      second = outcome.error();
      if (interrupted) std::rethrow_exception(interrupted);
    }));
    BOOST_TEST(type_of(first) == "TimeoutError");
    BOOST_TEST(type_of(second) == "TimeoutError");
    BOOST_TEST(type_of(interrupted) == "CancelledError");
    BOOST_TEST((first.error() != second));
    BOOST_TEST(now_is(20ms));
    BOOST_TEST(current_task().cancelling() == 0);
  });
}

BOOST_AUTO_TEST_CASE(test_timeout_taskgroup) {
  run_virtual([]() -> awaitable<void> {
    std::string interrupted;
    const auto group = [&](task_group& g) -> awaitable<void> {
      g.create_task(sleep_finally_raise<zero_division_error>(2s));
      std::exception_ptr error;
      try {
        throw value_error();
      } catch (const value_error&) {
        error = std::current_exception();
      }
      try {
        co_await sleep(1s);
      } catch (...) {
        error = std::current_exception();
      }
      interrupted = type_of(error);
      std::rethrow_exception(error);
    };
    auto outcome = co_await settle(with_timeout(10ms, [&] { return with_task_group(group); }));
    BOOST_TEST(interrupted == "CancelledError");
    BOOST_TEST(error_types(outcome) == "{ZeroDivisionError}");
    BOOST_TEST(members_of(outcome.error()).size() == 1u);
    BOOST_TEST(now_is(10ms));
  });
}
