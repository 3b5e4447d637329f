// After CPython's test_locks: what of ConditionTests cancels tasks that wait.
// SPDX-License-Identifier: BSL-1.0
#include "../support/trace.hpp"
#include "locks.hpp"

#include <rondo/condition.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/timeout.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>

using namespace rondo;
using namespace std::chrono_literals;
using support::message_of;
using testing::passes;

namespace {

/// Takes items until their number is negative.
awaitable<void> consume(condition& c, int& items) {
  const auto guard = co_await c.scoped();
  for (;;) {
    co_await c.wait_for([&] { return items != 0; });
    if (items < 0) co_return;
    --items;
  }
}

/// Waits 10 ms for the items to be taken.
awaitable<void> wait_until_taken(condition& c, int& items) {
  try {
    co_await with_timeout(10ms, [&]() -> awaitable<void> { co_await c.wait_for([&] { return items == 0; }); });
  } catch (const timeout_error&) {
  }
}

/// Waits for ever, and keeps the exception with which that ends.
awaitable<void> wait_and_keep_error(condition& c, const bool& wake, std::exception_ptr& raised) {
  const auto guard = co_await c.scoped();
  try {
    co_await c.wait_for([&] { return wake; });
  } catch (const cancelled_error&) {
    raised = std::current_exception();
    throw;
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(ConditionTests_test_wait_cancel) {
  testing::run_virtual([]() -> awaitable<void> {
    condition c;
    co_await c.acquire();
    const auto t = create_task(c.wait());
    get_running_loop().call_soon([t] { t.cancel(); });
    const auto end = co_await settle(t);
    BOOST_TEST(end.cancelled());
    BOOST_TEST(c.statistics().waiters == 0U);
    BOOST_TEST(c.locked());
  });
}

BOOST_AUTO_TEST_CASE(test_wait_cancel_contested) {
  testing::run_virtual([]() -> awaitable<void> {
    condition c;
    co_await c.acquire();
    BOOST_TEST(c.locked());
    const auto t = create_task(c.wait());
    co_await passes(1);
    BOOST_TEST(!c.locked());

    co_await c.acquire(); // so that the task has to wait for it when it is notified
    BOOST_TEST(c.locked());
    c.notify();
    get_running_loop().call_soon([t] { t.cancel(); });
    get_running_loop().call_soon([&] { c.release(); });
    co_await settle(t);
    BOOST_TEST(c.locked());
  });
}

BOOST_AUTO_TEST_CASE(test_wait_cancel_after_notify) {
  testing::run_virtual([]() -> awaitable<void> {
    condition c;
    bool waited = false;
    const auto waiter = [&]() -> awaitable<void> {
      const auto guard = co_await c.scoped();
      waited = true;
      co_await c.wait();
    };
    const auto t = create_task(waiter);
    co_await passes(1);
    co_await c.acquire();
    c.notify();
    co_await passes(1); // it waits for the lock
    t.cancel();
    co_await passes(1);
    c.release();
    co_await passes(1);
    BOOST_TEST(t.cancelled());
    BOOST_TEST(waited);
  });
}

BOOST_AUTO_TEST_CASE(test_cancelled_error_wakeup) {
  testing::run_virtual([]() -> awaitable<void> {
    condition c;
    const bool wake = false;
    std::exception_ptr raised;
    const auto t = create_task(wait_and_keep_error(c, wake, raised));
    co_await passes(1);
    t.cancel("foo");
    const auto end = co_await settle(t);
    BOOST_TEST(message_of(end) == "foo");
    BOOST_CHECK(end.error() == raised);
  });
}

BOOST_AUTO_TEST_CASE(test_cancelled_error_re_aquire) {
  testing::run_virtual([]() -> awaitable<void> {
    condition c;
    bool wake = false;
    std::exception_ptr raised;
    const auto t = create_task(wait_and_keep_error(c, wake, raised));
    co_await passes(1);
    co_await c.acquire();
    wake = true;
    c.notify();
    co_await passes(1); // it waits for the lock
    t.cancel("foo");
    c.release();
    const auto end = co_await settle(t);
    BOOST_TEST(message_of(end) == "foo");
    BOOST_CHECK(end.error() == raised);
  });
}

// A task that was notified is cancelled before it has run: another one gets the notification.
BOOST_AUTO_TEST_CASE(test_cancelled_wakeup) {
  testing::run_virtual([]() -> awaitable<void> {
    condition c;
    int items = 0;
    const auto first = create_task(consume(c, items));
    const auto second = create_task(consume(c, items));
    co_await passes(1);
    {
      const auto guard = co_await c.scoped();
      ++items;
      c.notify(1);
      first.cancel();
      co_await wait_until_taken(c, items);
      BOOST_TEST(items == 0);
      items = -1;
      c.notify_all();
    }
    co_await second.get();
    BOOST_TEST(first.cancelled());
  });
}

// The same when it waits for the lock already.
BOOST_AUTO_TEST_CASE(test_cancelled_wakeup_relock) {
  testing::run_virtual([]() -> awaitable<void> {
    condition c;
    int items = 0;
    const auto first = create_task(consume(c, items));
    const auto second = create_task(consume(c, items));
    co_await passes(1);
    {
      const auto guard = co_await c.scoped();
      ++items;
      c.notify(1);
      co_await passes(1);
      first.cancel();
      co_await wait_until_taken(c, items);
      BOOST_TEST(items == 0);
      items = -1;
      c.notify_all();
    }
    co_await second.get();
    BOOST_TEST(first.cancelled());
  });
}
