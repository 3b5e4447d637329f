// lock: cancellations and timeouts that meet a release: it is never lost, and never has two owners.
// The traces are CPython's.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/diary.hpp"

#include <rondo/cancel_scope.hpp>
#include <rondo/gather.hpp>
#include <rondo/lock.hpp>
#include <rondo/structured.hpp>
#include <rondo/task.hpp>
#include <rondo/timeout.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>

using namespace rondo;
using namespace std::chrono_literals;
using support::diary;
using support::end_of;
using support::late;
using support::traced;
using support::use;
using testing::passes;

namespace {

std::string state(const lock& m) { return m.locked() ? "locked" : "free"; }

} // namespace

BOOST_AUTO_TEST_CASE(trap_9_a_cancelled_head_of_the_line_does_not_block_the_rest) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    lock m;
    co_await m.acquire();
    const auto a = create_task(use(note, m, "a"));
    create_task(use(note, m, "b"));
    co_await passes(1);
    a.cancel();
    co_await passes(2);
    m.release();
    co_await passes(2);
    note(state(m));
  });
  CHECK_TRACE(words, "3 a cancelled", "5 b in", "6 b out", "6 free");
}

BOOST_AUTO_TEST_CASE(trap_10_cancel_and_release_in_one_pass_give_one_owner_in_either_order) {
  for (bool cancel_first : {true, false}) {
    const auto words = traced([&](diary& note) -> awaitable<void> {
      lock m;
      co_await m.acquire();
      const auto a = create_task(use(note, m, "a", 2));
      create_task(use(note, m, "b", 2));
      create_task(use(note, m, "c", 2));
      co_await passes(1);
      if (cancel_first) a.cancel();
      m.release();
      if (!cancel_first) a.cancel();
      co_await passes(6);
    });
    CHECK_TRACE(words, "3 a cancelled", "4 b in", "6 b out", "7 c in", "8 c out");
  }
}

BOOST_AUTO_TEST_CASE(trap_11_a_release_that_finds_a_cancelled_waiter_does_not_strand_the_next) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    lock m;
    co_await m.acquire();
    const auto a = create_task(use(note, m, "a"));
    create_task(use(note, m, "b"));
    co_await passes(1);
    a.cancel(); // is in line until it has run
    m.release();
    create_task(use(note, m, "c"));
    note(state(m));
    co_await passes(6);
  });
  CHECK_TRACE(words, "2 free", "3 a cancelled", "4 b in", "5 b out", "6 c in", "7 c out");
}

BOOST_AUTO_TEST_CASE(trap_11_the_second_in_line_is_cancelled_when_the_first_gets_it) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    lock m;
    co_await m.acquire();
    create_task(use(note, m, "a"));
    const auto b = create_task(use(note, m, "b"));
    create_task(use(note, m, "c"));
    co_await passes(1);
    m.release();
    b.cancel();
    co_await passes(6);
  });
  CHECK_TRACE(words, "3 a in", "3 b cancelled", "4 a out", "5 c in", "6 c out");
}

BOOST_AUTO_TEST_CASE(lock_a_task_that_cancelled_itself_does_not_get_it) {
  traced([](diary&) -> awaitable<void> {
    lock m;
    co_await m.acquire();
    const auto body = [&]() -> awaitable<std::string> {
      current_task().cancel("self");
      co_return co_await end_of(m.acquire());
    };
    auto t = create_task(body);
    const std::string end = co_await t.get();
    BOOST_TEST(end == "Cancelled(self)");
    m.release();
    BOOST_TEST(!m.locked());
    BOOST_TEST(m.statistics().waiters == 0U);
    const auto free = [&]() -> awaitable<std::string> { // nothing to wait for, so the cancellation comes later
      current_task().cancel("self");
      const std::string got = co_await end_of(m.acquire());
      m.release();
      co_return got;
    };
    auto u = create_task(free);
    co_await settle(u);
    BOOST_TEST(u.cancelled());
    BOOST_TEST(!m.locked());
  });
}

// --- timeouts ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(lock_timeout_before_the_release) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    lock m;
    co_await m.acquire();
    create_task(late(note, "a", use(note, m, "a")));
    create_task(use(note, m, "b"));
    co_await passes(1);
    testing::advance(1s);
    co_await passes(2);
    m.release(); // a is cancelled, and has not run yet
    note("released");
    co_await passes(4);
  });
  CHECK_TRACE(words, "4 released", "4 a cancelled", "4 a late", "5 b in", "6 b out");
}

BOOST_AUTO_TEST_CASE(lock_timeout_after_the_release_and_before_its_turn) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    lock m;
    co_await m.acquire();
    create_task(late(note, "a", use(note, m, "a")));
    create_task(use(note, m, "b"));
    co_await passes(1);
    testing::advance(1s);
    co_await passes(1);
    m.release(); // the timer comes later in this pass
    note("released");
    co_await passes(4);
  });
  CHECK_TRACE(words, "3 released", "4 a cancelled", "4 a late", "5 b in", "6 b out");
}

BOOST_AUTO_TEST_CASE(lock_timeout_in_the_pass_of_the_release) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    lock m;
    co_await m.acquire();
    create_task(late(note, "a", use(note, m, "a")));
    create_task(use(note, m, "b"));
    co_await passes(1);
    testing::advance(1s);
    m.release();
    note("released");
    co_await passes(5);
  });
  CHECK_TRACE(words, "2 released", "3 a in", "4 a cut", "4 a late", "5 b in", "6 b out");
}

BOOST_AUTO_TEST_CASE(lock_timeout_and_cancel_and_release_in_one_pass) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    lock m;
    co_await m.acquire();
    const auto a = create_task(late(note, "a", use(note, m, "a")));
    create_task(use(note, m, "b"));
    co_await passes(1);
    testing::advance(1s);
    a.cancel();
    m.release();
    co_await passes(5);
    note(state(m) + (a.cancelled() ? ", a cancelled" : ""));
  });
  CHECK_TRACE(words, "3 a cancelled", "4 b in", "5 b out", "7 free, a cancelled");
}

BOOST_AUTO_TEST_CASE(lock_wait_for_of_acquire) {
  for (bool in_time : {true, false}) {
    const auto words = traced([&](diary& note) -> awaitable<void> {
      lock m;
      co_await m.acquire();
      const auto get = [&]() -> awaitable<void> {
        const std::string end = co_await end_of(wait_for(m.acquire(), 1s));
        note("a " + end);
        if (end == "none") m.release();
      };
      create_task(get);
      create_task(use(note, m, "b"));
      co_await passes(1);
      testing::advance(1s);
      if (!in_time) {
        co_await passes(2);
        note(std::to_string(m.statistics().waiters) + " wait");
      }
      m.release();
      co_await passes(5);
      BOOST_TEST(!m.locked());
    });
    if (in_time)
      CHECK_TRACE(words, "3 a none", "4 b in", "5 b out");
    else
      CHECK_TRACE(words, "4 2 wait", "4 a Timeout", "5 b in", "6 b out");
  }
}

// --- combinators -------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(lock_acquire_is_a_source_for_the_combinators) {
  traced([](diary&) -> awaitable<void> {
    lock m;
    auto t = create_task(m.scoped());
    co_await passes(1);
    BOOST_TEST(m.locked());
    {
      const auto guard = co_await t.get(); // the task has given it away
      BOOST_TEST(m.locked());
    }
    BOOST_TEST(!m.locked());
    // Of a race the loser is cancelled: whoever gets the lock too late gives it back.
    co_await m.acquire();
    get_running_loop().call_soon([&] { m.release(); });
    {
      const auto result = co_await race(m.scoped(), passes(1));
      BOOST_TEST(m.locked() == std::get<0>(result).has_value());
    }
    BOOST_TEST(!m.locked());
    co_await join(m.acquire(), passes(3));
    BOOST_TEST(m.locked());
    m.release();
  });
}

// --- scopes ------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(lock_in_a_cancelled_scope_a_free_one_is_taken_and_for_another_one_nobody_waits) {
  traced([](diary& note) -> awaitable<void> {
    lock free, taken;
    co_await taken.acquire();
    const auto body = [&](cancel_scope& scope) -> awaitable<void> {
      scope.cancel("over");
      {
        const auto guard = co_await free.scoped();
        BOOST_TEST(free.locked());
      }
      for (int i = 0; i < 3; ++i) {
        const std::string end = co_await end_of(taken.acquire());
        note(end);
      }
      co_await taken.acquire();
      note("never");
    };
    const bool ended = co_await with_cancel_scope(body);
    BOOST_TEST(!ended);
    BOOST_TEST(taken.statistics().waiters == 0U);
    taken.release();
    BOOST_TEST(!taken.locked());
    CHECK_TRACE(note.words(), "2 Cancelled(over)", "3 Cancelled(over)", "4 Cancelled(over)");
  });
}

BOOST_AUTO_TEST_CASE(lock_move_on_after_around_acquire_leaves_the_line) {
  for (bool release_in_the_same_pass : {true, false}) {
    traced([&](diary& note) -> awaitable<void> {
      lock m;
      co_await m.acquire();
      const auto body = [&] { return use(note, m, "a", 3); };
      const auto tries = [&]() -> awaitable<void> {
        const bool ended = co_await move_on_after(1s, body);
        note(ended ? "a ended" : "a moved on");
      };
      create_task(tries);
      create_task(use(note, m, "b"));
      co_await passes(1);
      testing::advance(1s);
      if (release_in_the_same_pass) m.release();
      co_await passes(1);
      if (!release_in_the_same_pass) m.release();
      co_await passes(6);
      BOOST_TEST(!m.locked());
      if (release_in_the_same_pass)
        CHECK_TRACE(note.words(), "3 a in", "4 a cut", "4 a moved on", "5 b in", "6 b out");
      else
        CHECK_TRACE(note.words(), "4 a cancelled", "4 a moved on", "5 b in", "6 b out");
    });
  }
}

BOOST_AUTO_TEST_CASE(lock_scope_cancelled_after_the_release_passes_it_on) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    lock m;
    co_await m.acquire();
    cancel_scope scope;
    const auto body = [&](cancel_scope& s) -> awaitable<void> {
      scope = s;
      co_await use(note, m, "a");
    };
    const auto scoped = [&]() -> awaitable<void> { co_await with_cancel_scope(body); };
    create_task(scoped);
    create_task(use(note, m, "b"));
    co_await passes(1);
    m.release();
    scope.cancel();
    co_await passes(4);
  });
  CHECK_TRACE(words, "3 a cancelled", "4 b in", "5 b out");
}
