// After CPython's test_queues: QueuePutTests.
// SPDX-License-Identifier: BSL-1.0
#include "queues.hpp"

#include <rondo/errors.hpp>
#include <rondo/event.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/queue.hpp>
#include <rondo/task.hpp>
#include <rondo/task_group.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <set>
#include <string>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using boost::test_tools::per_element;
using cpython::put;
using testing::passes;

BOOST_AUTO_TEST_CASE(test_blocking_put) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<int> q;
    const auto t = create_task(q.get());
    co_await q.put(1); // there is no limit, so it does not wait
    BOOST_TEST(q.qsize() == 1U);
    const int item = co_await t.get();
    BOOST_TEST(item == 1);
  });
}

BOOST_AUTO_TEST_CASE(test_blocking_put_wait) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<int> q(1);
    event started;
    bool finished = false;
    const auto putter = [&]() -> awaitable<void> {
      started.set();
      co_await q.put(1);
      co_await q.put(2);
      finished = true;
    };
    get_running_loop().call_later(10ms, [&] { q.get_nowait(); });
    const auto t = create_task(putter);
    co_await started.wait();
    BOOST_TEST(!finished);
    co_await t.get();
    BOOST_TEST(finished);
  });
}

BOOST_AUTO_TEST_CASE(test_nonblocking_put) {
  queue<int> q;
  q.put_nowait(1);
  BOOST_TEST(q.get_nowait() == 1);
}

BOOST_AUTO_TEST_CASE(test_get_cancel_drop_one_pending_reader) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<int> q;
    auto reader = create_task(q.get());
    co_await passes(1);
    q.put_nowait(1);
    q.put_nowait(2);
    reader.cancel();
    const auto end = co_await settle(reader);
    BOOST_TEST(end.cancelled());
    reader = create_task(q.get());
    const int item = co_await reader.get();
    BOOST_TEST(item == 1); // not 2: the one who was cancelled has taken nothing
  });
}

BOOST_AUTO_TEST_CASE(test_get_cancel_drop_many_pending_readers) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<int> q;
    task<int> reader1, reader2, reader3;
    co_await with_task_group([&](task_group& group) -> awaitable<void> {
      reader1 = group.create_task(q.get());
      reader2 = group.create_task(q.get());
      reader3 = group.create_task(q.get());
      co_await passes(1);
      q.put_nowait(1);
      q.put_nowait(2);
      reader1.cancel();
      const auto end = co_await settle(reader1);
      BOOST_TEST(end.cancelled());
      co_await reader3.get();
    });
    BOOST_TEST((std::set{reader2.result(), reader3.result()} == std::set{1, 2}));
  });
}

BOOST_AUTO_TEST_CASE(test_put_cancel_drop) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<int> q(1);
    q.put_nowait(1);
    auto writer = create_task(put(q, 2));
    co_await passes(1);
    BOOST_TEST(q.get_nowait() == 1);

    writer.cancel();
    const auto end = co_await settle(writer);
    BOOST_TEST(end.cancelled());
    writer = create_task(put(q, 2));
    co_await writer.get();
    BOOST_TEST(q.get_nowait() == 2);
    BOOST_TEST(q.qsize() == 0U);
  });
}

BOOST_AUTO_TEST_CASE(test_nonblocking_put_exception) {
  queue<int> q(1);
  q.put_nowait(1);
  BOOST_CHECK_THROW(q.put_nowait(2), queue_full);
}

BOOST_AUTO_TEST_CASE(test_put_cancelled) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<int> q;
    const auto putter = [&]() -> awaitable<bool> {
      co_await q.put(1);
      co_return true;
    };
    const auto t = create_task(putter);
    const int item = co_await q.get();
    BOOST_TEST(item == 1);
    BOOST_REQUIRE(t.done());
    BOOST_TEST(t.result());
  });
}

BOOST_AUTO_TEST_CASE(test_put_cancelled_race) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<std::string> q(1);
    const auto a = create_task(put(q, "a"));
    const auto b = create_task(put(q, "b"));
    const auto c = create_task(put(q, "X"));
    co_await passes(1);
    BOOST_TEST(a.done());
    BOOST_TEST(!b.done());

    c.cancel();
    co_await passes(1);
    BOOST_TEST(c.done());
    BOOST_TEST(q.get_nowait() == "a");
    co_await passes(1);
    BOOST_TEST(q.get_nowait() == "b");
    co_await b.get();
  });
}

BOOST_AUTO_TEST_CASE(test_put_with_waiting_getters) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<std::string> q;
    const auto t = create_task(q.get());
    co_await passes(1);
    const std::string item = "a";
    co_await q.put(item);
    const std::string taken = co_await t.get();
    BOOST_TEST(taken == "a");
  });
}

BOOST_AUTO_TEST_CASE(test_why_are_putters_waiting) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<int> q(2);
    std::vector<int> taken;
    const auto getter = [&]() -> awaitable<void> {
      co_await passes(1);
      for (std::size_t n = q.qsize(); n > 0; --n)
        taken.push_back(q.get_nowait());
    };
    co_await with_task_group([&](task_group& group) {
      group.create_task(getter);
      for (int i = 0; i < 4; ++i)
        group.create_task(put(q, i));
    });
    BOOST_TEST(taken == (std::vector<int>{0, 1}), per_element());
    BOOST_TEST(q.qsize() == 2U);
  });
}

BOOST_AUTO_TEST_CASE(test_cancelled_puts_not_being_held_in_self_putters) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<int> q(1);
    q.put_nowait(1);
    const auto t = create_task(put(q, 1));
    co_await passes(1);
    BOOST_TEST(q.statistics().putters == 1U);
    t.cancel();
    const auto end = co_await settle(t);
    BOOST_TEST(end.cancelled());
    BOOST_TEST(q.statistics().putters == 0U);
  });
}

// The putter has been woken when it is cancelled.
BOOST_AUTO_TEST_CASE(test_cancelled_put_silence_value_error_exception) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<int> q(1);
    q.put_nowait(1);
    const auto t = create_task(put(q, 1));
    co_await passes(1);
    q.get_nowait();
    t.cancel();
    const auto end = co_await settle(t);
    BOOST_TEST(end.cancelled());
    BOOST_TEST(q.empty());
  });
}
