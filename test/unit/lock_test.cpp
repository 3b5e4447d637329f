// lock: who gets it, and when (rules LK1 to LK5), and its guard. The traces are CPython's.
// SPDX-License-Identifier: BSL-1.0
#include "../support/diary.hpp"
#include "../support/expect.hpp"

#include <rondo/diagnostics.hpp>
#include <rondo/lock.hpp>
#include <rondo/task.hpp>
#include <rondo/wait.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::diary;
using support::thrown;
using support::traced;
using support::use;
using testing::passes;

namespace {

std::string state(const lock& m) { return m.locked() ? "locked" : "free"; }

} // namespace

// --- LK1, LK2 ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(LK1_acquire_of_a_free_lock_does_not_wait) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    lock m;
    co_await m.acquire();
    note("in " + state(m));
    m.release();
    {
      const auto guard = co_await m.scoped();
      note("in " + state(m));
    }
    note(state(m));
    BOOST_TEST(m.statistics().most_waiters == 0U);
  });
  CHECK_TRACE(words, "1 in locked", "1 in locked", "1 free");
}

BOOST_AUTO_TEST_CASE(LK1_a_newcomer_waits_behind_who_was_woken) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    lock m;
    co_await m.acquire();
    create_task(use(note, m, "a"));
    co_await passes(1);
    m.release();
    note(state(m));
    co_await m.acquire();
    note("main in");
    m.release();
  });
  CHECK_TRACE(words, "2 free", "3 a in", "4 a out", "5 main in");
}

BOOST_AUTO_TEST_CASE(LK1_a_newcomer_takes_a_free_lock_if_all_who_wait_are_cancelled) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    lock m;
    co_await m.acquire();
    const auto a = create_task(use(note, m, "a"));
    const auto b = create_task(use(note, m, "b"));
    co_await passes(1);
    a.cancel();
    b.cancel();
    m.release();
    co_await m.acquire();
    note("main in");
    co_await passes(2);
    m.release();
  });
  CHECK_TRACE(words, "2 main in", "3 a cancelled", "3 b cancelled");
}

BOOST_AUTO_TEST_CASE(LK2_first_come_first_served_and_the_releaser_is_the_last) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    lock m;
    co_await m.acquire();
    for (const char* name : {"a", "b", "c"})
      create_task(use(note, m, name));
    co_await passes(1);
    m.release();
    co_await use(note, m, "main");
  });
  CHECK_TRACE(words, "3 a in", "4 a out", "5 b in", "6 b out", "7 c in", "8 c out", "9 main in", "10 main out");
}

BOOST_AUTO_TEST_CASE(LK2_the_lock_passes_on_when_the_waiter_runs_and_cannot_be_released_before) {
  traced([](diary& note) -> awaitable<void> {
    lock m;
    co_await m.acquire();
    create_task(use(note, m, "a"));
    create_task(use(note, m, "b"));
    co_await passes(1);
    m.release();
    BOOST_TEST(thrown<std::runtime_error>([&] { m.release(); }) == "Lock is not acquired.");
    co_await passes(1);
    BOOST_TEST(m.locked());
    BOOST_TEST(m.statistics().waiters == 1U);
    co_await passes(4);
    CHECK_TRACE(note.words(), "3 a in", "4 a out", "5 b in", "6 b out");
  });
}

BOOST_AUTO_TEST_CASE(LK3_who_is_woken_and_cancelled_wakes_the_next) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    lock m;
    co_await m.acquire();
    const auto a = create_task(use(note, m, "a"));
    create_task(use(note, m, "b"));
    co_await passes(1);
    m.release();
    a.cancel();
    note(state(m));
    co_await passes(3);
  });
  CHECK_TRACE(words, "2 free", "3 a cancelled", "4 b in", "5 b out");
}

BOOST_AUTO_TEST_CASE(LK4_release_of_a_lock_that_is_free_throws_and_any_task_may_release) {
  traced([](diary& note) -> awaitable<void> {
    lock m;
    BOOST_TEST(thrown<std::runtime_error>([&] { m.release(); }) == "Lock is not acquired.");
    BOOST_TEST(!m.locked());
    create_task([&]() -> awaitable<void> { co_await m.acquire(); });
    co_await passes(1);
    BOOST_TEST(m.locked());
    m.release();
    BOOST_TEST(!m.locked());
    note("released");
  });
}

BOOST_AUTO_TEST_CASE(LK5_it_belongs_to_the_loop_on_which_somebody_waited_first) {
  lock m;
  for (int round = 0; round < 2; ++round) // without a wait any loop will do
    testing::run_virtual([&]() -> awaitable<void> { const auto guard = co_await m.scoped(); });
  testing::run_virtual([&]() -> awaitable<void> {
    co_await m.acquire();
    create_task([&]() -> awaitable<void> { co_await m.acquire(); });
    co_await passes(1);
    m.release();
    co_await passes(1);
    m.release();
  });
  testing::run_virtual([&]() -> awaitable<void> {
    co_await m.acquire();
    auto t = create_task([&]() -> awaitable<void> { co_await m.acquire(); });
    co_await passes(1);
    m.release(); // the task is ready to run with its error by now
    const auto s = co_await settle(t);
    BOOST_REQUIRE(s.error_as<std::runtime_error>());
    BOOST_TEST(contains(s.error_as<std::runtime_error>()->what(), "<lock> is bound to a different event loop"));
    BOOST_TEST(!m.locked()); // it did not get it
    BOOST_TEST(m.statistics().waiters == 0U);
  });
}

// --- try_acquire -------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(trap_83_try_acquire_finds_nothing_in_the_window_between_release_and_the_waiter) {
  traced([](diary& note) -> awaitable<void> {
    lock m;
    BOOST_TEST(m.try_acquire());
    BOOST_TEST(!m.try_acquire());
    create_task(use(note, m, "a"));
    co_await passes(1);
    m.release();
    BOOST_TEST(!m.locked());
    BOOST_TEST(!m.try_acquire());
    co_await passes(3);
    BOOST_TEST(m.try_acquire());
    m.release();
  });
}

// --- guards ------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(lock_guard_can_be_moved_and_released_early) {
  traced([](diary&) -> awaitable<void> {
    lock m;
    auto first = co_await m.scoped();
    auto second = std::move(first);
    BOOST_TEST(!first);
    BOOST_TEST(bool(second));
    first.release(); // nothing
    BOOST_TEST(m.locked());
    second.release();
    BOOST_TEST(!m.locked());
    BOOST_TEST(!second);
    BOOST_TEST(m.try_acquire());
    second.release(); // nothing: it holds no longer what it had
    BOOST_TEST(m.locked());
    m.release();
  });
  static_assert(!std::is_copy_constructible_v<scoped_guard<lock>>);
  static_assert(std::is_nothrow_move_constructible_v<scoped_guard<lock>>);
}

BOOST_AUTO_TEST_CASE(lock_guard_gives_back_what_it_held_when_it_is_assigned_to) {
  traced([](diary&) -> awaitable<void> {
    lock one, other;
    auto a = co_await one.scoped();
    auto b = co_await other.scoped();
    a = std::move(b);
    BOOST_TEST(!one.locked());
    BOOST_TEST(other.locked());
    BOOST_TEST(!b);
    auto& itself = a;
    a = std::move(itself);
    BOOST_TEST(other.locked());
    BOOST_TEST(bool(a));
    a = {};
    BOOST_TEST(!other.locked());
    a = co_await one.scoped();
    BOOST_TEST(one.locked());
  });
}

BOOST_AUTO_TEST_CASE(lock_guard_unlocks_when_an_exception_leaves_its_scope) {
  traced([](diary&) -> awaitable<void> {
    lock m;
    const auto fails = [&]() -> awaitable<void> {
      const auto guard = co_await m.scoped();
      throw std::runtime_error("inside");
    };
    const auto s = co_await settle(fails);
    BOOST_TEST(s.error_as<std::runtime_error>());
    BOOST_TEST(!m.locked());
  });
}

BOOST_AUTO_TEST_CASE(lock_guard_can_outlive_the_coroutine_that_took_it) {
  traced([](diary& note) -> awaitable<void> {
    lock m;
    const auto take = [&]() -> awaitable<scoped_guard<lock>> { co_return co_await m.scoped(); };
    {
      const auto guard = co_await take();
      create_task(use(note, m, "a"));
      co_await passes(2);
      BOOST_TEST(note.words().empty());
    }
    co_await passes(2);
    CHECK_TRACE(note.words(), "4 a in", "5 a out");
  });
}

// --- looking inside ----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(lock_statistics_count_who_waits) {
  traced([](diary& note) -> awaitable<void> {
    lock m;
    co_await m.acquire();
    const auto a = create_task(use(note, m, "a"));
    create_task(use(note, m, "b"));
    BOOST_TEST(m.statistics().waiters == 0U);
    co_await passes(1);
    BOOST_TEST(m.statistics().waiters == 2U);
    a.cancel();
    BOOST_TEST(m.statistics().waiters == 2U); // until it has run
    co_await passes(1);
    BOOST_TEST(m.statistics().waiters == 1U);
    m.release();
    co_await passes(1);
    BOOST_TEST(m.statistics().waiters == 0U);
    BOOST_TEST(m.statistics().most_waiters == 2U);
    co_await passes(2);
  });
}

BOOST_AUTO_TEST_CASE(lock_dump_tasks_says_who_waits_for_it) {
  traced([](diary& note) -> awaitable<void> {
    lock m;
    co_await m.acquire();
    create_task(use(note, m, "a"), task_options().name("waiter"));
    co_await passes(1);
    std::ostringstream out;
    dump_tasks(out);
    BOOST_TEST(contains(out.str(), "waits for a lock, which is locked since 0.000 s"));
    m.release();
    std::ostringstream again;
    dump_tasks(again);
    BOOST_TEST(contains(again.str(), "waits for a lock since 0.000 s"));
    co_await passes(2);
  });
}

BOOST_AUTO_TEST_CASE(lock_10000_waiters_one_after_the_other) {
  traced([](diary&) -> awaitable<void> {
    lock m;
    int inside = 0, served = 0;
    const auto user = [&]() -> awaitable<void> {
      const auto guard = co_await m.scoped();
      BOOST_REQUIRE(++inside == 1);
      co_await passes(1);
      --inside;
      ++served;
    };
    std::vector<any_task> all;
    for (int i = 0; i < 10000; ++i)
      all.push_back(create_task(user));
    co_await passes(2);
    for (std::size_t i = 2; i < all.size(); i += 2) // they leave the line
      all[i].cancel();
    co_await wait(all);
    BOOST_TEST(served == 10000 - 4999);
    BOOST_TEST(!m.locked());
    BOOST_TEST(m.statistics().waiters == 0U);
  });
}
