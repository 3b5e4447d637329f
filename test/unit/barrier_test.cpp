// barrier: its rounds, reset and abort, and who is cancelled at it (rules BR1 to BR5). The traces are CPython's.
// SPDX-License-Identifier: BSL-1.0
#include "../support/diary.hpp"
#include "../support/expect.hpp"

#include <rondo/barrier.hpp>
#include <rondo/cancel_scope.hpp>
#include <rondo/diagnostics.hpp>
#include <rondo/errors.hpp>
#include <rondo/task.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::diary;
using support::late;
using support::noted;
using support::thrown;
using support::traced;
using testing::passes;

namespace {

awaitable<void> arrive(diary& note, barrier& b, std::string name) {
  try {
    const std::size_t index = co_await noted(note, name, b.wait());
    note(name + " " + std::to_string(index));
  } catch (const broken_barrier_error& e) {
    note(name + " broken: " + e.what());
  }
}

/// How many wait, and "broken" if it is.
std::string state(const barrier& b) { return std::to_string(b.n_waiting()) + (b.broken() ? " broken" : " waiting"); }

} // namespace

BOOST_AUTO_TEST_CASE(BR5_less_than_one_party_is_refused) {
  BOOST_TEST(thrown<std::invalid_argument>([] { barrier b(0); }) == "parties must be >= 1, not 0");
  BOOST_TEST(thrown<std::invalid_argument>([] { barrier b(-3); }) == "parties must be >= 1, not -3");
  const barrier b(5);
  BOOST_TEST(b.parties() == 5U);
  BOOST_TEST(b.n_waiting() == 0U);
  BOOST_TEST(!b.broken());
}

BOOST_AUTO_TEST_CASE(BR1_the_last_one_goes_on_at_once_and_each_has_a_number) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    barrier b(3);
    create_task(arrive(note, b, "a"));
    create_task(arrive(note, b, "b"));
    co_await passes(1);
    note(state(b));
    co_await arrive(note, b, "main");
    note(state(b)); // BR5: nobody waits while they leave
    co_await passes(3);
    note(state(b));
  });
  CHECK_TRACE(words, "2 2 waiting", "2 main 2", "2 0 waiting", "3 a 0", "3 b 1", "5 0 waiting");
}

BOOST_AUTO_TEST_CASE(BR1_a_barrier_for_one_never_waits) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    barrier b(1);
    co_await arrive(note, b, "main");
    co_await arrive(note, b, "main");
  });
  CHECK_TRACE(words, "1 main 0", "1 main 0");
}

BOOST_AUTO_TEST_CASE(BR1_again_and_again) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    barrier b(2);
    const auto rounds = [&](std::string name) -> awaitable<void> {
      for (int i = 0; i < 3; ++i) {
        co_await arrive(note, b, name);
        co_await passes(1);
      }
    };
    create_task(rounds("a"));
    create_task(rounds("b"));
    co_await passes(20);
    note(state(b));
  });
  CHECK_TRACE(words, "2 b 1", "3 a 0", "4 a 1", "5 b 0", "6 b 1", "7 a 0", "21 0 waiting");
}

BOOST_AUTO_TEST_CASE(trap_16_a_number_is_given_twice_after_a_cancel_as_cpython_3_14) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    barrier b(3);
    const auto x = create_task(arrive(note, b, "x"));
    create_task(arrive(note, b, "y"));
    co_await passes(1);
    x.cancel();
    co_await passes(3);
    note(state(b));
    create_task(arrive(note, b, "z"));
    co_await passes(1);
    note(state(b));
    co_await arrive(note, b, "main");
    co_await passes(4);
  });
  CHECK_TRACE(words, "3 x cancelled", "5 1 waiting", "6 2 waiting", "6 main 2", "7 y 1", "7 z 1");
}

BOOST_AUTO_TEST_CASE(BR2_who_comes_while_others_leave_waits_for_the_next_round) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    barrier b(2);
    create_task(arrive(note, b, "a"));
    co_await passes(1);
    for (const char* name : {"b", "c", "d"})
      create_task(arrive(note, b, name));
    co_await passes(1);
    note(state(b));
    co_await passes(6);
    note(state(b));
  });
  CHECK_TRACE(words, "3 b 1", "3 0 waiting", "4 a 0", "5 d 1", "6 c 0", "9 0 waiting");
}

BOOST_AUTO_TEST_CASE(BR2_three_times_as_many_tasks_as_parties) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    barrier b(2);
    for (const char* name : {"a", "b", "c", "d", "e", "f"})
      create_task(arrive(note, b, name));
    co_await passes(12);
    note(state(b));
  });
  CHECK_TRACE(words, "2 b 1", "3 a 0", "4 d 1", "5 c 0", "6 f 1", "7 e 0", "13 0 waiting");
}

BOOST_AUTO_TEST_CASE(BR3_a_cancelled_task_does_not_count_and_breaks_nothing) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    barrier b(2);
    const auto a = create_task(arrive(note, b, "a"));
    co_await passes(1);
    note(state(b));
    a.cancel();
    co_await passes(2);
    note(state(b));
    create_task(arrive(note, b, "b"));
    co_await passes(1);
    note(state(b));
    co_await arrive(note, b, "main");
    co_await passes(2);
  });
  CHECK_TRACE(words, "2 1 waiting", "3 a cancelled", "4 0 waiting", "5 1 waiting", "5 main 1", "6 b 0");
}

BOOST_AUTO_TEST_CASE(BR3_a_task_that_was_just_cancelled_or_released_counts_until_it_has_run) {
  for (bool cancel_first : {true, false}) {
    const auto words = traced([&](diary& note) -> awaitable<void> {
      barrier b(2);
      const auto a = create_task(arrive(note, b, "a"));
      co_await passes(1);
      if (cancel_first) a.cancel();
      co_await arrive(note, b, "main");
      if (!cancel_first) a.cancel();
      note(state(b));
      co_await passes(2);
      note(state(b));
    });
    CHECK_TRACE(words, "2 main 1", "2 0 waiting", "3 a cancelled", "4 0 waiting");
  }
}

BOOST_AUTO_TEST_CASE(BR4_reset_breaks_those_who_wait_and_who_comes_later_waits) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    barrier b(3);
    create_task(arrive(note, b, "a"));
    create_task(arrive(note, b, "b"));
    co_await passes(1);
    co_await b.reset();
    note(state(b));
    const auto c = create_task(arrive(note, b, "c"));
    co_await passes(1);
    note(state(b));
    c.cancel();
    co_await passes(1);
  });
  CHECK_TRACE(words, "2 0 waiting", "3 a broken: Abort or reset of barrier", "3 b broken: Abort or reset of barrier",
              "3 1 waiting", "4 c cancelled");
}

BOOST_AUTO_TEST_CASE(BR4_reset_and_abort_of_an_empty_barrier) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    barrier b(3);
    co_await b.reset();
    note(state(b));
    co_await b.abort();
    note(state(b));
    co_await b.reset();
    note(state(b));
  });
  CHECK_TRACE(words, "1 0 waiting", "1 0 broken", "1 0 waiting");
}

BOOST_AUTO_TEST_CASE(BR4_abort_breaks_it_until_it_is_reset) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    barrier b(2);
    create_task(arrive(note, b, "a"));
    co_await passes(1);
    co_await b.abort();
    note(state(b));
    co_await passes(3);
    co_await arrive(note, b, "late");
    note(state(b));
    co_await b.reset();
    note(state(b));
    create_task(arrive(note, b, "b"));
    co_await passes(1);
    co_await arrive(note, b, "main");
    co_await passes(2);
  });
  CHECK_TRACE(words, "2 0 broken", "3 a broken: Abort or reset of barrier", "5 late broken: Barrier aborted",
              "5 0 broken", "5 0 waiting", "6 main 1", "7 b 0");
}

BOOST_AUTO_TEST_CASE(BR4_reset_just_before_the_last_one_comes) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    barrier b(2);
    create_task(arrive(note, b, "a"));
    co_await passes(1);
    create_task(b.reset());
    const auto last = create_task(arrive(note, b, "b"));
    co_await passes(6);
    note(state(b)); // b is in the new round
    last.cancel();
    co_await passes(1);
  });
  CHECK_TRACE(words, "4 a broken: Abort or reset of barrier", "8 1 waiting", "9 b cancelled");
}

BOOST_AUTO_TEST_CASE(BR4_abort_while_others_leave) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    barrier b(2);
    create_task(arrive(note, b, "a"));
    co_await passes(1);
    create_task(arrive(note, b, "b"));
    create_task(b.abort());
    co_await passes(6);
    note(state(b));
  });
  CHECK_TRACE(words, "3 b 1", "4 a broken: Abort or reset of barrier", "8 0 broken");
}

BOOST_AUTO_TEST_CASE(barrier_timeout_before_and_in_the_pass_of_the_last_arrival) {
  for (bool same_pass : {true, false}) {
    const auto words = traced([&](diary& note) -> awaitable<void> {
      barrier b(2);
      create_task(late(note, "a", arrive(note, b, "a")));
      co_await passes(1);
      testing::advance(1s);
      if (same_pass)
        co_await arrive(note, b, "b");
      else
        create_task(arrive(note, b, "b"));
      co_await passes(6);
      note(state(b));
    });
    if (same_pass)
      CHECK_TRACE(words, "2 b 1", "3 a 0", "8 0 waiting");
    else
      CHECK_TRACE(words, "3 b 1", "4 a cancelled", "4 a late", "8 0 waiting");
  }
}

BOOST_AUTO_TEST_CASE(barrier_in_a_scope_that_moves_on) {
  testing::run_virtual([]() -> awaitable<void> {
    barrier b(2);
    const auto body = [&] { return b.wait(); };
    const auto index = co_await move_on_after(1s, body);
    BOOST_TEST(!index);
    BOOST_TEST(b.n_waiting() == 0U);
    BOOST_TEST(!b.broken());
  });
}

BOOST_AUTO_TEST_CASE(barrier_destroyed_while_tasks_wait_is_broken) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    auto b = std::make_unique<barrier>(2);
    create_task(arrive(note, *b, "a"));
    co_await passes(1);
    b.reset();
    co_await passes(2);
  });
  CHECK_TRACE(words, "3 a broken: Barrier destroyed while a task waited for it");
}

BOOST_AUTO_TEST_CASE(barrier_destroyed_while_tasks_leave_lets_them_go) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    auto b = std::make_unique<barrier>(2);
    create_task(arrive(note, *b, "a"));
    co_await passes(1);
    create_task(arrive(note, *b, "b"));
    create_task(arrive(note, *b, "next"));
    co_await passes(1);
    b.reset();
    co_await passes(3);
  });
  CHECK_TRACE(words, "3 b 1", "4 a 0", "4 next broken: Barrier destroyed while a task waited for it");
}

BOOST_AUTO_TEST_CASE(barrier_statistics_and_dump_tasks) {
  traced([](diary& note) -> awaitable<void> {
    barrier b(3);
    create_task(arrive(note, b, "a"));
    create_task(arrive(note, b, "b"));
    co_await passes(1);
    BOOST_TEST(b.statistics().waiters == 2U);
    std::ostringstream out;
    dump_tasks(out);
    BOOST_TEST(contains(out.str(), "waits for a barrier since 0.000 s"));
    co_await b.wait();
    co_await passes(2);
    BOOST_TEST(b.statistics().waiters == 0U);
    BOOST_TEST(b.statistics().most_waiters == 2U);
  });
}
