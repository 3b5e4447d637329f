// After CPython's test_queues: QueueBasicTests, QueueGetTests, and the orders of the other queues.
// SPDX-License-Identifier: BSL-1.0
#include "queues.hpp"

#include <rondo/errors.hpp>
#include <rondo/event.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/queue.hpp>
#include <rondo/task.hpp>
#include <rondo/task_group.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/timeout.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using boost::test_tools::per_element;
using cpython::put;
using testing::passes;

namespace {

using numbers = std::vector<int>;

/// Puts 1, 3, 2 and takes three items.
template <class Queue>
numbers order() {
  return testing::run_virtual([]() -> awaitable<numbers> {
    Queue q;
    for (const int i : {1, 3, 2})
      co_await q.put(i);
    numbers items;
    for (int n = 0; n < 3; ++n) {
      const int item = co_await q.get();
      items.push_back(item);
    }
    co_return items;
  });
}

} // namespace

// --- QueueBasicTests ---------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(test_empty) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<int> q;
    BOOST_TEST(q.empty());
    co_await q.put(1);
    BOOST_TEST(!q.empty());
    const int item = co_await q.get();
    BOOST_TEST(item == 1);
    BOOST_TEST(q.empty());
  });
}

BOOST_AUTO_TEST_CASE(test_full) {
  testing::run_virtual([]() -> awaitable<void> {
    const queue<int> unbounded;
    BOOST_TEST(!unbounded.full());
    queue<int> q(1);
    co_await q.put(1);
    BOOST_TEST(q.full());
  });
}

BOOST_AUTO_TEST_CASE(QueueBasicTests_test_order) {
  BOOST_TEST(order<queue<int>>() == (numbers{1, 3, 2}), per_element());
}

BOOST_AUTO_TEST_CASE(test_maxsize) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<int> q(2);
    BOOST_TEST(q.maxsize() == 2);
    numbers have_been_put;
    const auto putter = [&]() -> awaitable<bool> {
      for (int i = 0; i < 3; ++i) {
        co_await q.put(i);
        have_been_put.push_back(i);
      }
      co_return true;
    };
    const auto t = create_task(putter);
    co_await passes(2);
    BOOST_TEST(have_been_put == (numbers{0, 1}), per_element()); // it waits with the third
    int item = co_await q.get();
    BOOST_TEST(item == 0);

    co_await passes(1);
    BOOST_TEST(have_been_put == (numbers{0, 1, 2}), per_element());
    item = co_await q.get();
    BOOST_TEST(item == 1);
    item = co_await q.get();
    BOOST_TEST(item == 2);
    BOOST_REQUIRE(t.done());
    BOOST_TEST(t.result());
  });
}

// --- LifoQueueTests, PriorityQueueTests --------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(LifoQueueTests_test_order) {
  BOOST_TEST(order<lifo_queue<int>>() == (numbers{2, 3, 1}), per_element());
}

BOOST_AUTO_TEST_CASE(PriorityQueueTests_test_order) {
  BOOST_TEST(order<priority_queue<int>>() == (numbers{1, 2, 3}), per_element());
}

// --- QueueGetTests -----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(test_blocking_get) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<int> q;
    q.put_nowait(1);
    const int item = co_await q.get();
    BOOST_TEST(item == 1);
  });
}

BOOST_AUTO_TEST_CASE(test_get_with_putters) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<int> q(1);
    co_await q.put(1);
    const auto putter = create_task(put(q, 2));
    co_await passes(1);
    BOOST_TEST(q.statistics().putters == 1U);

    const int item = co_await q.get(); // it need not wait, and wakes the putter
    BOOST_TEST(item == 1);
    BOOST_TEST(!putter.done());
    co_await passes(1);
    BOOST_REQUIRE(putter.done());
    BOOST_CHECK(putter.exception() == nullptr);
    BOOST_TEST(q.statistics().putters == 0U);
  });
}

BOOST_AUTO_TEST_CASE(test_blocking_get_wait) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<int> q;
    event started;
    bool finished = false;
    const auto getter = [&]() -> awaitable<int> {
      started.set();
      const int item = co_await q.get();
      finished = true;
      co_return item;
    };
    const auto t = create_task(getter);
    co_await started.wait();
    BOOST_TEST(!finished);
    get_running_loop().call_later(10ms, [&] { q.put_nowait(1); });
    const int item = co_await t.get();
    BOOST_TEST(finished);
    BOOST_TEST(item == 1);
  });
}

BOOST_AUTO_TEST_CASE(test_nonblocking_get) {
  queue<int> q;
  q.put_nowait(1);
  BOOST_TEST(q.get_nowait() == 1);
}

BOOST_AUTO_TEST_CASE(test_nonblocking_get_exception) {
  queue<int> q;
  BOOST_CHECK_THROW(q.get_nowait(), queue_empty);
}

BOOST_AUTO_TEST_CASE(test_get_cancelled_race) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<std::string> q;
    const auto t1 = create_task(q.get());
    const auto t2 = create_task(q.get());
    co_await passes(1);
    t1.cancel();
    co_await passes(1);
    BOOST_TEST(t1.done());

    const std::string item = "a";
    co_await q.put(item);
    co_await passes(1);
    BOOST_TEST(t2.done());
    const std::string taken = co_await t2.get();
    BOOST_TEST(taken == "a");
  });
}

BOOST_AUTO_TEST_CASE(test_get_with_waiting_putters) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<std::string> q(1);
    create_task(put(q, "a"));
    create_task(put(q, "b"));
    const std::string first = co_await q.get();
    BOOST_TEST(first == "a");
    const std::string second = co_await q.get();
    BOOST_TEST(second == "b");
  });
}

BOOST_AUTO_TEST_CASE(test_why_are_getters_waiting) {
  testing::run_virtual([]() -> awaitable<void> {
    constexpr int number = 5;
    queue<int> q(1);
    numbers taken;
    const auto consumer = [&]() -> awaitable<void> {
      for (int i = 0; i < number; ++i) {
        const int item = co_await q.get();
        taken.push_back(item);
      }
    };
    const auto producer = [&]() -> awaitable<void> {
      for (int i = 0; i < number; ++i)
        co_await q.put(i);
    };
    co_await with_task_group([&](task_group& group) {
      group.create_task(producer);
      group.create_task(consumer);
    });
    BOOST_TEST(taken == (numbers{0, 1, 2, 3, 4}), per_element());
  });
}

BOOST_AUTO_TEST_CASE(test_cancelled_getters_not_being_held_in_self_getters) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<int> q(5);
    const auto end = co_await settle(wait_for(q.get(), 100ms));
    BOOST_TEST(end.error_as<timeout_error>());
    BOOST_TEST(q.statistics().getters == 0U);
  });
}
