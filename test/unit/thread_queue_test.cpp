// thread_queue on one loop: who gets what, bounds, ends, errors. What threads do to it is in stress/thread_queue_test.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/expect.hpp"

#include <rondo/cancel_scope.hpp>
#include <rondo/gather.hpp>
#include <rondo/loop_thread.hpp>
#include <rondo/runner.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/thread_queue.hpp>
#include <rondo/timeout.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::thrown;
using testing::run_virtual;

namespace {

using numbers = std::vector<int>;

awaitable<void> take_all(thread_queue<int> q, numbers& got) {
  while (const std::optional<int> x = co_await q.next())
    got.push_back(*x);
}

/// Throws when it is copied or moved while that is wanted.
struct fragile {
  explicit fragile(int n) : value(n) {}
  fragile(const fragile& other) : value(other.value) { check(); }
  fragile(fragile&& other) : value(other.value) { check(); }
  fragile& operator=(const fragile&) = default;

  static void check() {
    if (broken) throw std::runtime_error("broken");
  }

  int value;
  static inline bool broken = false;
};

} // namespace

BOOST_AUTO_TEST_CASE(items_leave_in_the_order_of_their_arrival) {
  run_virtual([]() -> awaitable<void> {
    thread_queue<int> q;
    for (int i = 0; i < 5; ++i)
      co_await q.put(i);
    BOOST_TEST(q.qsize() == 5u);
    q.close();
    numbers got;
    co_await take_all(q, got);
    BOOST_TEST(got == (numbers{0, 1, 2, 3, 4}), boost::test_tools::per_element());
  });
}

BOOST_AUTO_TEST_CASE(waiters_are_served_in_the_order_of_their_arrival) {
  run_virtual([]() -> awaitable<void> {
    thread_queue<int> q;
    numbers order;
    const auto get = [&](int who) -> awaitable<void> { order.push_back(who * 10 + co_await q.get()); };
    std::vector<task<void>> tasks;
    for (int i = 1; i <= 3; ++i)
      tasks.push_back(create_task(get(i)));
    co_await testing::settle_all();
    BOOST_TEST(q.statistics().getters == 3u);
    for (int i = 1; i <= 3; ++i)
      BOOST_TEST(q.try_put(i));
    co_await gather(tasks);
    BOOST_TEST(order == (numbers{11, 22, 33}), boost::test_tools::per_element());
  });
}

BOOST_AUTO_TEST_CASE(an_item_is_kept_for_who_was_woken_for_it) {
  run_virtual([]() -> awaitable<void> {
    thread_queue<int> q;
    const auto get = [&]() -> awaitable<int> { co_return co_await q.get(); };
    const auto first = create_task(get);
    co_await testing::settle_all();
    BOOST_TEST(q.try_put(1));
    BOOST_TEST(q.qsize() == 1u);
    BOOST_TEST(!q.try_get().has_value()); // nobody overtakes
    BOOST_TEST(co_await first.get() == 1);
  });
}

BOOST_AUTO_TEST_CASE(a_full_queue_lets_putters_wait_and_leaves_their_items_alone) {
  run_virtual([]() -> awaitable<void> {
    thread_queue<std::unique_ptr<int>> q(1);
    co_await q.put(std::make_unique<int>(1));
    BOOST_TEST(q.full());
    auto item = std::make_unique<int>(2);
    BOOST_TEST(!q.try_put(std::move(item)));
    BOOST_TEST((item != nullptr));
    bool timed_out = false;
    try {
      co_await wait_for(q.put(std::move(item)), 1s);
    } catch (const timeout_error&) {
      timed_out = true;
    }
    BOOST_TEST(timed_out);
    BOOST_TEST((item != nullptr));
    BOOST_TEST(contains(thrown<timeout_error>([&] { q.blocking_put(std::move(item), 0s); }), "blocking_put"));
    BOOST_TEST((item != nullptr));
    BOOST_TEST(*co_await q.get() == 1);
    co_await q.put(std::move(item));
    BOOST_TEST((item == nullptr));
    BOOST_TEST(*co_await q.get() == 2);
  });
}

BOOST_AUTO_TEST_CASE(an_lvalue_is_copied) {
  run_virtual([]() -> awaitable<void> {
    thread_queue<std::string> q;
    const std::string word = "word";
    co_await q.put(word);
    BOOST_TEST(q.try_put(word));
    q.blocking_put(word);
    BOOST_TEST(word == "word");
    BOOST_TEST(co_await q.get() == "word");
    BOOST_TEST(q.qsize() == 2u);
  });
}

BOOST_AUTO_TEST_CASE(a_cancelled_get_takes_nothing) {
  run_virtual([]() -> awaitable<void> {
    thread_queue<int> q;
    const auto get = [&]() -> awaitable<int> { co_return co_await q.get(); };
    const auto first = create_task(get);
    const auto second = create_task(get);
    co_await testing::settle_all();
    BOOST_TEST(q.try_put(1)); // for the first, which is cancelled before its turn
    first.cancel();
    BOOST_TEST(co_await second.get() == 1);
    BOOST_TEST(first.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(in_a_cancelled_scope_what_is_ready_is_taken_and_nothing_else) {
  run_virtual([]() -> awaitable<void> {
    thread_queue<int> q;
    const bool ended = co_await move_on_after(1s, [&]() -> awaitable<void> { co_await q.get(); });
    BOOST_TEST(!ended);
    BOOST_TEST(q.statistics().getters == 0u);
    BOOST_TEST(q.try_put(1));
    BOOST_TEST(q.qsize() == 1u);
  });
}

BOOST_AUTO_TEST_CASE(close_refuses_puts_and_ends_gets_when_the_queue_is_empty) {
  run_virtual([]() -> awaitable<void> {
    thread_queue<int> q(1);
    co_await q.put(1);
    const auto put = [&]() -> awaitable<void> { co_await q.put(2); };
    const auto waiting = create_task(put);
    co_await testing::settle_all();
    q.close();
    q.close(); // again: nothing
    BOOST_TEST(q.closed());
    const settled<void> end = co_await settle(waiting);
    BOOST_TEST((end.error_as<queue_shut_down>() != nullptr));
    BOOST_TEST(thrown<queue_shut_down>([&] { q.try_put(3); }) == "the queue was shut down");
    BOOST_TEST(thrown<queue_shut_down>([&] { q.blocking_put(3); }) == "the queue was shut down");
    BOOST_TEST(co_await q.get() == 1);
    BOOST_TEST(!(co_await q.next()).has_value());
    BOOST_TEST(!q.blocking_next().has_value());
    BOOST_TEST(thrown<queue_shut_down>([&] { q.blocking_get(); }) == "the queue was shut down");
    bool refused = false;
    try {
      co_await q.get();
    } catch (const queue_shut_down&) {
      refused = true;
    }
    BOOST_TEST(refused);
  });
}

BOOST_AUTO_TEST_CASE(close_at_once_drops_what_nobody_was_given) {
  run_virtual([]() -> awaitable<void> {
    thread_queue<int> q;
    const auto get = [&]() -> awaitable<int> { co_return co_await q.get(); };
    const auto first = create_task(get);
    co_await testing::settle_all();
    for (int i = 1; i <= 3; ++i)
      BOOST_TEST(q.try_put(i));
    q.close(true);
    BOOST_TEST(co_await first.get() == 1);
    BOOST_TEST(q.empty());
    q.task_done();
    co_await wait_for(q.join(), 1s);
  });
}

BOOST_AUTO_TEST_CASE(items_that_are_dropped_may_use_the_queue) {
  struct user {
    explicit user(const thread_queue<std::shared_ptr<user>>& queue) : q(queue) {}
    ~user() { BOOST_TEST(q.closed()); }
    thread_queue<std::shared_ptr<user>> q;
  };
  thread_queue<std::shared_ptr<user>> q;
  BOOST_TEST(q.try_put(std::make_shared<user>(q)));
  q.close(true);
}

BOOST_AUTO_TEST_CASE(join_waits_until_all_work_is_done) {
  run_virtual([]() -> awaitable<void> {
    thread_queue<int> q;
    co_await q.join(); // nothing to do
    BOOST_TEST(q.blocking_join());
    co_await q.put(1);
    BOOST_TEST(!q.blocking_join(0s));
    const auto join = [&]() -> awaitable<void> { co_await q.join(); };
    const auto joined = create_task(join);
    BOOST_TEST(co_await q.get() == 1);
    co_await testing::settle_all();
    BOOST_TEST(!joined.done());
    q.task_done();
    co_await joined.get();
    BOOST_TEST(contains(thrown<std::invalid_argument>([&] { q.task_done(); }), "task_done() called too many times"));
  });
}

BOOST_AUTO_TEST_CASE(an_item_that_cannot_be_moved_stays_and_goes_to_another) {
  run_virtual([]() -> awaitable<void> {
    thread_queue<fragile> q(1);
    fragile item(7);
    fragile::broken = true;
    BOOST_TEST(thrown<std::runtime_error>([&] { q.blocking_put(std::move(item)); }) == "broken");
    bool failed = false;
    try {
      co_await q.put(std::move(item));
    } catch (const std::runtime_error&) {
      failed = true;
    }
    BOOST_TEST(failed);
    fragile::broken = false;
    co_await q.put(std::move(item)); // there is still room
    fragile::broken = true;
    BOOST_TEST(thrown<std::runtime_error>([&] { q.blocking_get(); }) == "broken");
    BOOST_TEST(q.qsize() == 1u);
    fragile::broken = false;
    BOOST_TEST((co_await q.get()).value == 7);
  });
}

BOOST_AUTO_TEST_CASE(a_thread_that_runs_a_loop_is_not_blocked) {
  run_virtual([]() -> awaitable<void> {
    thread_queue<int> q(1);
    BOOST_TEST(contains(thrown<std::runtime_error>([&] { q.blocking_get(); }), "would block the event loop"));
    q.blocking_put(1); // there is room
    BOOST_TEST(contains(thrown<std::runtime_error>([&] { q.blocking_put(2, 1s); }), "would block the event loop"));
    BOOST_TEST(q.blocking_get() == 1);
    co_return;
  });
}

BOOST_AUTO_TEST_CASE(a_blocked_thread_ends_by_time_or_by_a_stop) {
  thread_queue<int> q;
  BOOST_TEST(contains(thrown<timeout_error>([&] { q.blocking_get(1ms); }), "blocking_get: the time limit of 0.001 s"));
  BOOST_TEST(contains(thrown<timeout_error>([&] { q.blocking_next(1ms); }), "blocking_next: the time limit"));
  std::stop_source stop;
  std::optional<std::string> text;
  std::thread blocked([&] { text = thrown<cancelled_error>([&] { q.blocking_get(std::nullopt, stop.get_token()); }); });
  stop.request_stop();
  blocked.join();
  BOOST_TEST(*text == "blocking_get: a stop was requested");
  BOOST_TEST(!q.blocking_next(std::nullopt, stop.get_token()).has_value());
  BOOST_TEST(q.statistics().getters == 0u);
  q.blocking_put(1);
  BOOST_TEST(q.blocking_get(std::nullopt, stop.get_token()) == 1); // what is there is given all the same
}

BOOST_AUTO_TEST_CASE(who_waits_outlives_the_queue_object) {
  numbers got;
  loop_thread thread;
  concurrent_future<void> taken;
  {
    const thread_queue<int> q;
    taken = thread.submit(take_all(q, got));
    q.blocking_put(1);
    q.close();
  }
  taken.result();
  BOOST_TEST(got == numbers{1}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_loop_that_ends_gives_back_what_its_tasks_were_given) {
  thread_queue<int> q;
  {
    runner r;
    const auto get = [q]() -> awaitable<void> { co_await q.get(); };
    r.run([&]() -> awaitable<void> {
      create_task(get, task_options().background(true));
      co_await testing::settle_all();
    });
    BOOST_TEST(q.statistics().getters == 1u);
    q.blocking_put(1); // for the task, which never gets its turn
    BOOST_TEST(!q.try_get().has_value());
  }
  BOOST_TEST(q.statistics().getters == 0u);
  BOOST_TEST(q.blocking_get(0s) == 1);
}

BOOST_AUTO_TEST_CASE(statistics_tell_sizes_and_waiters) {
  thread_queue<int> q(2);
  q.blocking_put(1);
  q.blocking_put(2);
  BOOST_TEST(q.blocking_get() == 1);
  const queue_statistics s = q.statistics();
  BOOST_TEST(s.size == 1u);
  BOOST_TEST(s.most_items == 2u);
  BOOST_TEST(s.unfinished == 2u);
  BOOST_TEST(s.putters == 0u);
  BOOST_TEST(q.maxsize() == 2u);
}
