// After CPython's test_locks: BarrierTests, as far as nobody resets or aborts the barrier.
// SPDX-License-Identifier: BSL-1.0
#include "locks.hpp"

#include <rondo/barrier.hpp>
#include <rondo/gather.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/wait.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <vector>

using namespace rondo;
using boost::test_tools::per_element;
using cpython::all_of;
using testing::passes;

namespace {

using indices = std::vector<std::size_t>;

void check_unused(const barrier& b) {
  BOOST_TEST(b.n_waiting() == 0U);
  BOOST_TEST(!b.broken());
}

} // namespace

BOOST_AUTO_TEST_CASE(test_barrier_parties) {
  BOOST_CHECK_THROW(barrier(0), std::invalid_argument);
  BOOST_CHECK_THROW(barrier(-4), std::invalid_argument);
  BOOST_TEST(barrier(5).parties() == 5U);
}

BOOST_AUTO_TEST_CASE(BarrierTests_test_context_manager) {
  testing::run_virtual([]() -> awaitable<void> {
    barrier b(3);
    indices results;
    const auto pass = [&]() -> awaitable<void> {
      const std::size_t i = co_await b.wait();
      results.push_back(i);
    };
    co_await all_of(3, pass);
    std::ranges::sort(results);
    BOOST_TEST(results == (indices{0, 1, 2}), per_element());
    check_unused(b);
  });
}

BOOST_AUTO_TEST_CASE(test_filling_one_task) {
  testing::run_virtual([]() -> awaitable<void> {
    barrier b(1);
    const std::size_t i = co_await b.wait();
    BOOST_TEST(i == 0U);
    check_unused(b);
  });
}

BOOST_AUTO_TEST_CASE(test_filling_one_task_twice) {
  testing::run_virtual([]() -> awaitable<void> {
    barrier b(1);
    const auto t1 = create_task(b.wait());
    co_await passes(1);
    BOOST_TEST(b.n_waiting() == 0U);
    const auto t2 = create_task(b.wait());
    co_await passes(1);
    BOOST_TEST(t1.result() == t2.result());
    BOOST_TEST(t1.done() == t2.done());
    check_unused(b);
  });
}

BOOST_AUTO_TEST_CASE(test_filling_task_by_task) {
  testing::run_virtual([]() -> awaitable<void> {
    barrier b(3);
    const auto t1 = create_task(b.wait());
    co_await passes(1);
    BOOST_TEST(b.n_waiting() == 1U);
    const auto t2 = create_task(b.wait());
    co_await passes(1);
    BOOST_TEST(b.n_waiting() == 2U);
    const auto t3 = create_task(b.wait());
    co_await passes(1);
    co_await wait(t1, t2, t3);
    check_unused(b);
  });
}

BOOST_AUTO_TEST_CASE(test_filling_tasks_wait_twice) {
  testing::run_virtual([]() -> awaitable<void> {
    barrier b(5);
    std::vector<int> results;
    const auto twice = [&]() -> awaitable<void> {
      for (const int time : {1, 2}) {
        co_await b.wait();
        results.push_back(time);
      }
    };
    co_await all_of(5, twice);
    BOOST_TEST(results.size() == 10U);
    BOOST_TEST(std::ranges::count(results, 1) == 5);
    BOOST_TEST(std::ranges::count(results, 2) == 5);
    check_unused(b);
  });
}

BOOST_AUTO_TEST_CASE(test_filling_tasks_check_return_value) {
  testing::run_virtual([]() -> awaitable<void> {
    barrier b(5);
    int first = 0, second = 0;
    const auto twice = [&]() -> awaitable<std::size_t> {
      co_await b.wait();
      ++first;
      const std::size_t i = co_await b.wait();
      ++second;
      co_return i;
    };
    indices results = co_await all_of(5, twice);
    BOOST_TEST(first == 5);
    BOOST_TEST(second == 5);
    std::ranges::sort(results);
    BOOST_TEST(results == (indices{0, 1, 2, 3, 4}), per_element());
    check_unused(b);
  });
}

// Whether the barrier drains is seen by one who comes then: an eager newcomer counts at once, or does not.
BOOST_AUTO_TEST_CASE(test_draining_state) {
  testing::run_virtual([]() -> awaitable<void> {
    barrier b(5);
    std::vector<bool> fills;
    const auto pass = [&]() -> awaitable<void> {
      co_await b.wait();
      const auto newcomer = create_task(b.wait(), task_options().eager(true));
      fills.push_back(b.n_waiting() == 1);
      newcomer.cancel();
    };
    co_await all_of(5, pass);
    BOOST_TEST(fills == (std::vector<bool>{false, false, false, false, true}), per_element());
    co_await testing::settle_all();
    check_unused(b);
  });
}

BOOST_AUTO_TEST_CASE(test_blocking_tasks_while_draining) {
  testing::run_virtual([]() -> awaitable<void> {
    barrier b(5);
    barrier of_the_others(3);
    int again = 2; // tasks that come again at once
    const auto pass = [&]() -> awaitable<void> {
      co_await b.wait();
      if (again > 0)
        --again;
      else
        co_await of_the_others.wait(); // the barrier has been drained then
      co_await b.wait();
    };
    co_await all_of(5, pass);
    BOOST_TEST(again == 0);
    check_unused(b);
    check_unused(of_the_others);
  });
}

BOOST_AUTO_TEST_CASE(test_filling_tasks_cancel_one) {
  testing::run_virtual([]() -> awaitable<void> {
    barrier b(3);
    int passed = 0;
    const auto pass = [&]() -> awaitable<void> {
      co_await b.wait();
      ++passed;
    };
    const auto t1 = create_task(pass);
    co_await passes(1);
    BOOST_TEST(b.n_waiting() == 1U);
    const auto t2 = create_task(pass);
    co_await passes(1);
    BOOST_TEST(b.n_waiting() == 2U);

    t1.cancel();
    co_await passes(1);
    BOOST_TEST(b.n_waiting() == 1U);
    const auto end = co_await settle(t1);
    BOOST_TEST(end.cancelled());
    BOOST_TEST(t1.cancelled());

    const auto t3 = create_task(pass);
    co_await passes(1);
    BOOST_TEST(b.n_waiting() == 2U);
    const auto t4 = create_task(pass);
    co_await gather(t2, t3, t4);
    BOOST_TEST(passed == 3);
    check_unused(b);
  });
}
