// After CPython's test_locks: LockTests and EventTests.
// SPDX-License-Identifier: BSL-1.0
#include "../support/expect.hpp"
#include "locks.hpp"

#include <rondo/event.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/lock.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <stdexcept>

using namespace rondo;
using boost::test_tools::per_element;
using cpython::acquire_and_note;
using cpython::numbers;
using cpython::wait_and_note;
using support::thrown;
using testing::passes;

// --- LockTests ---------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(LockTests_test_acquire) {
  testing::run_virtual([]() -> awaitable<void> {
    lock m;
    numbers result;
    co_await m.acquire();
    const auto t1 = create_task(acquire_and_note(m, result, 1));
    const auto t2 = create_task(acquire_and_note(m, result, 2));
    co_await passes(1);
    BOOST_TEST(result.empty());

    m.release();
    co_await passes(1);
    BOOST_TEST(result == (numbers{1}), per_element());
    co_await passes(1);
    BOOST_TEST(result == (numbers{1}), per_element());

    const auto t3 = create_task(acquire_and_note(m, result, 3));
    m.release();
    co_await passes(1);
    BOOST_TEST(result == (numbers{1, 2}), per_element());
    m.release();
    co_await passes(1);
    BOOST_TEST(result == (numbers{1, 2, 3}), per_element());

    for (const auto& t : {t1, t2, t3}) {
      BOOST_REQUIRE(t.done());
      BOOST_TEST(t.result());
    }
  });
}

BOOST_AUTO_TEST_CASE(LockTests_test_acquire_cancel) {
  testing::run_virtual([]() -> awaitable<void> {
    lock m;
    co_await m.acquire();
    const auto t = create_task(m.acquire());
    get_running_loop().call_soon([t] { t.cancel(); });
    const auto end = co_await settle(t);
    BOOST_TEST(end.cancelled());
    BOOST_TEST(m.statistics().waiters == 0U);
  });
}

// One who waits is cancelled, but has not left the line yet when the lock is released: the next in line gets it.
BOOST_AUTO_TEST_CASE(test_cancel_race) {
  testing::run_virtual([]() -> awaitable<void> {
    lock m;
    const auto lock_it = [&](future<> blocker) -> awaitable<void> {
      const auto guard = co_await m.scoped();
      if (blocker) co_await blocker.get();
    };
    const auto blocker = get_running_loop().create_future();
    const auto a = create_task(lock_it(blocker));
    co_await passes(1);
    BOOST_TEST(m.locked());
    const auto b = create_task(lock_it({}));
    co_await passes(1);
    BOOST_TEST(m.statistics().waiters == 1U);
    const auto c = create_task(lock_it({}));
    co_await passes(1);
    BOOST_TEST(m.statistics().waiters == 2U);

    blocker.set_result();
    b.cancel();
    BOOST_TEST(m.statistics().waiters == 2U); // b has not left
    co_await passes(1);
    BOOST_TEST(!m.locked());
    BOOST_TEST(a.done());
    BOOST_TEST(b.cancelled());
    co_await c.get();
  });
}

BOOST_AUTO_TEST_CASE(test_cancel_release_race) {
  testing::run_virtual([]() -> awaitable<void> {
    lock m;
    int locks = 0, calls = 0;
    const auto lock_it = [&]() -> awaitable<void> {
      ++calls;
      co_await m.acquire();
      ++locks;
    };
    co_await m.acquire();
    const auto t1 = create_task(lock_it);
    const auto t2 = create_task(lock_it);
    const auto t3 = create_task(lock_it);
    co_await passes(1);

    get_running_loop().call_soon([&] {
      t1.cancel();
      m.release();
    });
    const auto end = co_await settle(t1);
    BOOST_TEST(end.cancelled());
    BOOST_TEST(locks == 1); // and not two at once
    BOOST_TEST(calls == 3);
    BOOST_TEST(t1.cancelled());
    BOOST_TEST(t2.done());

    t3.cancel();
    co_await passes(1);
    BOOST_TEST(t3.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(test_finished_waiter_cancelled) {
  testing::run_virtual([]() -> awaitable<void> {
    lock m;
    co_await m.acquire();
    BOOST_TEST(m.locked());
    const auto b = create_task(m.acquire());
    co_await passes(1);
    BOOST_TEST(m.statistics().waiters == 1U);

    const auto c = create_task(m.acquire());
    b.cancel();
    m.release();
    co_await passes(1);
    BOOST_TEST(m.locked());
    BOOST_TEST(b.cancelled());
    co_await c.get();
  });
}

BOOST_AUTO_TEST_CASE(LockTests_test_release_not_acquired) {
  lock m;
  BOOST_TEST(thrown<std::runtime_error>([&] { m.release(); }) == "Lock is not acquired.");
}

BOOST_AUTO_TEST_CASE(LockTests_test_release_no_waiters) {
  testing::run_virtual([]() -> awaitable<void> {
    lock m;
    co_await m.acquire();
    BOOST_TEST(m.locked());
    m.release();
    BOOST_TEST(!m.locked());
  });
}

BOOST_AUTO_TEST_CASE(LockTests_test_context_manager) {
  testing::run_virtual([]() -> awaitable<void> {
    lock m;
    BOOST_TEST(!m.locked());
    {
      const auto guard = co_await m.scoped();
      BOOST_TEST(m.locked());
    }
    BOOST_TEST(!m.locked());
  });
}

// --- EventTests --------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(EventTests_test_wait) {
  testing::run_virtual([]() -> awaitable<void> {
    event e;
    numbers result;
    BOOST_TEST(!e.is_set());
    const auto t1 = create_task(wait_and_note(e, result, 1));
    const auto t2 = create_task(wait_and_note(e, result, 2));
    co_await passes(1);
    BOOST_TEST(result.empty());

    const auto t3 = create_task(wait_and_note(e, result, 3)); // it begins when the event is set
    e.set();
    co_await passes(1);
    BOOST_TEST(result == (numbers{3, 1, 2}), per_element());
    for (const auto& t : {t1, t2, t3}) {
      BOOST_REQUIRE(t.done());
      BOOST_CHECK(t.exception() == nullptr);
    }
  });
}

BOOST_AUTO_TEST_CASE(test_wait_on_set) {
  testing::run_virtual([]() -> awaitable<void> {
    event e;
    e.set();
    const auto t = create_task(e.wait());
    co_await e.wait();
    BOOST_TEST(!t.done()); // the loop has not gone on
    co_await t.get();
  });
}

BOOST_AUTO_TEST_CASE(EventTests_test_wait_cancel) {
  testing::run_virtual([]() -> awaitable<void> {
    event e;
    const auto t = create_task(e.wait());
    get_running_loop().call_soon([t] { t.cancel(); });
    const auto end = co_await settle(t);
    BOOST_TEST(end.cancelled());
    BOOST_TEST(e.statistics().waiters == 0U);
  });
}

BOOST_AUTO_TEST_CASE(test_clear) {
  event e;
  BOOST_TEST(!e.is_set());
  e.set();
  BOOST_TEST(e.is_set());
  e.clear();
  BOOST_TEST(!e.is_set());
}

BOOST_AUTO_TEST_CASE(test_clear_with_waiters) {
  testing::run_virtual([]() -> awaitable<void> {
    event e;
    numbers result;
    const auto t = create_task(wait_and_note(e, result, 1));
    co_await passes(1);
    BOOST_TEST(result.empty());

    e.set();
    e.clear();
    BOOST_TEST(!e.is_set());
    e.set();
    e.set();
    BOOST_TEST(e.statistics().waiters == 1U);
    co_await passes(1);
    BOOST_TEST(result == (numbers{1}), per_element());
    BOOST_TEST(e.statistics().waiters == 0U);
    BOOST_REQUIRE(t.done());
    BOOST_TEST(t.result());
  });
}
