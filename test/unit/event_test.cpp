// event: who is woken, and when (rules EV1, EV2). The traces are CPython's.
// SPDX-License-Identifier: BSL-1.0
#include "../support/diary.hpp"
#include "../support/expect.hpp"

#include <rondo/cancel_scope.hpp>
#include <rondo/diagnostics.hpp>
#include <rondo/event.hpp>
#include <rondo/gather.hpp>
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
using support::traced;
using testing::passes;

namespace {

awaitable<void> hear(diary& note, event& e, std::string name) {
  co_await noted(note, name, e.wait());
  note(name + " heard");
}

} // namespace

BOOST_AUTO_TEST_CASE(EV1_set_wakes_all_who_wait_in_the_next_pass) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    event e;
    BOOST_TEST(!e.is_set());
    for (const char* name : {"a", "b", "c"})
      create_task(hear(note, e, name));
    co_await passes(1);
    e.set();
    e.set();
    BOOST_TEST(e.is_set());
    note("set");
    co_await e.wait(); // returns at once
    note("main");
    co_await passes(2);
  });
  CHECK_TRACE(words, "2 set", "2 main", "3 a heard", "3 b heard", "3 c heard");
}

BOOST_AUTO_TEST_CASE(EV1_clear_does_not_take_a_wake_up_back) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    event e;
    create_task(hear(note, e, "a"));
    co_await passes(1);
    e.set();
    e.clear();
    create_task(hear(note, e, "b"));
    co_await passes(3);
    note(e.is_set() ? "set" : "clear");
    e.set();
    co_await passes(1);
  });
  CHECK_TRACE(words, "3 a heard", "5 clear", "6 b heard");
}

BOOST_AUTO_TEST_CASE(EV1_set_and_clear_and_set_in_one_pass) {
  const auto words = traced([](diary& note) -> awaitable<void> {
    event e;
    create_task(hear(note, e, "a"));
    co_await passes(1);
    e.set();
    e.clear();
    create_task(hear(note, e, "b"));
    get_running_loop().call_soon([&] { e.set(); });
    co_await passes(4);
  });
  CHECK_TRACE(words, "3 a heard", "4 b heard");
}

BOOST_AUTO_TEST_CASE(EV2_a_cancelled_waiter_leaves_and_the_others_are_woken) {
  for (bool cancel_first : {true, false}) {
    const auto words = traced([&](diary& note) -> awaitable<void> {
      event e;
      const auto a = create_task(hear(note, e, "a"));
      create_task(hear(note, e, "b"));
      co_await passes(1);
      if (cancel_first) a.cancel();
      BOOST_TEST(e.statistics().waiters == 2U);
      e.set();
      if (!cancel_first) a.cancel();
      co_await passes(1);
      BOOST_TEST(e.statistics().waiters == 0U);
      BOOST_TEST(a.cancelled());
    });
    CHECK_TRACE(words, "3 a cancelled", "3 b heard");
  }
}

BOOST_AUTO_TEST_CASE(event_timeout_and_set) {
  for (bool same_pass : {true, false}) {
    const auto words = traced([&](diary& note) -> awaitable<void> {
      event e;
      create_task(late(note, "a", hear(note, e, "a")));
      co_await passes(1);
      testing::advance(1s);
      if (!same_pass) co_await passes(1);
      e.set();
      co_await passes(4);
    });
    if (same_pass)
      CHECK_TRACE(words, "3 a heard");
    else
      CHECK_TRACE(words, "4 a cancelled", "4 a late");
  }
}

BOOST_AUTO_TEST_CASE(event_wait_is_a_source_for_the_combinators_and_scopes) {
  testing::run_virtual([]() -> awaitable<void> {
    event e;
    auto t = create_task(e.wait());
    auto both = gather(e.wait(), e.wait());
    co_await passes(1);
    BOOST_TEST(e.statistics().waiters == 3U);
    e.set();
    co_await t.get();
    co_await both.get();
    e.clear();
    const auto body = [&] { return e.wait(); };
    const bool in_time = co_await move_on_after(1s, body);
    BOOST_TEST(!in_time);
    BOOST_TEST(e.statistics().waiters == 0U);
    BOOST_TEST(e.statistics().most_waiters == 3U);
  });
}

BOOST_AUTO_TEST_CASE(event_need_not_live_longer_than_its_set) {
  traced([](diary& note) -> awaitable<void> {
    auto e = std::make_unique<event>();
    create_task(hear(note, *e, "a"));
    const auto b = create_task(hear(note, *e, "b"));
    co_await passes(1);
    e->set();
    b.cancel();
    e.reset();
    co_await passes(1);
    CHECK_TRACE(note.words(), "3 a heard", "3 b cancelled");
  });
}

BOOST_AUTO_TEST_CASE(LK5_an_event_belongs_to_the_loop_on_which_somebody_waited_first) {
  event e;
  testing::run_virtual([&]() -> awaitable<void> {
    create_task([&]() -> awaitable<void> { co_await e.wait(); });
    co_await passes(1);
    e.set();
    co_await passes(1);
    e.clear();
  });
  testing::run_virtual([&]() -> awaitable<void> {
    const auto s = co_await settle(e.wait());
    BOOST_REQUIRE(s.error_as<std::runtime_error>());
    BOOST_TEST(contains(s.error_as<std::runtime_error>()->what(), "<event> is bound to a different event loop"));
    e.set();
    co_await e.wait(); // without a wait any loop will do
  });
}

BOOST_AUTO_TEST_CASE(event_dump_tasks_says_who_waits_for_it) {
  traced([](diary&) -> awaitable<void> {
    event e;
    create_task(e.wait());
    co_await passes(1);
    std::ostringstream out;
    dump_tasks(out);
    BOOST_TEST(contains(out.str(), "waits for an event since 0.000 s"));
    e.set();
    co_await passes(1);
  });
}
