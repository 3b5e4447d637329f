// condition: who is notified, and when (rules CV1 to CV4). The traces are CPython's.
// SPDX-License-Identifier: BSL-1.0
#include "../support/diary.hpp"
#include "../support/expect.hpp"

#include <rondo/condition.hpp>
#include <rondo/diagnostics.hpp>
#include <rondo/task.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <deque>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::diary;
using support::noted;
using support::thrown;
using support::traced;
using testing::passes;

namespace {

awaitable<void> hear(diary& note, condition& c, std::string name, int held = 0) {
  const auto guard = co_await c.scoped();
  co_await noted(note, name, c.wait());
  note(name + " heard");
  co_await passes(held);
  if (held) note(name + " leaves");
}

/// Makes a task for each letter.
std::vector<task<void>> hearers(diary& note, condition& c, const std::string& names, int held = 0) {
  std::vector<task<void>> all;
  for (const char name : names)
    all.push_back(create_task(hear(note, c, std::string(1, name), held)));
  return all;
}

awaitable<void> notify_all(condition& c) {
  const auto guard = co_await c.scoped();
  c.notify_all();
}

} // namespace

BOOST_AUTO_TEST_CASE(CV1_wait_releases_the_lock_and_has_it_again_at_its_end) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    condition c;
    create_task(hear(note, c, "a"));
    co_await passes(1);
    BOOST_TEST(!c.locked());
    {
      const auto guard = co_await c.scoped();
      c.notify();
      note("notified");
      co_await passes(2);
    }
    co_await passes(2);
    BOOST_TEST(!c.locked());
  });
  CHECK_TRACE(words, "2 notified", "5 a heard");
}

BOOST_AUTO_TEST_CASE(CV1_without_the_lock_it_throws) {
  traced([](diary&) -> awaitable<void> {
    condition c;
    const auto s = co_await settle(c.wait());
    BOOST_REQUIRE(s.error_as<std::runtime_error>());
    BOOST_TEST(s.error_as<std::runtime_error>()->what() == std::string("cannot wait on un-acquired lock"));
    BOOST_TEST(c.statistics().most_waiters == 0U);
  });
}

BOOST_AUTO_TEST_CASE(CV1_with_a_lock_of_yours_several_conditions_share_it) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    lock m;
    condition full(m), empty(m);
    create_task(hear(note, full, "full"));
    create_task(hear(note, empty, "empty"));
    co_await passes(1);
    BOOST_TEST(!m.locked());
    co_await full.acquire();
    BOOST_TEST((m.locked() && empty.locked() && !empty.try_acquire()));
    empty.notify(); // by whoever holds the lock
    full.release();
    co_await passes(2);
    BOOST_TEST(full.try_acquire());
    full.notify();
    m.release();
    co_await passes(2);
  });
  CHECK_TRACE(words, "3 empty heard", "5 full heard");
}

BOOST_AUTO_TEST_CASE(CV3_notify_without_the_lock_throws_and_without_waiters_does_nothing) {
  traced([](diary& note) -> awaitable<void> {
    condition c;
    const std::string text = "cannot notify on un-acquired lock";
    BOOST_TEST(thrown<std::runtime_error>([&] { c.notify(); }) == text);
    BOOST_TEST(thrown<std::runtime_error>([&] { c.notify_all(); }) == text);
    co_await c.acquire();
    c.notify();
    c.notify_all();
    c.release();
    const auto a = create_task(hear(note, c, "a"));
    co_await passes(3);
    BOOST_TEST(note.words().empty()); // a notification is not kept
    a.cancel();
    co_await passes(1);
  });
}

BOOST_AUTO_TEST_CASE(CV3_notify_counts_only_who_still_waits) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    condition c;
    const auto tasks = hearers(note, c, "abcd");
    co_await passes(1);
    {
      const auto guard = co_await c.scoped();
      tasks[0].cancel();
      c.notify(2);
      note("notified");
    }
    co_await passes(8);
  });
  // a passes on a notification that it may have got: d is woken for nothing, as asyncio allows.
  CHECK_TRACE(words, "2 notified", "3 a cancelled", "3 b heard", "3 c heard", "4 d heard");
}

BOOST_AUTO_TEST_CASE(CV3_notify_twice_wakes_two) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    condition c;
    const auto tasks = hearers(note, c, "abc");
    co_await passes(1);
    {
      const auto guard = co_await c.scoped();
      c.notify();
      c.notify();
    }
    co_await passes(8);
    BOOST_TEST(!tasks[2].done());
    BOOST_TEST(c.statistics().waiters == 1U);
    tasks[2].cancel();
    co_await passes(1);
  });
  CHECK_TRACE(words, "3 a heard", "3 b heard", "11 c cancelled");
}

BOOST_AUTO_TEST_CASE(CV3_notify_all_wakes_all_in_one_pass_if_each_lets_the_lock_go) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    condition c;
    hearers(note, c, "abc");
    co_await passes(1);
    co_await notify_all(c);
    note("notified");
    co_await passes(8);
  });
  CHECK_TRACE(words, "2 notified", "3 a heard", "3 b heard", "3 c heard");
}

BOOST_AUTO_TEST_CASE(CV3_notify_all_wakes_them_one_after_the_other_if_each_keeps_the_lock) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    condition c;
    hearers(note, c, "abc", 2);
    co_await passes(1);
    co_await notify_all(c);
    co_await passes(12);
  });
  CHECK_TRACE(words, "3 a heard", "5 a leaves", "6 b heard", "8 b leaves", "9 c heard", "11 c leaves");
}

BOOST_AUTO_TEST_CASE(CV4_wait_for_checks_again_and_gives_what_the_predicate_gave) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    condition c;
    std::deque<int> items;
    const auto consumer = [&](std::string name) -> awaitable<void> {
      const auto guard = co_await c.scoped();
      const auto next = [&] { return items.empty() ? 0 : items.front(); };
      const int item = co_await c.wait_for(next);
      note(name + " " + std::to_string(item));
      items.pop_front();
    };
    create_task(consumer("a"));
    create_task(consumer("b"));
    co_await passes(1);
    co_await notify_all(c); // for nothing
    co_await passes(5);
    items.push_back(7);
    co_await notify_all(c);
    co_await passes(5);
    {
      const auto guard = co_await c.scoped();
      items.push_back(8);
      c.notify();
    }
    co_await passes(5);
  });
  CHECK_TRACE(words, "8 a 7", "13 b 8");
}

BOOST_AUTO_TEST_CASE(CV4_wait_for_of_what_is_true_does_not_wait) {
  traced([](diary&) -> awaitable<void> {
    condition c;
    const auto always = [] { return true; };
    bool result = co_await c.wait_for(always); // not even for the lock, as in asyncio
    BOOST_TEST(result);
    const auto pointer = [value = std::make_shared<int>(5)] { return value; };
    const std::shared_ptr<int> five = co_await c.wait_for(pointer);
    BOOST_TEST(*five == 5);
    const auto never = [] { return false; };
    const auto s = co_await settle(c.wait_for(never));
    BOOST_TEST(s.error_as<std::runtime_error>());
    const auto fails = [&]() -> bool { throw std::invalid_argument("predicate"); };
    const auto guard = co_await c.scoped();
    const auto f = co_await settle(c.wait_for(fails));
    BOOST_TEST(f.error_as<std::invalid_argument>());
    BOOST_TEST(c.locked());
  });
}

BOOST_AUTO_TEST_CASE(LK5_a_condition_of_another_loop_is_refused_before_the_lock_is_released) {
  condition c;
  testing::run_virtual([&]() -> awaitable<void> {
    const auto waits = [&]() -> awaitable<void> {
      const auto guard = co_await c.scoped();
      co_await c.wait();
    };
    create_task(waits);
    co_await passes(1);
    co_await notify_all(c);
    co_await passes(2);
  });
  testing::run_virtual([&]() -> awaitable<void> {
    co_await c.acquire();
    bool came_between = false;
    const auto other = [&]() -> awaitable<void> {
      const auto guard = co_await c.scoped();
      came_between = true;
    };
    create_task(other);
    co_await passes(1);
    const auto s = co_await settle(c.wait());
    BOOST_TEST(!came_between);
    BOOST_REQUIRE(s.error_as<std::runtime_error>());
    BOOST_TEST(contains(s.error_as<std::runtime_error>()->what(), "<condition> is bound to a different event loop"));
    BOOST_TEST(c.locked());
    c.release();
    co_await passes(1);
    BOOST_TEST(came_between);
  });
}

BOOST_AUTO_TEST_CASE(condition_statistics_and_dump_tasks) {
  traced([](diary& note) -> awaitable<void> {
    condition c;
    hearers(note, c, "ab");
    co_await passes(1);
    BOOST_TEST(c.statistics().waiters == 2U);
    const auto dump = [] {
      std::ostringstream out;
      dump_tasks(out);
      return out.str();
    };
    BOOST_TEST(contains(dump(), "waits for a condition since 0.000 s"));
    co_await c.acquire();
    c.notify_all();
    co_await passes(1);
    BOOST_TEST(c.statistics().waiters == 0U);
    BOOST_TEST(contains(dump(), "waits for a lock, which is locked since 0.000 s"));
    c.release();
    co_await passes(2);
    BOOST_TEST(c.statistics().most_waiters == 2U);
  });
}
