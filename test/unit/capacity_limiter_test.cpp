// capacity_limiter: tokens that are lent, and a number of them that changes.
// SPDX-License-Identifier: BSL-1.0
#include "../support/expect.hpp"

#include <rondo/capacity_limiter.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/task_group.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/timeout.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::thrown;
using testing::run_virtual;

BOOST_AUTO_TEST_CASE(no_more_than_the_total_at_a_time) {
  run_virtual([]() -> awaitable<void> {
    capacity_limiter limiter(3);
    int running = 0, most = 0;
    const auto work = [&]() -> awaitable<void> {
      const auto token = co_await limiter.scoped();
      most = std::max(most, ++running);
      co_await sleep(10ms);
      --running;
    };
    co_await with_task_group([&](task_group& group) {
      for (int i = 0; i < 20; ++i)
        group.create_task(work);
    });
    BOOST_TEST(most == 3);
    BOOST_TEST(limiter.borrowed() == 0);
    BOOST_TEST(limiter.statistics().most_waiters == 17u);
  });
}

BOOST_AUTO_TEST_CASE(a_larger_total_serves_those_that_wait_in_their_order) {
  run_virtual([]() -> awaitable<void> {
    capacity_limiter limiter(1);
    BOOST_TEST(limiter.try_acquire());
    std::vector<int> order;
    const auto take = [&](int i) -> awaitable<void> {
      co_await limiter.acquire();
      order.push_back(i);
    };
    std::vector<task<void>> tasks;
    for (int i = 0; i < 4; ++i)
      tasks.push_back(create_task(take(i)));
    co_await testing::settle_all();
    BOOST_TEST(order.empty());
    limiter.set_total(4);
    co_await testing::settle_all();
    BOOST_TEST(order == (std::vector<int>{0, 1, 2}), boost::test_tools::per_element());
    BOOST_TEST(limiter.borrowed() == 4);
    BOOST_TEST(limiter.available() == 0);
    limiter.release();
    co_await tasks[3].get();
  });
}

BOOST_AUTO_TEST_CASE(a_smaller_total_withholds_tokens_that_come_back) {
  run_virtual([]() -> awaitable<void> {
    capacity_limiter limiter(3);
    for (int i = 0; i < 3; ++i)
      co_await limiter.acquire();
    limiter.set_total(1);
    BOOST_TEST(limiter.borrowed() == 3);
    BOOST_TEST(limiter.available() == 0);
    limiter.release();
    limiter.release();
    BOOST_TEST(limiter.locked());
    BOOST_TEST(!limiter.try_acquire());
    limiter.release();
    BOOST_TEST(limiter.try_acquire());
  });
}

// A token that was handed to a waiter must not be there for somebody else as well.
BOOST_AUTO_TEST_CASE(trap_83_a_token_that_was_granted_is_not_taken_by_another) {
  run_virtual([]() -> awaitable<void> {
    capacity_limiter limiter(1);
    co_await limiter.acquire();
    const auto take = [&]() -> awaitable<void> { co_await limiter.acquire(); };
    const auto waiting = create_task(take);
    co_await testing::settle_all();
    limiter.release();
    BOOST_TEST(!limiter.try_acquire());
    BOOST_TEST(limiter.borrowed() == 1);
    co_await waiting.get();
    BOOST_TEST(limiter.borrowed() == 1);
    limiter.release();
    BOOST_TEST(limiter.available() == 1);
  });
}

BOOST_AUTO_TEST_CASE(a_wait_that_times_out_takes_no_token) {
  run_virtual([]() -> awaitable<void> {
    capacity_limiter limiter(1);
    auto token = co_await limiter.scoped();
    bool timed_out = false;
    try {
      co_await wait_for(limiter.acquire(), 1s);
    } catch (const timeout_error&) {
      timed_out = true;
    }
    BOOST_TEST(timed_out);
    token.release();
    BOOST_TEST(limiter.available() == 1);
  });
}

BOOST_AUTO_TEST_CASE(bad_numbers_and_releases_are_refused) {
  BOOST_TEST(contains(thrown<std::invalid_argument>([] { capacity_limiter l(0); }), "at least one token, not 0"));
  capacity_limiter limiter(2);
  BOOST_TEST(contains(thrown<std::invalid_argument>([&] { limiter.set_total(-1); }), "not -1"));
  BOOST_TEST(limiter.total() == 2);
  BOOST_TEST(contains(thrown<std::runtime_error>([&] { limiter.release(); }), "no token is borrowed"));
}
