// After CPython's test_locks: what of BarrierTests resets or aborts a barrier.
// SPDX-License-Identifier: BSL-1.0
#include "locks.hpp"

#include <rondo/barrier.hpp>
#include <rondo/errors.hpp>
#include <rondo/gather.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <stdexcept>

using namespace rondo;
using cpython::all_of;
using cpython::tasks_of;
using testing::passes;

namespace {

constexpr int parties = 5;

/// Waits at a barrier and tells whether that was broken.
awaitable<bool> is_broken(barrier& b) {
  try {
    co_await b.wait();
  } catch (const broken_barrier_error&) {
    co_return true;
  }
  co_return false;
}

void check_unused(const barrier& b) {
  BOOST_TEST(b.n_waiting() == 0U);
  BOOST_TEST(!b.broken());
}

} // namespace

// --- reset -------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(test_reset_barrier) {
  testing::run_virtual([]() -> awaitable<void> {
    barrier b(1);
    const auto t = create_task(b.reset());
    co_await passes(1);
    BOOST_TEST(t.done());
    check_unused(b);
  });
}

BOOST_AUTO_TEST_CASE(test_reset_barrier_while_tasks_waiting) {
  testing::run_virtual([]() -> awaitable<void> {
    barrier b(parties);
    int broken = 0;
    const auto pass = [&]() -> awaitable<void> {
      const bool was_broken = co_await is_broken(b);
      if (was_broken) ++broken;
    };
    const auto tasks = tasks_of(parties - 1, pass);
    co_await passes(1);
    create_task(b.reset());
    co_await gather(tasks);
    BOOST_TEST(broken == parties - 1);
    check_unused(b);
    const auto newcomer = create_task(b.wait()); // the reset is over
    co_await passes(1);
    BOOST_TEST(b.n_waiting() == 1U);
    newcomer.cancel();
    co_await passes(1);
  });
}

BOOST_AUTO_TEST_CASE(test_reset_barrier_when_tasks_half_draining) {
  testing::run_virtual([]() -> awaitable<void> {
    barrier b(parties);
    constexpr int rest = parties / 2;
    int broken = 0, inside = parties;
    const auto pass = [&]() -> awaitable<void> {
      const bool was_broken = co_await is_broken(b);
      --inside;
      if (was_broken)
        ++broken;
      else if (inside == rest)
        co_await b.reset();
    };
    co_await all_of(parties, pass);
    BOOST_TEST(broken == rest);
    check_unused(b);
    const auto newcomer = create_task(b.wait()); // the reset is over
    co_await passes(1);
    BOOST_TEST(b.n_waiting() == 1U);
    newcomer.cancel();
    co_await passes(1);
  });
}

BOOST_AUTO_TEST_CASE(test_reset_barrier_when_tasks_half_draining_half_blocking) {
  testing::run_virtual([]() -> awaitable<void> {
    barrier b(parties);
    constexpr int blocking = parties / 2;
    int broken = 0, broken_while_blocked = 0, count = 0;
    const auto pass = [&]() -> awaitable<void> {
      bool was_broken = co_await is_broken(b);
      if (was_broken) { // it had not left yet: once more, so that all parties come
        ++broken;
        co_await b.wait();
      } else if (++count > blocking) {
        co_await b.reset();
        co_await b.wait();
      } else { // it comes again while the others leave, and does not take part in what is reset
        was_broken = co_await is_broken(b);
        if (was_broken) ++broken_while_blocked;
      }
    };
    co_await all_of(parties, pass);
    BOOST_TEST(broken == blocking);
    BOOST_TEST(broken_while_blocked == 0);
    check_unused(b);
  });
}

BOOST_AUTO_TEST_CASE(test_reset_barrier_while_tasks_waiting_and_waiting_again) {
  testing::run_virtual([]() -> awaitable<void> {
    barrier b(parties);
    int broken = 0, passed = 0;
    const auto twice = [&]() -> awaitable<void> {
      const bool was_broken = co_await is_broken(b);
      if (was_broken) ++broken;
      co_await b.wait();
      ++passed;
    };
    const auto last = [&]() -> awaitable<void> {
      co_await b.wait();
      ++passed;
    };
    const auto tasks = tasks_of(parties - 1, twice);
    create_task(b.reset());
    co_await passes(1);
    create_task(last);
    co_await gather(tasks);
    BOOST_TEST(broken == parties - 1);
    BOOST_TEST(passed == parties);
    check_unused(b);
  });
}

BOOST_AUTO_TEST_CASE(test_reset_barrier_while_tasks_draining) {
  testing::run_virtual([]() -> awaitable<void> {
    barrier b(parties);
    int count = 0, passed_again = 0, broken = 0, passed_at_last = 0;
    const auto pass = [&]() -> awaitable<void> {
      co_await b.wait();
      if (++count == parties) { // the last one leaves
        co_await b.reset();
        co_await b.wait();
      } else {
        const bool was_broken = co_await is_broken(b);
        ++(was_broken ? broken : passed_again);
      }
      co_await b.wait();
      ++passed_at_last;
    };
    co_await all_of(parties, pass);
    BOOST_TEST(passed_again == parties - 1);
    BOOST_TEST(broken == 0);
    BOOST_TEST(passed_at_last == parties);
    check_unused(b);
  });
}

// --- abort -------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(test_abort_barrier) {
  testing::run_virtual([]() -> awaitable<void> {
    barrier b(1);
    const auto t = create_task(b.abort());
    co_await passes(1);
    BOOST_TEST(t.done());
    BOOST_TEST(b.n_waiting() == 0U);
    BOOST_TEST(b.broken());
  });
}

BOOST_AUTO_TEST_CASE(test_abort_barrier_when_tasks_half_draining_half_blocking) {
  testing::run_virtual([]() -> awaitable<void> {
    barrier b(parties);
    constexpr int blocking = parties / 2;
    int broken = 0, broken_while_blocked = 0, count = 0;
    const auto pass = [&]() -> awaitable<void> {
      bool was_broken = co_await is_broken(b);
      if (was_broken) { // it had not left yet
        ++broken;
      } else if (++count > blocking) {
        co_await b.abort();
      } else { // it comes again while the others leave
        was_broken = co_await is_broken(b);
        if (was_broken) ++broken_while_blocked;
      }
    };
    co_await all_of(parties, pass);
    BOOST_TEST(b.broken());
    BOOST_TEST(broken == blocking);
    BOOST_TEST(broken_while_blocked == parties - blocking - 1);
    BOOST_TEST(b.n_waiting() == 0U);
  });
}

BOOST_AUTO_TEST_CASE(test_abort_barrier_when_exception) {
  testing::run_virtual([]() -> awaitable<void> {
    barrier b(parties);
    int passed = 0, broken = 0;
    const auto twice = [&]() -> awaitable<void> {
      const std::size_t i = co_await b.wait();
      if (i == parties / 2) throw std::runtime_error("in the middle");
      co_await b.wait();
      ++passed;
    };
    const auto pass = [&]() -> awaitable<void> {
      const auto end = co_await settle(twice());
      if (end.error_as<broken_barrier_error>())
        ++broken;
      else if (end.error_as<std::runtime_error>())
        co_await b.abort();
    };
    co_await all_of(parties, pass);
    BOOST_TEST(b.broken());
    BOOST_TEST(passed == 0);
    BOOST_TEST(broken == parties - 1);
    BOOST_TEST(b.n_waiting() == 0U);
  });
}

BOOST_AUTO_TEST_CASE(test_abort_barrier_when_exception_then_resetting) {
  testing::run_virtual([]() -> awaitable<void> {
    barrier b1(parties);
    barrier b2(parties);
    int passed = 0, broken = 0, passed_at_last = 0;
    const auto twice = [&]() -> awaitable<void> {
      const std::size_t i = co_await b1.wait();
      if (i == parties / 2) throw std::runtime_error("in the middle");
      co_await b1.wait();
      ++passed;
    };
    const auto pass = [&]() -> awaitable<void> {
      const auto end = co_await settle(twice());
      if (end.error_as<broken_barrier_error>())
        ++broken;
      else if (end.error_as<std::runtime_error>())
        co_await b1.abort();
      // The second barrier keeps all out of the first one before that is reset, and while it is.
      const std::size_t i = co_await b2.wait();
      if (i == parties / 2) co_await b1.reset();
      co_await b2.wait();
      co_await b1.wait();
      ++passed_at_last;
    };
    co_await all_of(parties, pass);
    BOOST_TEST(passed == 0);
    BOOST_TEST(broken == parties - 1);
    BOOST_TEST(passed_at_last == parties);
    check_unused(b1);
  });
}
