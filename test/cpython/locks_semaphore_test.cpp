// After CPython's test_locks: SemaphoreTests.
// SPDX-License-Identifier: BSL-1.0
#include "../support/expect.hpp"
#include "../support/trace.hpp"
#include "locks.hpp"

#include <rondo/event_loop.hpp>
#include <rondo/gather.hpp>
#include <rondo/semaphore.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/task_group.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/timeout.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using boost::test_tools::per_element;
using cpython::acquire_and_note;
using cpython::numbers;
using support::contains;
using support::thrown;
using testing::passes;

BOOST_AUTO_TEST_CASE(test_initial_value_zero) {
  const semaphore s(0);
  BOOST_TEST(s.locked());
}

BOOST_AUTO_TEST_CASE(test_semaphore_value) {
  BOOST_TEST(contains(thrown<std::invalid_argument>([] { semaphore s(-1); }), "Semaphore initial value must be >= 0"));
}

BOOST_AUTO_TEST_CASE(SemaphoreTests_test_acquire) {
  testing::run_virtual([]() -> awaitable<void> {
    semaphore s(3);
    numbers result;
    co_await s.acquire();
    co_await s.acquire();
    BOOST_TEST(!s.locked());
    const auto t1 = create_task(acquire_and_note(s, result, 1));
    const auto t2 = create_task(acquire_and_note(s, result, 2));
    const auto t3 = create_task(acquire_and_note(s, result, 3));
    co_await passes(1);
    BOOST_TEST(result == (numbers{1}), per_element());
    BOOST_TEST(s.locked());
    BOOST_TEST(s.statistics().waiters == 2U);
    BOOST_TEST(s.value() == 0);

    const auto t4 = create_task(acquire_and_note(s, result, 4));
    s.release();
    s.release();
    BOOST_TEST(s.value() == 0);
    co_await passes(1);
    BOOST_TEST(s.value() == 0);
    BOOST_TEST(result.size() == 3U);
    BOOST_TEST(s.locked());
    BOOST_TEST(s.statistics().waiters == 1U);

    BOOST_REQUIRE(t1.done());
    BOOST_TEST(t1.result());
    const std::vector<task<bool>> others{t2, t3, t4};
    BOOST_TEST(std::ranges::count_if(others, [](const task<bool>& t) { return t.done() && t.result(); }) == 2);

    s.release();
    co_await gather(others);
  });
}

BOOST_AUTO_TEST_CASE(SemaphoreTests_test_acquire_cancel) {
  testing::run_virtual([]() -> awaitable<void> {
    semaphore s;
    co_await s.acquire();
    const auto t = create_task(s.acquire());
    get_running_loop().call_soon([t] { t.cancel(); });
    const auto end = co_await settle(t);
    BOOST_TEST(end.cancelled());
    BOOST_TEST(s.statistics().waiters == 0U);
  });
}

BOOST_AUTO_TEST_CASE(test_acquire_cancel_before_awoken) {
  testing::run_virtual([]() -> awaitable<void> {
    semaphore s(0);
    const auto t1 = create_task(s.acquire());
    const auto t2 = create_task(s.acquire());
    const auto t3 = create_task(s.acquire());
    const auto t4 = create_task(s.acquire());
    co_await passes(1);

    t1.cancel();
    t2.cancel();
    s.release();
    co_await passes(2);
    BOOST_TEST(t3.done());
    BOOST_TEST(!t4.done());

    t4.cancel();
    co_await passes(1);
    BOOST_TEST(t4.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(test_acquire_hang) {
  testing::run_virtual([]() -> awaitable<void> {
    semaphore s(0);
    const auto t1 = create_task(s.acquire());
    const auto t2 = create_task(s.acquire());
    co_await passes(1);

    t1.cancel();
    s.release();
    co_await passes(2);
    BOOST_TEST(s.locked());
    BOOST_TEST(t2.done());
  });
}

BOOST_AUTO_TEST_CASE(test_acquire_no_hang) {
  testing::run_virtual([]() -> awaitable<void> {
    semaphore s(1);
    task<> t2;
    const auto first = [&]() -> awaitable<void> {
      {
        const auto permit = co_await s.scoped();
        co_await passes(1);
      }
      t2.cancel();
    };
    const auto second = [&]() -> awaitable<void> {
      const auto permit = co_await s.scoped();
      BOOST_ERROR("it was cancelled when it got the permit");
    };
    const auto t1 = create_task(first);
    t2 = create_task(second);
    const auto [r1, r2] = co_await gather_settled(t1, t2);
    BOOST_TEST(r1.has_value());
    BOOST_TEST(r2.cancelled());

    co_await wait_for(s.acquire(), 1s);
    BOOST_TEST(s.locked());
  });
}

BOOST_AUTO_TEST_CASE(SemaphoreTests_test_release_not_acquired) {
  bounded_semaphore s;
  BOOST_TEST(contains(thrown<std::invalid_argument>([&] { s.release(); }), "BoundedSemaphore released too many times"));
}

BOOST_AUTO_TEST_CASE(SemaphoreTests_test_release_no_waiters) {
  testing::run_virtual([]() -> awaitable<void> {
    semaphore s;
    co_await s.acquire();
    BOOST_TEST(s.locked());
    s.release();
    BOOST_TEST(!s.locked());
  });
}

BOOST_AUTO_TEST_CASE(test_acquire_fifo_order) {
  testing::run_virtual([]() -> awaitable<void> {
    semaphore s(1);
    support::trace result;
    const auto use_twice = [&](std::string tag) -> awaitable<void> {
      for (const char* time : {"_1", "_2"}) {
        co_await s.acquire();
        result.push_back(tag + time);
        co_await sleep(10ms);
        s.release();
      }
    };
    co_await with_task_group([&](task_group& group) {
      group.create_task(use_twice("c1"));
      group.create_task(use_twice("c2"));
      group.create_task(use_twice("c3"));
    });
    CHECK_TRACE(result, "c1_1", "c2_1", "c3_1", "c1_2", "c2_2", "c3_2");
  });
}

BOOST_AUTO_TEST_CASE(test_acquire_fifo_order_2) {
  testing::run_virtual([]() -> awaitable<void> {
    semaphore s(1);
    numbers result;
    const auto twice = [&]() -> awaitable<bool> {
      co_await s.acquire();
      result.push_back(2);
      s.release();
      co_await s.acquire();
      result.push_back(4);
      co_return true;
    };
    const auto t1 = create_task(acquire_and_note(s, result, 1));
    const auto t2 = create_task(twice);
    const auto t3 = create_task(acquire_and_note(s, result, 3));
    co_await passes(1);
    s.release();
    s.release();
    co_await gather(t1, t2, t3);
    BOOST_TEST(result == (numbers{1, 2, 3, 4}), per_element());
  });
}

BOOST_AUTO_TEST_CASE(test_acquire_fifo_order_3) {
  testing::run_virtual([]() -> awaitable<void> {
    semaphore s(0);
    numbers result;
    const auto t1 = create_task(acquire_and_note(s, result, 1));
    const auto t2 = create_task(acquire_and_note(s, result, 2));
    const auto t3 = create_task(acquire_and_note(s, result, 3));
    co_await passes(1);
    t1.cancel();
    co_await passes(1);
    s.release();
    s.release();
    co_await gather_settled(t1, t2, t3);
    BOOST_TEST(result == (numbers{2, 3}), per_element());
  });
}

// One who gets a permit wakes as many more of the line as there are permits.
BOOST_AUTO_TEST_CASE(test_acquire_fifo_order_4) {
  testing::run_virtual([]() -> awaitable<void> {
    semaphore s(0);
    numbers result;
    task<> t4;
    const auto fourth = [&]() -> awaitable<void> {
      result.push_back(4);
      co_return;
    };
    const auto first = [&]() -> awaitable<void> {
      BOOST_TEST(s.value() == 0);
      co_await s.acquire();
      BOOST_TEST(s.value() == 0); // all are awake
      t4 = create_task(fourth);   // comes after the third
      result.push_back(1);
    };
    const auto second = [&]() -> awaitable<void> {
      for (int i = 0; i < 3; ++i)
        s.release();
      BOOST_TEST(s.value() == 2);
      BOOST_TEST(s.locked()); // the first has not run yet
      co_await s.acquire();
      result.push_back(2);
    };
    const auto third = [&]() -> awaitable<void> {
      co_await s.acquire();
      BOOST_TEST(s.locked());
      result.push_back(3);
    };
    const auto t1 = create_task(first);
    const auto t2 = create_task(second);
    const auto t3 = create_task(third);
    co_await passes(1);
    BOOST_TEST(s.value() == 2);
    BOOST_TEST(s.statistics().waiters == 3U);
    co_await passes(1);
    BOOST_REQUIRE(bool(t4));
    co_await gather(t1, t2, t3, t4);
    BOOST_TEST(result == (numbers{1, 2, 3, 4}), per_element());
  });
}
