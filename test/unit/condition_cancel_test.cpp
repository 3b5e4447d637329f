// condition: cancellations of who waits (rules CV1, CV2): it holds the lock at its end, and no notification is lost.
// The traces are CPython's where it has what is tested.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/diary.hpp"
#include "../support/expect.hpp"

#include <rondo/cancel_scope.hpp>
#include <rondo/condition.hpp>
#include <rondo/diagnostics.hpp>
#include <rondo/task.hpp>
#include <rondo/timeout.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <sstream>
#include <string>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::diary;
using support::end_of;
using support::late;
using support::noted;
using support::trace;
using support::traced;
using testing::passes;

namespace {

awaitable<void> hear(diary& note, condition& c, std::string name) {
  const auto guard = co_await c.scoped();
  co_await noted(note, name, c.wait());
  note(name + " heard");
}

} // namespace

BOOST_AUTO_TEST_CASE(CV1_trap_12_a_cancelled_wait_holds_the_lock_when_it_throws) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    condition c;
    const auto a = create_task(hear(note, c, "a"));
    co_await passes(1);
    co_await c.acquire();
    a.cancel("why");
    co_await passes(3);
    BOOST_TEST(!a.done());
    c.release();
    note("released");
    co_await passes(2);
    BOOST_TEST(!c.locked());
    BOOST_TEST(a.cancelled());
  });
  CHECK_TRACE(words, "5 released", "6 a cancelled");
}

BOOST_AUTO_TEST_CASE(CV1_the_last_of_several_cancellations_is_thrown) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    condition c;
    const auto waits = [&]() -> awaitable<void> {
      const auto guard = co_await c.scoped();
      const std::string end = co_await end_of(c.wait());
      note(end + " " + std::to_string(current_task().cancelling()) + (c.locked() ? " locked" : ""));
    };
    const auto a = create_task(waits);
    co_await passes(1);
    co_await c.acquire();
    for (const char* message : {"first", "second", "third"}) {
      a.cancel(message);
      co_await passes(1);
    }
    co_await passes(2);
    c.release();
    co_await passes(2);
    BOOST_TEST(a.done());
    BOOST_TEST(!c.locked());
  });
  CHECK_TRACE(words, "8 Cancelled(third) 3 locked");
}

BOOST_AUTO_TEST_CASE(CV1_cancelled_when_it_is_about_to_get_the_lock_again) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    condition c;
    const auto a = create_task(hear(note, c, "a"));
    co_await passes(1);
    co_await c.acquire();
    c.notify();
    co_await passes(2);
    c.release();
    a.cancel(); // the lock is on its way
    co_await passes(1);
    BOOST_TEST(a.done());
    BOOST_TEST(!c.locked());
  });
  CHECK_TRACE(words, "5 a cancelled");
}

BOOST_AUTO_TEST_CASE(CV2_trap_13_the_notification_of_a_cancelled_task_goes_on) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    condition c;
    const auto a = create_task(hear(note, c, "a"));
    create_task(hear(note, c, "b"));
    co_await passes(1);
    {
      const auto guard = co_await c.scoped();
      c.notify();
      a.cancel();
    }
    co_await passes(4);
  });
  CHECK_TRACE(words, "3 a cancelled", "4 b heard");
}

BOOST_AUTO_TEST_CASE(CV2_trap_13_also_if_it_is_cancelled_while_it_waits_for_the_lock) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    condition c;
    const auto a = create_task(hear(note, c, "a"));
    create_task(hear(note, c, "b"));
    co_await passes(1);
    {
      const auto guard = co_await c.scoped();
      c.notify();
      co_await passes(2);
      a.cancel();
      co_await passes(2);
      note("leaves");
    }
    co_await passes(4);
  });
  CHECK_TRACE(words, "6 leaves", "7 a cancelled", "8 b heard");
}

BOOST_AUTO_TEST_CASE(CV2_a_cancelled_wait_may_wake_another_for_nothing) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    condition c;
    const auto a = create_task(hear(note, c, "a"));
    create_task(hear(note, c, "b"));
    co_await passes(1);
    a.cancel();
    co_await passes(5);
  });
  CHECK_TRACE(words, "3 a cancelled", "4 b heard");
}

// --- timeouts ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(condition_timeout_and_notify_in_one_pass) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    condition c;
    create_task(late(note, "a", hear(note, c, "a")));
    const auto b = create_task(hear(note, c, "b"));
    co_await passes(1);
    {
      const auto guard = co_await c.scoped();
      testing::advance(1s);
      c.notify();
    }
    co_await passes(6);
    BOOST_TEST(!b.done());
    b.cancel();
    co_await passes(1);
  });
  CHECK_TRACE(words, "3 a heard", "9 b cancelled");
}

BOOST_AUTO_TEST_CASE(condition_timeout_before_the_notification) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    condition c;
    create_task(late(note, "a", hear(note, c, "a")));
    create_task(hear(note, c, "b"));
    co_await passes(1);
    co_await c.acquire();
    testing::advance(1s);
    co_await passes(1);
    c.notify();
    c.release();
    co_await passes(6);
  });
  CHECK_TRACE(words, "4 a cancelled", "4 a late", "5 b heard");
}

BOOST_AUTO_TEST_CASE(trap_4_wait_for_of_a_wait_has_the_lock_when_it_throws) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    condition c;
    const auto waits = [&]() -> awaitable<void> {
      const auto guard = co_await c.scoped();
      const std::string end = co_await end_of(wait_for(c.wait(), 1s));
      note(end + (c.locked() ? " locked" : ""));
    };
    const auto a = create_task(waits);
    co_await passes(1);
    co_await c.acquire();
    testing::advance(1s);
    co_await passes(4);
    BOOST_TEST(!a.done()); // the time is over, but the lock is not there
    c.release();
    co_await passes(2);
    BOOST_TEST(a.done());
    BOOST_TEST(!c.locked());
  });
  CHECK_TRACE(words, "7 Timeout locked");
}

// --- scopes ------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(trap_14_a_cancelled_scope_does_not_spin_while_the_lock_is_taken) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    condition c;
    const auto body = [&]() -> awaitable<void> {
      const auto guard = co_await c.scoped();
      const std::string end = co_await end_of(c.wait());
      note(end + (c.locked() ? " locked" : ""));
      const std::string next = co_await end_of(passes(1)); // the scope is cancelled still
      note(next);
    };
    const auto moves_on = [&]() -> awaitable<void> {
      const bool ended = co_await move_on_after(1s, body);
      note(ended ? "ended" : "moved on");
    };
    create_task(moves_on);
    co_await passes(1);
    co_await c.acquire();
    testing::advance(1s);
    co_await passes(2);
    testing::advance(5s);
    co_await passes(2);
    std::ostringstream out;
    dump_tasks(out);
    BOOST_TEST(contains(out.str(), "waits for a lock, which is locked since 5.000 s")); // one wait for the whole time
    c.release();
    co_await passes(4);
    BOOST_TEST(!c.locked());
  });
  CHECK_TRACE(words, "7 Cancelled(the deadline of the scope has passed) locked",
              "8 Cancelled(the deadline of the scope has passed)", "8 ended");
}

BOOST_AUTO_TEST_CASE(condition_scope_cancelled_while_it_gets_the_lock_again_lets_the_wait_end_and_then_cuts) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    condition c;
    const auto body = [&]() -> awaitable<void> {
      const auto guard = co_await c.scoped();
      co_await c.wait();
      note("heard");
      co_await passes(1);
      note("never");
    };
    const auto moves_on = [&]() -> awaitable<void> {
      const bool ended = co_await move_on_after(1s, body);
      note(ended ? "ended" : "moved on");
    };
    create_task(moves_on);
    co_await passes(1);
    co_await c.acquire();
    c.notify();
    co_await passes(2);
    testing::advance(1s);
    co_await passes(2);
    c.release();
    co_await passes(3);
    BOOST_TEST(!c.locked());
  });
  CHECK_TRACE(words, "7 heard", "8 moved on");
}

BOOST_AUTO_TEST_CASE(condition_a_task_cancel_reaches_a_wait_in_a_cancelled_scope) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    condition c;
    cancel_scope scope;
    const auto body = [&](cancel_scope& s) -> awaitable<void> {
      scope = s;
      const auto guard = co_await c.scoped();
      const std::string end = co_await end_of(c.wait());
      note(end + (c.locked() ? " locked" : ""));
    };
    const auto task_body = [&]() -> awaitable<void> { co_await with_cancel_scope(body); };
    const auto t = create_task(task_body);
    co_await passes(1);
    co_await c.acquire();
    scope.cancel("scope");
    co_await passes(2);
    t.cancel("task");
    co_await passes(2);
    c.release();
    co_await passes(2);
    BOOST_TEST(!c.locked());
    BOOST_TEST(t.cancelling() == 1);
  });
  CHECK_TRACE(words, "7 Cancelled(task) locked");
}

// --- coroutines that are no tasks --------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(condition_wait_in_a_parallel_group_has_the_lock_at_its_end) {
  using namespace boost::asio::experimental::awaitable_operators;
  testing::run_virtual([]() -> awaitable<void> {
    condition c;
    trace words;
    const auto waits = [&]() -> awaitable<void> {
      const auto guard = co_await c.scoped();
      const std::string end = co_await end_of(c.wait());
      words.push_back(end + (c.locked() ? " locked" : ""));
      co_await sleep(1s); // Asio's cancellation stays
      words.push_back("never");
    };
    const auto rests = []() -> awaitable<void> { co_await sleep(2s); };
    const auto body = [&]() -> awaitable<void> {
      auto both = waits() || rests();
      co_await std::move(both);
    };
    auto t = create_task(body);
    co_await sleep(1s);
    co_await c.acquire();
    co_await sleep(5s); // the other side has ended, and cancelled the wait, which needs the lock
    BOOST_TEST(!t.done());
    c.release();
    co_await t.get();
    BOOST_TEST(!c.locked());
    CHECK_TRACE(words, "Cancelled() locked");
  });
}

BOOST_AUTO_TEST_CASE(condition_wait_of_a_raw_coroutine_does_not_shield_the_task_around_it) {
  testing::run_virtual([]() -> awaitable<void> {
    condition c;
    trace words;
    const auto waits = [&]() -> awaitable<void> {
      const auto guard = co_await c.scoped();
      co_await c.wait();
      words.push_back("heard");
    };
    const auto body = [&]() -> awaitable<void> {
      const auto executor = co_await boost::asio::this_coro::executor;
      boost::asio::co_spawn(executor, waits, [](std::exception_ptr) {});
      co_await sleep(1h);
    };
    const auto moves_on = [&]() -> awaitable<void> {
      const bool ended = co_await move_on_after(5s, body);
      words.push_back(ended ? "ended" : "moved on");
    };
    const auto t = create_task(moves_on);
    co_await sleep(1s);
    co_await c.acquire();
    c.notify();
    co_await sleep(9s); // the raw coroutine waits for the lock meanwhile
    BOOST_TEST(t.done());
    c.release();
    co_await sleep(1s);
    BOOST_TEST(!c.locked());
    CHECK_TRACE(words, "moved on", "heard");
  });
}
