// put(T&&) moves from the caller's object when the item enters the queue, and not before; a get that does not end with
// an item takes none.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/queues.hpp"

#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

using namespace rondo;
using namespace std::chrono_literals;
using support::end_of;
using support::put_from;
using support::token;

using queues = support::token_queues;

namespace {

/// A queue for one item, with the item 1 in it, and an item that has no room.
template <class Queue>
struct full_queue {
  full_queue() { q.put_nowait(token(1)); }

  Queue q{1};
  token item{2};
};

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(the_item_stays_with_the_caller_until_it_enters, Queue, queues) {
  testing::run_virtual([]() -> awaitable<void> {
    full_queue<Queue> f;
    auto t = create_task(put_from(f.q, f.item));
    co_await testing::passes(3);
    BOOST_TEST(f.item.number() == 2);
    BOOST_TEST(f.q.get_nowait().number() == 1);
    BOOST_TEST(f.item.number() == 2); // woken, and has not run
    co_await t.get();
    BOOST_TEST(f.item.number() == 0);
    BOOST_TEST(f.q.get_nowait().number() == 2);
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_put_operation_that_is_not_awaited_moves_nothing, Queue, queues) {
  Queue q;
  token item(1);
  {
    [[maybe_unused]] auto op = q.put(std::move(item));
  }
  BOOST_TEST(item.number() == 1);
  BOOST_TEST(q.empty());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_cancelled_put_leaves_the_item, Queue, queues) {
  testing::run_virtual([]() -> awaitable<void> {
    full_queue<Queue> f;
    auto t = create_task(put_from(f.q, f.item));
    co_await testing::passes(2);
    t.cancel();
    co_await settle(t);
    BOOST_TEST(t.cancelled());
    BOOST_TEST(f.item.number() == 2);
    BOOST_TEST(f.q.qsize() == 1u);
    BOOST_TEST(f.q.statistics().unfinished == 1u);
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_put_that_is_cancelled_when_there_is_room_leaves_the_item, Queue, queues) {
  testing::run_virtual([]() -> awaitable<void> {
    for (const bool room_first : {true, false}) {
      full_queue<Queue> f;
      auto t = create_task(put_from(f.q, f.item));
      co_await testing::passes(2);
      if (!room_first) t.cancel();
      f.q.get_nowait();
      if (room_first) t.cancel();
      co_await settle(t);
      BOOST_TEST(t.cancelled());
      BOOST_TEST(f.item.number() == 2);
      BOOST_TEST(f.q.empty());
    }
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_put_that_runs_out_of_time_leaves_the_item, Queue, queues) {
  testing::run_virtual([]() -> awaitable<void> {
    full_queue<Queue> f;
    const auto body = [&]() -> awaitable<void> { co_await f.q.put(std::move(f.item)); };
    std::string end = co_await end_of(wait_for(f.q.put(std::move(f.item)), 1s));
    BOOST_TEST(end == "Timeout");
    BOOST_TEST(f.item.number() == 2);
    end = co_await end_of(wait_for(f.q.put(std::move(f.item)), 0s));
    BOOST_TEST(end == "Timeout");
    BOOST_TEST(f.item.number() == 2);
    end = co_await end_of(with_timeout(1s, body));
    BOOST_TEST(end == "Timeout");
    BOOST_TEST(f.item.number() == 2);
    end = co_await end_of(fail_after(1s, body));
    BOOST_TEST(end == "Timeout");
    BOOST_TEST(f.item.number() == 2);
    const bool finished = co_await move_on_after(1s, body);
    BOOST_TEST(!finished);
    BOOST_TEST(f.item.number() == 2);
    BOOST_TEST(f.q.qsize() == 1u);
    BOOST_TEST(f.q.statistics().putters == 0u);
    f.q.get_nowait();
    co_await wait_for(f.q.put(std::move(f.item)), 1s);
    BOOST_TEST(f.item.number() == 0);
    BOOST_TEST(f.q.get_nowait().number() == 2);
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_put_without_time_does_not_begin_also_if_there_is_room, Queue, queues) {
  testing::run_virtual([]() -> awaitable<void> {
    Queue q;
    token item(3);
    auto s = co_await settle(wait_for(q.put(std::move(item)), 0s));
    BOOST_CHECK(s.template error_as<timeout_error>());
    BOOST_TEST(item.number() == 3);
    BOOST_TEST(q.empty());
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_put_in_a_cancelled_scope_leaves_the_item, Queue, queues) {
  testing::run_virtual([]() -> awaitable<void> {
    full_queue<Queue> f;
    int attempts = 0;
    const auto body = [&](cancel_scope& scope) -> awaitable<void> {
      scope.cancel();
      for (; attempts < 3; ++attempts) {
        const std::string end = co_await end_of(f.q.put(std::move(f.item)));
        BOOST_TEST(end == "Cancelled()");
      }
    };
    co_await with_cancel_scope(body);
    BOOST_TEST(attempts == 3);
    BOOST_TEST(f.item.number() == 2);
    BOOST_TEST(f.q.statistics().putters == 0u);
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_put_that_is_refused_leaves_the_item, Queue, queues) {
  testing::run_virtual([]() -> awaitable<void> {
    for (const bool immediate : {false, true}) {
      full_queue<Queue> f;
      BOOST_CHECK_THROW(f.q.put_nowait(std::move(f.item)), queue_full);
      BOOST_TEST(!f.q.try_put(std::move(f.item)));
      auto t = create_task(put_from(f.q, f.item));
      co_await testing::passes(2);
      f.q.shutdown(immediate);
      auto s = co_await settle(t);
      BOOST_CHECK(s.template error_as<queue_shut_down>());
      s = co_await settle(put_from(f.q, f.item));
      BOOST_CHECK(s.template error_as<queue_shut_down>());
      BOOST_CHECK_THROW(f.q.put_nowait(std::move(f.item)), queue_shut_down);
      BOOST_CHECK_THROW(f.q.try_put(std::move(f.item)), queue_shut_down);
      BOOST_TEST(f.item.number() == 2);
      BOOST_TEST(f.q.qsize() == (immediate ? 0u : 1u));
    }
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_put_that_was_woken_and_then_refused_leaves_the_item, Queue, queues) {
  testing::run_virtual([]() -> awaitable<void> {
    full_queue<Queue> f;
    auto t = create_task(put_from(f.q, f.item));
    co_await testing::passes(2);
    f.q.get_nowait();
    f.q.shutdown();
    auto s = co_await settle(t);
    BOOST_CHECK(s.template error_as<queue_shut_down>());
    BOOST_TEST(f.item.number() == 2);
    BOOST_TEST(f.q.empty());
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_put_that_loses_its_turn_leaves_the_item_and_waits_again, Queue, queues) {
  testing::run_virtual([]() -> awaitable<void> {
    full_queue<Queue> f;
    auto t = create_task(put_from(f.q, f.item));
    co_await testing::passes(2);
    f.q.get_nowait();
    f.q.put_nowait(token(7));
    co_await testing::passes(3);
    BOOST_TEST(!t.done());
    BOOST_TEST(f.item.number() == 2);
    BOOST_TEST(f.q.get_nowait().number() == 7);
    co_await t.get();
    BOOST_TEST(f.q.get_nowait().number() == 2);
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_get_that_is_cancelled_or_late_takes_nothing, Queue, queues) {
  testing::run_virtual([]() -> awaitable<void> {
    for (const bool item_first : {true, false}) {
      Queue q;
      auto t = create_task(q.get());
      co_await testing::passes(2);
      if (!item_first) t.cancel();
      q.put_nowait(token(1));
      if (item_first) t.cancel();
      co_await settle(t);
      BOOST_TEST(t.cancelled());
      auto late = co_await settle(wait_for(q.get(), 0s));
      BOOST_CHECK(late.template error_as<timeout_error>());
      BOOST_TEST(q.qsize() == 1u);
      BOOST_TEST(q.get_nowait().number() == 1);
    }
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(trap_6_an_item_that_comes_in_the_last_moment_is_not_lost, Queue, queues) {
  testing::run_virtual([]() -> awaitable<void> {
    // The put is before the end of the time, in the same pass, and after it.
    for (const auto delay : {999ms, 1000ms, 1001ms}) {
      Queue q;
      std::optional<token> got;
      const auto get = [&]() -> awaitable<void> { got = co_await wait_for(q.get(), 1s); };
      auto getter = create_task(get);
      co_await testing::passes(1);
      get_running_loop().call_later(delay, [&] { q.put_nowait(token(1)); });
      co_await settle(getter);
      co_await sleep(1s);
      BOOST_TEST(got.has_value() != (q.qsize() == 1));
      BOOST_TEST(q.statistics().unfinished == 1u);
    }
  });
}
