// semaphore, bounded_semaphore: who gets a permit, and when (rules SM1 to SM4). The traces are CPython's.
// SPDX-License-Identifier: BSL-1.0
#include "../support/diary.hpp"
#include "../support/expect.hpp"

#include <rondo/diagnostics.hpp>
#include <rondo/semaphore.hpp>
#include <rondo/task.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <sstream>
#include <stdexcept>
#include <string>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::diary;
using support::late;
using support::thrown;
using support::traced;
using support::use;
using testing::passes;

namespace {

std::string state(const semaphore& s) { return std::to_string(s.value()) + (s.locked() ? " locked" : " open"); }

} // namespace

BOOST_AUTO_TEST_CASE(semaphore_a_negative_value_is_refused) {
  BOOST_TEST(contains(thrown<std::invalid_argument>([] { semaphore s(-1); }), "Semaphore initial value must be >= 0"));
  BOOST_TEST(
      contains(thrown<std::invalid_argument>([] { bounded_semaphore s(-2); }), "it is -2 for this bounded_semaphore"));
  BOOST_TEST(semaphore().value() == 1);
  BOOST_TEST(semaphore(0).locked());
}

BOOST_AUTO_TEST_CASE(SM1_a_permit_that_is_there_is_taken_without_a_wait) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    semaphore s(2);
    co_await s.acquire();
    note(state(s));
    {
      const auto permit = co_await s.scoped();
      note(state(s));
    }
    BOOST_TEST(s.try_acquire());
    BOOST_TEST(!s.try_acquire());
    note(state(s));
  });
  CHECK_TRACE(words, "1 1 open", "1 0 locked", "1 0 locked");
}

BOOST_AUTO_TEST_CASE(SM1_newcomers_queue_although_permits_are_left) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    semaphore s(0);
    create_task(use(note, s, "a"));
    create_task(use(note, s, "b"));
    co_await passes(1);
    for (int i = 0; i < 3; ++i)
      s.release();
    note(state(s));
    BOOST_TEST(!s.try_acquire());
    co_await use(note, s, "main");
    note(state(s));
  });
  CHECK_TRACE(words, "2 1 locked", "3 a in", "3 b in", "4 main in", "4 a out", "4 b out", "5 main out", "5 3 open");
}

BOOST_AUTO_TEST_CASE(SM2_a_release_hands_the_permit_over_and_three_wake_three_in_one_pass) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    semaphore s(0);
    for (const char* name : {"a", "b", "c", "d"})
      create_task(use(note, s, name, 2));
    co_await passes(1);
    for (int i = 0; i < 3; ++i)
      s.release();
    note(state(s));
    co_await passes(6);
  });
  CHECK_TRACE(words, "2 0 locked", "3 a in", "3 b in", "3 c in", "5 a out", "5 b out", "5 c out", "6 d in", "8 d out");
}

BOOST_AUTO_TEST_CASE(SM3_who_is_granted_and_cancelled_passes_it_on) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    semaphore s(0);
    const auto a = create_task(use(note, s, "a"));
    create_task(use(note, s, "b"));
    co_await passes(1);
    s.release();
    a.cancel();
    note(state(s));
    co_await passes(1);
    note(state(s));
    co_await passes(3);
    note(state(s));
  });
  CHECK_TRACE(words, "2 0 locked", "3 a cancelled", "3 0 locked", "4 b in", "5 b out", "6 1 open");
}

BOOST_AUTO_TEST_CASE(SM3_without_others_the_permit_comes_back) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    semaphore s(0);
    const auto a = create_task(use(note, s, "a"));
    co_await passes(1);
    s.release();
    a.cancel();
    note(state(s));
    co_await passes(1);
    note(state(s));
  });
  CHECK_TRACE(words, "2 0 locked", "3 a cancelled", "3 1 open");
}

BOOST_AUTO_TEST_CASE(SM3_two_cancelled_in_the_window_pass_two_permits_on) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    semaphore s(0);
    const auto a = create_task(use(note, s, "a"));
    const auto b = create_task(use(note, s, "b"));
    co_await passes(1);
    s.release();
    s.release();
    create_task(use(note, s, "c"));
    create_task(use(note, s, "d"));
    a.cancel();
    b.cancel();
    note(state(s));
    co_await passes(1);
    note(state(s));
    co_await passes(3);
    note(state(s));
  });
  CHECK_TRACE(words, "2 0 locked", "3 a cancelled", "3 b cancelled", "3 c in", "3 d in", "3 0 locked", "4 c out",
              "4 d out", "6 2 open");
}

BOOST_AUTO_TEST_CASE(SM4_a_bounded_one_does_not_grow) {
  traced([](diary& note) -> awaitable<void> {
    bounded_semaphore s(2);
    BOOST_TEST(
        contains(thrown<std::invalid_argument>([&] { s.release(); }), "BoundedSemaphore released too many times"));
    BOOST_TEST(s.value() == 2);
    co_await s.acquire();
    s.release();
    BOOST_TEST(s.value() == 2);
    {
      const auto permit = co_await s.scoped();
      s.release(); // by hand as well: the guard finds nothing to give back
    }
    BOOST_TEST(s.value() == 2);
    co_await s.acquire();
    co_await s.acquire();
    create_task(use(note, s, "a"));
    co_await passes(1);
    s.release(); // for the waiter
    BOOST_TEST(s.value() == 0);
    s.release();
    co_await passes(3);
    BOOST_TEST(s.value() == 2);
    semaphore unbounded(0);
    unbounded.release();
    BOOST_TEST(unbounded.value() == 1);
  });
}

// --- traps -------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(trap_11_a_release_skips_who_is_cancelled_but_still_in_line) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    semaphore s(0);
    const auto a = create_task(use(note, s, "a"));
    create_task(use(note, s, "b"));
    co_await passes(1);
    a.cancel();
    s.release();
    create_task(use(note, s, "c"));
    note(state(s));
    co_await passes(6);
    note(state(s));
  });
  CHECK_TRACE(words, "2 0 locked", "3 a cancelled", "3 b in", "4 b out", "5 c in", "6 c out", "8 1 open");
}

BOOST_AUTO_TEST_CASE(trap_15_no_wake_up_is_lost_when_a_granted_waiter_is_cancelled) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    semaphore s(1);
    co_await s.acquire();
    const auto a = create_task(use(note, s, "a"));
    create_task(use(note, s, "b"));
    create_task(use(note, s, "c"));
    co_await passes(1);
    s.release();
    a.cancel();
    note(state(s));
    co_await passes(8);
    note(state(s));
  });
  CHECK_TRACE(words, "2 0 locked", "3 a cancelled", "4 b in", "5 b out", "6 c in", "7 c out", "10 1 open");
}

BOOST_AUTO_TEST_CASE(trap_15_newcomers_before_the_granted_waiter_has_run_come_after_it) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    semaphore s(1);
    co_await s.acquire();
    create_task(use(note, s, "a", 0));
    co_await passes(1);
    create_task(use(note, s, "b", 0)); // runs before a does
    s.release();
    note(state(s));
    create_task(use(note, s, "c", 0));
    co_await passes(5);
    note(state(s));
  });
  CHECK_TRACE(words, "2 0 locked", "3 a in", "3 a out", "4 b in", "4 b out", "5 c in", "5 c out", "7 1 open");
}

BOOST_AUTO_TEST_CASE(trap_83_a_granted_permit_cannot_be_taken_in_the_window) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    semaphore s(0);
    create_task(use(note, s, "a"));
    co_await passes(1);
    s.release();
    note(state(s));
    BOOST_TEST(!s.try_acquire());
    s.release();
    note(state(s));
    BOOST_TEST(!s.try_acquire()); // a goes first, although there is one for each
    co_await passes(3);
    note(state(s));
  });
  CHECK_TRACE(words, "2 0 locked", "2 1 locked", "3 a in", "4 a out", "5 2 open");
}

BOOST_AUTO_TEST_CASE(semaphore_timeout_in_the_pass_of_the_release) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    semaphore s(0);
    create_task(late(note, "a", use(note, s, "a")));
    create_task(use(note, s, "b"));
    co_await passes(1);
    testing::advance(1s);
    s.release();
    note(state(s));
    co_await passes(5);
    note(state(s));
  });
  CHECK_TRACE(words, "2 0 locked", "3 a in", "4 a cut", "4 a late", "5 b in", "6 b out", "7 1 open");
}

BOOST_AUTO_TEST_CASE(semaphore_timeout_before_the_release) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    semaphore s(0);
    create_task(late(note, "a", use(note, s, "a")));
    create_task(use(note, s, "b"));
    co_await passes(1);
    testing::advance(1s);
    co_await passes(2);
    s.release(); // goes past a, which is cancelled, and has not run yet
    note(state(s));
    co_await passes(4);
    note(state(s));
  });
  CHECK_TRACE(words, "4 0 locked", "4 a cancelled", "4 a late", "5 b in", "6 b out", "8 1 open");
}

BOOST_AUTO_TEST_CASE(LK5_a_semaphore_of_another_loop_gives_no_permit) {
  semaphore s(0);
  testing::run_virtual([&]() -> awaitable<void> {
    create_task([&]() -> awaitable<void> { co_await s.acquire(); });
    co_await passes(1);
    s.release();
    co_await passes(1);
  });
  testing::run_virtual([&]() -> awaitable<void> {
    auto t = create_task([&]() -> awaitable<void> { co_await s.acquire(); });
    co_await passes(1);
    t.cancel(); // its error is on the way
    co_await settle(t);
    BOOST_TEST(s.value() == 0);
    auto u = create_task([&]() -> awaitable<void> { co_await s.acquire(); });
    const auto end = co_await settle(u);
    BOOST_REQUIRE(end.error_as<std::runtime_error>());
    BOOST_TEST(contains(end.error_as<std::runtime_error>()->what(), "<semaphore> is bound to a different event loop"));
    BOOST_TEST(s.value() == 0);
    s.release();
    co_await s.acquire(); // needs no wait
  });
}

BOOST_AUTO_TEST_CASE(semaphore_statistics_and_dump_tasks) {
  traced([](diary& note) -> awaitable<void> {
    bounded_semaphore s(1);
    co_await s.acquire();
    create_task(use(note, s, "a"));
    create_task(use(note, s, "b"));
    co_await passes(1);
    BOOST_TEST(s.statistics().waiters == 2U);
    std::ostringstream out;
    dump_tasks(out);
    BOOST_TEST(contains(out.str(), "waits for a semaphore with 0 permits left"));
    s.release();
    co_await passes(5);
    BOOST_TEST(s.statistics().waiters == 0U);
    BOOST_TEST(s.statistics().most_waiters == 2U);
  });
}
