// queue, lifo_queue, priority_queue: what each call does (rules Q1 to Q6; their order in time is in
// queue_programs_test).
// SPDX-License-Identifier: BSL-1.0
#include "../support/expect.hpp"
#include "../support/queues.hpp"
#include "../support/ticker.hpp"
#include "../support/trace.hpp"

#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::get_into;
using support::thrown;
using support::ticker;
using support::token;
using support::trace;
using support::with_ticker;

BOOST_AUTO_TEST_CASE_TEMPLATE(Q2_put_nowait_and_get_nowait_throw_what_asyncio_raises, Queue, support::token_queues) {
  Queue q(1);
  BOOST_CHECK_THROW(q.get_nowait(), queue_empty);
  token a(1), b(2);
  q.put_nowait(std::move(a));
  BOOST_CHECK_THROW(q.put_nowait(std::move(b)), queue_full);
  BOOST_TEST(a.number() == 0);
  BOOST_TEST(b.number() == 2);
  BOOST_TEST(q.get_nowait().number() == 1);
  q.shutdown();
  BOOST_CHECK_THROW(q.put_nowait(std::move(b)), queue_shut_down);
  BOOST_CHECK_THROW(q.get_nowait(), queue_shut_down);
  BOOST_TEST(b.number() == 2);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(Q2_try_put_and_try_get_tell_instead, Queue, support::token_queues) {
  Queue q(1);
  BOOST_TEST(!q.try_get().has_value());
  token a(1), b(2);
  BOOST_TEST(q.try_put(std::move(a)));
  BOOST_TEST(!q.try_put(std::move(b)));
  BOOST_TEST(b.number() == 2);
  std::optional<token> got = q.try_get();
  BOOST_REQUIRE(got.has_value());
  BOOST_TEST(got->number() == 1);
  q.put_nowait(token(3));
  q.shutdown();
  BOOST_CHECK_THROW(q.try_put(std::move(b)), queue_shut_down); // full or not
  BOOST_TEST(q.try_get()->number() == 3);
  BOOST_CHECK_THROW(q.try_put(std::move(b)), queue_shut_down);
  BOOST_TEST(!q.try_get().has_value());
  BOOST_TEST(b.number() == 2);
}

BOOST_AUTO_TEST_CASE(Q2_an_lvalue_is_copied) {
  queue<std::string> q(3);
  const std::string constant = "constant";
  std::string item = "item";
  q.put_nowait(constant);
  q.put_nowait(item);
  BOOST_TEST(q.try_put(item));
  BOOST_TEST(!q.try_put(item));
  BOOST_TEST(item == "item");
  BOOST_TEST(q.get_nowait() == "constant");
  BOOST_TEST(q.get_nowait() == "item");
  testing::run_virtual([&]() -> awaitable<void> {
    co_await q.put(constant);
    co_await q.put(item);
  });
  BOOST_TEST(item == "item");
  BOOST_TEST(q.qsize() == 3u);
}

BOOST_AUTO_TEST_CASE(Q2_a_copy_is_taken_when_put_is_called) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<std::string> q(1);
    q.put_nowait("first");
    std::string item = "then";
    auto t = create_task(q.put(item));
    item = "now";
    co_await testing::passes(2);
    BOOST_TEST(q.get_nowait() == "first");
    co_await t.get();
    BOOST_TEST(q.get_nowait() == "then");
  });
}

BOOST_AUTO_TEST_CASE(Q4_task_done_more_often_than_put_is_an_error_and_changes_nothing) {
  queue<int> q;
  BOOST_TEST(contains(thrown<std::invalid_argument>([&] { q.task_done(); }), "task_done() called too many times"));
  q.put_nowait(1);
  q.task_done(); // before it is taken, as in asyncio
  BOOST_TEST(contains(thrown<std::invalid_argument>([&] { q.task_done(); }), "task_done() called too many times"));
  BOOST_TEST(q.statistics().unfinished == 0u);
  BOOST_TEST(q.get_nowait() == 1);
}

BOOST_AUTO_TEST_CASE(Q4_join_waits_for_all_items) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    queue<int> q;
    int at = tick.now();
    co_await q.join();
    BOOST_TEST(tick.now() == at);
    for (int i = 0; i < 3; ++i)
      q.put_nowait(i);
    int done_at = -1;
    const auto worker = [&]() -> awaitable<void> {
      while (const std::optional<int> item = co_await q.next()) {
        co_await sleep(0s);
        q.task_done();
        done_at = tick.now();
      }
    };
    auto t = create_task(worker);
    co_await q.join();
    BOOST_TEST(done_at > at);
    BOOST_TEST(tick.now() == done_at + 1);
    q.shutdown();
    co_await t.get();
  });
}

BOOST_AUTO_TEST_CASE(Q6_maxsize_of_zero_or_less_is_no_limit) {
  for (const std::ptrdiff_t maxsize : {0, -1, -1000}) {
    queue<int> q(maxsize);
    for (int i = 0; i < 100; ++i)
      q.put_nowait(i);
    BOOST_TEST(!q.full());
    BOOST_TEST(q.maxsize() == maxsize);
    BOOST_TEST(q.qsize() == 100u);
  }
  queue<int> two(2);
  BOOST_TEST(two.empty());
  two.put_nowait(1);
  BOOST_TEST(!two.full());
  BOOST_TEST(!two.empty());
  two.put_nowait(2);
  BOOST_TEST(two.full());
  BOOST_TEST(queue<int>().maxsize() == 0);
}

BOOST_AUTO_TEST_CASE(Q6_each_kind_has_its_order) {
  queue<int> first_in;
  lifo_queue<int> newest;
  priority_queue<int> smallest;
  priority_queue<int, std::greater<int>> largest;
  const auto far = [](int a, int b) { return std::abs(a - 5) > std::abs(b - 5); };
  priority_queue<int, decltype(far)> farthest(0, far);
  const auto order = [](auto& q) {
    for (const int i : {5, 1, 9, 3, 4})
      q.put_nowait(i);
    std::string text;
    while (const std::optional<int> i = q.try_get())
      text += std::to_string(*i);
    return text;
  };
  BOOST_TEST(order(first_in) == "51934");
  BOOST_TEST(order(newest) == "43915");
  BOOST_TEST(order(smallest) == "13459");
  BOOST_TEST(order(largest) == "95431");
  BOOST_TEST(order(farthest) == "19345");
}

BOOST_AUTO_TEST_CASE(Q6_a_priority_queue_sorts_many) {
  priority_queue<std::unique_ptr<unsigned>,
                 bool (*)(const std::unique_ptr<unsigned>&, const std::unique_ptr<unsigned>&)>
      q(0, [](const std::unique_ptr<unsigned>& a, const std::unique_ptr<unsigned>& b) { return *a < *b; });
  unsigned seed = 1;
  std::multiset<unsigned> model;
  for (int i = 0; i < 5000; ++i) {
    seed = seed * 1664525u + 1013904223u;
    if (seed >> 30 || model.empty()) {
      q.put_nowait(std::make_unique<unsigned>(seed >> 20));
      model.insert(seed >> 20);
    } else {
      BOOST_REQUIRE(*q.get_nowait() == *model.begin());
      model.erase(model.begin());
    }
  }
  while (const auto item = q.try_get()) {
    BOOST_REQUIRE(**item == *model.begin());
    model.erase(model.begin());
  }
  BOOST_TEST(model.empty());
}

BOOST_AUTO_TEST_CASE(next_is_empty_after_the_end) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<token> q;
    trace log;
    const auto consume = [&](std::string name) -> awaitable<void> {
      while (std::optional<token> item = co_await q.next())
        log.push_back(name + std::to_string(item->number()));
      log.push_back(name + " ends");
    };
    create_task(consume("a"));
    create_task(consume("b"));
    co_await testing::passes(2);
    q.put_nowait(token(1));
    q.put_nowait(token(2));
    q.put_nowait(token(3));
    q.shutdown();
    co_await testing::settle_all();
    CHECK_TRACE(log, "a1", "a2", "a3", "a ends", "b ends");
  });
}

BOOST_AUTO_TEST_CASE(next_of_optional_items_tells_an_empty_item_from_the_end) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<std::optional<int>> q;
    q.put_nowait(std::nullopt);
    q.put_nowait(1);
    q.shutdown();
    std::optional<std::optional<int>> first = co_await q.next();
    std::optional<std::optional<int>> second = co_await q.next();
    std::optional<std::optional<int>> third = co_await q.next();
    BOOST_REQUIRE(first.has_value());
    BOOST_TEST(!first->has_value());
    BOOST_REQUIRE(second.has_value());
    BOOST_TEST(second->value() == 1);
    BOOST_TEST(!third.has_value());
  });
}

BOOST_AUTO_TEST_CASE(statistics_count_items_and_waiters) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<token> q(2);
    trace log;
    for (int i = 0; i < 3; ++i)
      create_task(get_into(q, log, ""));
    co_await testing::passes(2);
    BOOST_TEST(q.statistics().getters == 3u);
    BOOST_TEST(q.statistics().size == 0u);
    q.put_nowait(token(1));
    q.put_nowait(token(2));
    BOOST_TEST(q.statistics().size == 2u);
    co_await testing::passes(2);
    BOOST_TEST(q.statistics().getters == 1u);
    BOOST_TEST(q.statistics().size == 0u);
    BOOST_TEST(q.statistics().most_items == 2u);
    BOOST_TEST(q.statistics().unfinished == 2u);
    q.task_done();
    BOOST_TEST(q.statistics().unfinished == 1u);
    token items[] = {token(3), token(4), token(5), token(6), token(7)};
    std::vector<task<void>> putters;
    for (token& item : items)
      putters.push_back(create_task(support::put_from(q, item)));
    co_await testing::passes(3);
    BOOST_TEST(q.statistics().getters == 0u);
    BOOST_TEST(q.statistics().putters == 2u);
    BOOST_TEST(q.statistics().most_items == 2u);
    BOOST_TEST(q.statistics().unfinished == 4u);
    CHECK_TRACE(log, "1", "2", "3");
    q.shutdown();
    for (auto& t : putters)
      co_await settle(t);
    BOOST_TEST(q.statistics().putters == 0u);
    BOOST_TEST(q.statistics().size == 2u);
    BOOST_TEST(items[4].number() == 7);
  });
}

BOOST_AUTO_TEST_CASE(dump_tasks_says_who_waits_for_what_of_a_queue) {
  queue<int> full(1), none;
  testing::run_virtual([&]() -> awaitable<void> {
    full.put_nowait(1);
    create_task(none.get(), task_options().name("getter"));
    create_task(none.next(), task_options().name("next"));
    const int item = 2;
    create_task(full.put(item), task_options().name("putter"));
    create_task(full.join(), task_options().name("joiner"));
    co_await testing::passes(2);
    std::ostringstream out;
    dump_tasks(out);
    const std::string text = out.str();
    const auto waits = [&](const std::string& name) {
      const auto line = text.substr(text.find("'" + name + "'"));
      const auto begin = line.find("waits for ") + 10;
      return line.substr(begin, line.find(" since") - begin);
    };
    BOOST_TEST(waits("getter") == "an item of a queue");
    BOOST_TEST(waits("next") == "an item of a queue");
    BOOST_TEST(waits("putter") == "room in a queue");
    BOOST_TEST(waits("joiner") == "the work on the items of a queue");
  });
}

BOOST_AUTO_TEST_CASE(trap_52_a_task_that_waits_for_a_queue_lives_without_a_handle) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<token> q;
    trace log;
    create_task(get_into(q, log, "got "));
    co_await sleep(1h);
    co_await q.put(token(5));
    co_await testing::passes(1);
    CHECK_TRACE(log, "got 5");
  });
}

BOOST_AUTO_TEST_CASE(a_deadlock_names_the_queue) {
  const std::string text = thrown<testing::deadlock_error>([] {
    queue<int> q;
    testing::run_virtual([&]() -> awaitable<void> { co_await q.get(); });
  });
  BOOST_TEST(contains(text, "an item of a queue"));
}

BOOST_AUTO_TEST_CASE(many_waits_that_need_no_pass_need_no_stack) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<int> q(1);
    long sum = 0;
    for (int i = 0; i < 100'000; ++i) {
      co_await q.put(std::move(i));
      sum += co_await q.get();
    }
    BOOST_TEST(sum == 4'999'950'000L);
  });
}
