// Ports of CPython's test_taskgroups.py, BaseTestTaskGroup: a task with a group that is cancelled from outside.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "taskgroups.hpp"

#include <rondo/event.hpp>
#include <rondo/task_group.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>

using namespace rondo;
using namespace std::chrono_literals;
using namespace cpython;
using support::value_after;

namespace {

/// Cancels a task that runs `runner` after a tenth of a second, and gives what it ends with.
template <class Runner>
awaitable<std::exception_ptr> error_when_cancelled(const Runner& runner) {
  auto r = create_task(runner);
  co_await sleep(100ms);
  BOOST_TEST(!r.done());
  r.cancel();
  auto outcome = co_await settle(r);
  co_return outcome.error();
}

/// Sleeps; a cancellation is counted and thrown on.
awaitable<void> counts_its_cancel(int* num, int amount, time_limit d) {
  try {
    co_await sleep(d);
  } catch (const cancelled_error&) {
    *num += amount;
    throw;
  }
}

void five_that_count(task_group& g, int& num) {
  for (int i = 0; i < 5; ++i)
    g.create_task(counts_its_cancel(&num, 1, 5s));
}

void five_that_fail_in_the_end(task_group& g) {
  for (int i = 0; i < 5; ++i)
    g.create_task(sleep_finally_raise<zero_division_error>(10s));
}

/// A group whose body needs half a second to end after its cancellation, while its task fails.
awaitable<void> fails_while_it_is_cancelled() {
  co_await with_task_group([](task_group& g1) -> awaitable<void> {
    g1.create_task(raise_after<zero_division_error>(300ms));
    std::exception_ptr cancelled;
    try {
      co_await sleep(10s);
    } catch (const cancelled_error&) {
      cancelled = std::current_exception();
    }
    if (!cancelled) co_return;
    co_await sleep(500ms);
    std::rethrow_exception(cancelled);
  });
}

} // namespace

BOOST_AUTO_TEST_CASE(test_cancellation) {
  in_both_modes([]() -> awaitable<void> {
    int num = 0;
    const auto runner = [&]() -> awaitable<void> {
      co_await with_task_group([&](task_group& g) { five_that_count(g, num); });
    };
    auto error = co_await error_when_cancelled(runner);
    BOOST_TEST(type_of(error) == "CancelledError");
    BOOST_TEST(num == 5);
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_07) {
  in_both_modes([]() -> awaitable<void> {
    int num = 0;
    const auto runner = [&]() -> awaitable<void> {
      co_await with_task_group([&](task_group& g) -> awaitable<void> {
        five_that_count(g, num);
        co_await counts_its_cancel(&num, 10, 10s);
      });
    };
    auto error = co_await error_when_cancelled(runner);
    BOOST_TEST(type_of(error) == "CancelledError");
    BOOST_TEST(num == 15);
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_08) {
  in_both_modes([]() -> awaitable<void> {
    const auto runner = []() -> awaitable<void> {
      co_await with_task_group([](task_group& g) -> awaitable<void> {
        five_that_fail_in_the_end(g);
        co_await sleep(10s);
      });
    };
    auto error = co_await error_when_cancelled(runner);
    BOOST_TEST(error_types(error) == "{ZeroDivisionError}");
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_11) {
  in_both_modes([]() -> awaitable<void> {
    const auto runner = []() -> awaitable<void> {
      co_await with_task_group([]() -> awaitable<void> {
        co_await with_task_group([](task_group& g2) -> awaitable<void> {
          five_that_fail_in_the_end(g2);
          co_await sleep(10s);
        });
      });
    };
    auto error = co_await error_when_cancelled(runner);
    BOOST_REQUIRE(error_types(error) == "{ExceptionGroup}");
    BOOST_TEST(error_types(members_of(error).front()) == "{ZeroDivisionError}");
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_12) {
  in_both_modes([]() -> awaitable<void> {
    const auto runner = []() -> awaitable<void> {
      co_await with_task_group([](task_group& g1) -> awaitable<void> {
        g1.create_task(sleep(10s));
        co_await with_task_group([](task_group& g2) -> awaitable<void> {
          five_that_fail_in_the_end(g2);
          co_await sleep(10s);
        });
      });
    };
    auto error = co_await error_when_cancelled(runner);
    BOOST_REQUIRE(error_types(error) == "{ExceptionGroup}");
    BOOST_TEST(error_types(members_of(error).front()) == "{ZeroDivisionError}");
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_15) {
  in_both_modes([]() -> awaitable<void> {
    auto error = co_await error_when_cancelled(fails_while_it_is_cancelled);
    BOOST_TEST(error_types(error) == "{ZeroDivisionError}");
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_16) {
  in_both_modes([]() -> awaitable<void> {
    const auto runner = []() -> awaitable<void> {
      auto t = create_task(fails_while_it_is_cancelled);
      co_await t.get();
    };
    auto error = co_await error_when_cancelled(runner);
    BOOST_TEST(error_types(error) == "{ZeroDivisionError}");
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_17) {
  in_both_modes([]() -> awaitable<void> {
    int num = 0;
    const auto runner = [&]() -> awaitable<void> {
      co_await with_task_group([&] { return counts_its_cancel(&num, 10, 10s); });
    };
    auto error = co_await error_when_cancelled(runner);
    BOOST_TEST(type_of(error) == "CancelledError");
    BOOST_TEST(num == 10);
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_18) {
  in_both_modes([]() -> awaitable<void> {
    int num = 0;
    const auto runner = [&]() -> awaitable<void> {
      co_await with_task_group([&]() -> awaitable<void> {
        try {
          co_await sleep(10s);
        } catch (const cancelled_error&) {
          num += 10;
          throw my_exc(); // not a good idea, but it must work
        }
      });
    };
    auto error = co_await error_when_cancelled(runner);
    BOOST_TEST(error_types(error) == "{MyExc}");
    BOOST_TEST(num == 10);
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_22) {
  in_both_modes([]() -> awaitable<void> {
    const auto runner = []() -> awaitable<void> {
      co_await with_task_group([](task_group& g) {
        g.create_task(value_after(1s, 42));
        g.create_task(value_after(2s, 11));
      });
    };
    auto r = create_task(runner);
    co_await sleep(50ms);
    r.cancel();
    auto outcome = co_await settle(r);
    BOOST_TEST(type_of(outcome) == "CancelledError");
  });
}

BOOST_AUTO_TEST_CASE(test_error_and_cancel) {
  in_both_modes([]() -> awaitable<void> {
    event raised;
    bool after_sleep = false;
    const auto inner = [&]() -> awaitable<void> {
      auto outcome = co_await settle(with_task_group([&](task_group& g) -> awaitable<void> {
        g.create_task([&]() -> awaitable<void> {
          raised.set();
          co_await sleep(0s);
          throw cpython::runtime_error();
        });
        co_await sleep(1s);
        after_sleep = true;
      }));
      BOOST_TEST(error_types(outcome) == "{RuntimeError}");
      BOOST_TEST(current_task().cancelling() == 1);
      co_await sleep(1s);
      after_sleep = true;
    };
    auto t = create_task(inner);
    co_await raised.wait();
    BOOST_TEST(t.cancelling() == 0);
    t.cancel();
    BOOST_TEST(t.cancelling() == 1);
    auto outcome = co_await settle(t);
    BOOST_TEST(type_of(outcome) == "CancelledError");
    BOOST_TEST(t.cancelled());
    BOOST_TEST(!after_sleep);
  });
}
