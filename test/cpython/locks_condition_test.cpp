// After CPython's test_locks: ConditionTests, but for what cancels tasks that wait.
// SPDX-License-Identifier: BSL-1.0
#include "../support/expect.hpp"
#include "locks.hpp"

#include <rondo/condition.hpp>
#include <rondo/lock.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/timeout.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <stdexcept>

using namespace rondo;
using namespace std::chrono_literals;
using boost::test_tools::per_element;
using cpython::numbers;
using cpython::wait_and_note;
using cpython::wait_note_release;
using support::contains;
using support::thrown;
using testing::passes;

BOOST_AUTO_TEST_CASE(ConditionTests_test_wait) {
  testing::run_virtual([]() -> awaitable<void> {
    condition c;
    numbers result;
    const auto t1 = create_task(wait_and_note(c, result, 1));
    const auto t2 = create_task(wait_and_note(c, result, 2));
    const auto t3 = create_task(wait_and_note(c, result, 3));
    co_await passes(1);
    BOOST_TEST(result.empty());
    BOOST_TEST(!c.locked());

    co_await c.acquire();
    c.notify();
    co_await passes(1);
    BOOST_TEST(result.empty());
    BOOST_TEST(c.locked());

    c.release();
    co_await passes(1);
    BOOST_TEST(result == (numbers{1}), per_element());
    BOOST_TEST(c.locked());

    c.notify(2);
    co_await passes(1);
    BOOST_TEST(result == (numbers{1}), per_element());
    BOOST_TEST(c.locked());

    c.release();
    co_await passes(1);
    BOOST_TEST(result == (numbers{1, 2}), per_element());
    BOOST_TEST(c.locked());

    c.release();
    co_await passes(1);
    BOOST_TEST(result == (numbers{1, 2, 3}), per_element());
    BOOST_TEST(c.locked());

    for (const auto& t : {t1, t2, t3}) {
      BOOST_REQUIRE(t.done());
      BOOST_TEST(t.result());
    }
  });
}

BOOST_AUTO_TEST_CASE(test_wait_unacquired) {
  testing::run_virtual([]() -> awaitable<void> {
    condition c;
    const auto end = co_await settle(c.wait());
    BOOST_TEST(support::text_in<std::runtime_error>(end.error()) == "cannot wait on un-acquired lock");
  });
}

BOOST_AUTO_TEST_CASE(test_wait_for) {
  testing::run_virtual([]() -> awaitable<void> {
    condition c;
    bool is_true = false;
    numbers result;
    const auto waiter = [&]() -> awaitable<bool> {
      co_await c.acquire();
      if (co_await c.wait_for([&] { return is_true; })) {
        result.push_back(1);
        c.release();
      }
      co_return true;
    };
    const auto t = create_task(waiter);
    co_await passes(1);
    BOOST_TEST(result.empty());

    co_await c.acquire();
    c.notify();
    c.release();
    co_await passes(1);
    BOOST_TEST(result.empty());

    is_true = true;
    co_await c.acquire();
    c.notify();
    c.release();
    co_await passes(1);
    BOOST_TEST(result == (numbers{1}), per_element());
    BOOST_REQUIRE(t.done());
    BOOST_TEST(t.result());
  });
}

BOOST_AUTO_TEST_CASE(test_wait_for_unacquired) {
  testing::run_virtual([]() -> awaitable<void> {
    condition c;
    int number = 7;
    int* const found = co_await c.wait_for([&] { return &number; }); // true at once; what it returned is the result
    BOOST_TEST(found == &number);

    const auto end = co_await settle(c.wait_for([] { return false; }));
    BOOST_TEST(support::text_in<std::runtime_error>(end.error()) == "cannot wait on un-acquired lock");
  });
}

BOOST_AUTO_TEST_CASE(test_notify) {
  testing::run_virtual([]() -> awaitable<void> {
    condition c;
    numbers result;
    const auto t1 = create_task(wait_note_release(c, result, 1));
    const auto t2 = create_task(wait_note_release(c, result, 2));
    const auto t3 = create_task(wait_note_release(c, result, 3));
    co_await passes(1);
    BOOST_TEST(result.empty());

    co_await c.acquire();
    c.notify(1);
    c.release();
    co_await passes(1);
    BOOST_TEST(result == (numbers{1}), per_element());

    co_await c.acquire();
    c.notify(1);
    c.notify(2048);
    c.release();
    co_await passes(1);
    BOOST_TEST(result == (numbers{1, 2, 3}), per_element());

    for (const auto& t : {t1, t2, t3}) {
      BOOST_REQUIRE(t.done());
      BOOST_TEST(t.result());
    }
  });
}

BOOST_AUTO_TEST_CASE(test_notify_all) {
  testing::run_virtual([]() -> awaitable<void> {
    condition c;
    numbers result;
    const auto t1 = create_task(wait_note_release(c, result, 1));
    const auto t2 = create_task(wait_note_release(c, result, 2));
    co_await passes(1);
    BOOST_TEST(result.empty());

    co_await c.acquire();
    c.notify_all();
    c.release();
    co_await passes(1);
    BOOST_TEST(result == (numbers{1, 2}), per_element());
    for (const auto& t : {t1, t2}) {
      BOOST_REQUIRE(t.done());
      BOOST_TEST(t.result());
    }
  });
}

BOOST_AUTO_TEST_CASE(test_notify_unacquired) {
  condition c;
  BOOST_TEST(thrown<std::runtime_error>([&] { c.notify(); }) == "cannot notify on un-acquired lock");
}

BOOST_AUTO_TEST_CASE(test_notify_all_unacquired) {
  condition c;
  BOOST_TEST(thrown<std::runtime_error>([&] { c.notify_all(); }) == "cannot notify on un-acquired lock");
}

BOOST_AUTO_TEST_CASE(ConditionTests_test_context_manager) {
  testing::run_virtual([]() -> awaitable<void> {
    condition c;
    BOOST_TEST(!c.locked());
    {
      const auto guard = co_await c.scoped();
      BOOST_TEST(c.locked());
    }
    BOOST_TEST(!c.locked());
  });
}

BOOST_AUTO_TEST_CASE(test_explicit_lock) {
  testing::run_virtual([]() -> awaitable<void> {
    lock m;
    condition c(m);
    BOOST_TEST(!m.locked());
    BOOST_TEST(!c.locked());
    {
      const auto guard = co_await c.scoped();
      BOOST_TEST(m.locked());
      BOOST_TEST(c.locked());
    }
    BOOST_TEST(!m.locked());
    BOOST_TEST(!c.locked());
    {
      const auto guard = co_await m.scoped();
      BOOST_TEST(m.locked());
      BOOST_TEST(c.locked());
    }
    BOOST_TEST(!m.locked());
    BOOST_TEST(!c.locked());
  });
}

// A lock or condition belongs to the loop on which somebody waited for it first.
BOOST_AUTO_TEST_CASE(test_ambiguous_loops) {
  lock m;
  lock other;
  condition c(other);
  testing::run_virtual([&]() -> awaitable<void> {
    co_await m.acquire();
    const auto t = create_task(m.acquire());
    const auto waiter = create_task([&]() -> awaitable<void> {
      const auto guard = co_await other.scoped(); // it does not have to wait for this one
      co_await c.wait();
    });
    co_await passes(1);
    m.release();
    co_await t.get();
    m.release();
    BOOST_TEST(other.try_acquire());
    c.notify();
    other.release();
    co_await waiter.get();
  });
  testing::run_virtual([&]() -> awaitable<void> {
    const auto guard = co_await m.scoped(); // free, so the loop does not matter
    condition of_the_lock(m);
    const auto end = co_await settle(of_the_lock.acquire());
    BOOST_TEST(contains(support::text_in<std::runtime_error>(end.error()), "is bound to a different event loop"));
  });
  testing::run_virtual([&]() -> awaitable<void> {
    const auto guard = co_await other.scoped();
    const auto end = co_await settle(c.wait());
    BOOST_TEST(contains(support::text_in<std::runtime_error>(end.error()), "is bound to a different event loop"));
  });
}

BOOST_AUTO_TEST_CASE(test_timeout_in_block) {
  testing::run_virtual([]() -> awaitable<void> {
    condition c;
    const auto guard = co_await c.scoped();
    const auto end = co_await settle(wait_for(c.wait(), 500ms));
    BOOST_TEST(end.error_as<timeout_error>());
    BOOST_TEST(c.locked());
  });
}
