// After CPython's test_queues: join and shutdown, for queues of each kind.
// SPDX-License-Identifier: BSL-1.0
#include "../support/expect.hpp"
#include "queues.hpp"

#include <rondo/errors.hpp>
#include <rondo/queue.hpp>
#include <rondo/task.hpp>
#include <rondo/task_group.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <string>

using namespace rondo;
using cpython::on_each_kind;
using cpython::put;
using support::contains;
using support::thrown;
using testing::passes;

namespace {

/// Whether all ways to put and to take an item throw `queue_shut_down`.
template <class Queue>
awaitable<void> check_shut_down(Queue& q) {
  const std::string item = "data";
  const auto putting = co_await settle(q.put(item));
  BOOST_TEST(putting.template error_as<queue_shut_down>());
  BOOST_CHECK_THROW(q.put_nowait(item), queue_shut_down);
  const auto getting = co_await settle(q.get());
  BOOST_TEST(getting.template error_as<queue_shut_down>());
  BOOST_CHECK_THROW(q.get_nowait(), queue_shut_down);
}

template <class Queue>
void check_nothing_to_do(Queue& q) {
  const std::string text = thrown<std::invalid_argument>([&] { q.task_done(); });
  BOOST_TEST(contains(text, "task_done() called too many times"));
}

} // namespace

// --- _QueueJoinTestMixin -----------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(test_task_done_underflow) {
  on_each_kind<int>(0, [](auto& q) -> awaitable<void> {
    check_nothing_to_do(q);
    co_return;
  });
}

BOOST_AUTO_TEST_CASE(test_task_done) {
  on_each_kind<int>(0, [](auto& q) -> awaitable<void> {
    for (int i = 0; i < 100; ++i)
      q.put_nowait(i);
    int sum = 0;
    bool running = true;
    const auto worker = [&]() -> awaitable<void> {
      while (running) {
        sum += co_await q.get();
        q.task_done();
      }
    };
    co_await with_task_group([&](task_group& group) -> awaitable<void> {
      group.create_task(worker);
      group.create_task(worker);
      co_await q.join();
      BOOST_TEST(sum == 4950);
      running = false;
      q.put_nowait(0); // for each worker, which waits
      q.put_nowait(0);
    });
  });
}

BOOST_AUTO_TEST_CASE(test_join_empty_queue) {
  on_each_kind<int>(0, [](auto& q) -> awaitable<void> {
    bool passed = false;
    create_task([&]() -> awaitable<void> {
      passed = true;
      co_return;
    });
    co_await q.join();
    co_await q.join();
    BOOST_TEST(!passed); // before anything else
    co_await passes(1);
    BOOST_TEST(passed);
  });
}

// --- _QueueShutdownTestMixin -------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(test_shutdown_empty) {
  on_each_kind<std::string>(0, [](auto& q) -> awaitable<void> {
    const auto getter = create_task(q.get());
    co_await passes(1);
    q.shutdown();
    BOOST_TEST(q.qsize() == 0U);
    co_await q.join();
    co_await passes(1);
    BOOST_TEST(getter.done());
    const auto end = co_await settle(getter);
    BOOST_TEST(end.template error_as<queue_shut_down>());
    co_await check_shut_down(q);
  });
}

BOOST_AUTO_TEST_CASE(test_shutdown_nonempty) {
  on_each_kind<std::string>(1, [](auto& q) -> awaitable<void> {
    q.put_nowait("data");
    const auto joiner = create_task(q.join());
    const auto putter = create_task(put(q, "data2"));
    co_await passes(1);
    BOOST_TEST(!putter.done());

    q.shutdown();
    BOOST_TEST(q.qsize() == 1U);
    co_await passes(1);
    BOOST_TEST(putter.done());
    const auto end = co_await settle(putter);
    BOOST_TEST(end.template error_as<queue_shut_down>());

    const std::string item = co_await q.get(); // what is there can still be taken
    BOOST_TEST(item == "data");
    co_await passes(1);
    BOOST_TEST(!joiner.done());
    co_await check_shut_down(q);

    q.task_done();
    co_await passes(1);
    BOOST_TEST(joiner.done());
    co_await joiner.get();
    check_nothing_to_do(q);
  });
}

BOOST_AUTO_TEST_CASE(test_shutdown_immediate) {
  on_each_kind<std::string>(0, [](auto& q) -> awaitable<void> {
    q.put_nowait("data");
    const auto joiner = create_task(q.join());
    q.shutdown(true);
    BOOST_TEST(q.qsize() == 0U);
    co_await passes(1);
    BOOST_TEST(joiner.done());
    co_await joiner.get();
    co_await check_shut_down(q);
    check_nothing_to_do(q);
  });
}

BOOST_AUTO_TEST_CASE(test_shutdown_immediate_with_unfinished) {
  on_each_kind<std::string>(0, [](auto& q) -> awaitable<void> {
    q.put_nowait("data");
    q.put_nowait("data");
    const auto joiner = create_task(q.join());
    const std::string item = co_await q.get();
    BOOST_TEST(item == "data");

    q.shutdown(true); // of two unfinished items one is dropped
    BOOST_TEST(q.qsize() == 0U);
    co_await passes(1);
    BOOST_TEST(!joiner.done());
    co_await check_shut_down(q);

    q.task_done();
    check_nothing_to_do(q);
    co_await passes(1);
    BOOST_TEST(joiner.done());
    co_await joiner.get();
  });
}
