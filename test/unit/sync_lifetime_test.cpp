// event, lock, semaphore, condition, barrier: destroyed while tasks wait or hold them, loops that end, and debug mode.
// The address sanitizer is the second judge here. One test uses a second thread.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/trace.hpp"

#include <rondo/async.hpp>
#include <rondo/barrier.hpp>
#include <rondo/condition.hpp>
#include <rondo/event.hpp>
#include <rondo/lock.hpp>
#include <rondo/loop_thread.hpp>
#include <rondo/semaphore.hpp>
#include <rondo/task_group.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::end_of;
using support::log_capture;
using support::thrown;
using support::trace;
using testing::passes;

namespace {

awaitable<void> note_end(trace& words, awaitable<void> wait) {
  const std::string end = co_await end_of(std::move(wait));
  words.push_back(end);
}

template <class Primitive>
awaitable<void> hold(Primitive& p) {
  const auto guard = co_await p.scoped();
  co_await sleep(1h);
}

awaitable<void> wait_with_guard(condition& c) {
  const auto guard = co_await c.scoped();
  co_await c.wait();
}

} // namespace

// --- destroyed ---------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(sync_a_primitive_that_is_destroyed_ends_the_waits_for_it) {
  testing::run_virtual([]() -> awaitable<void> {
    trace words;
    std::optional<event> e(std::in_place);
    std::optional<lock> m(std::in_place);
    std::optional<semaphore> s(std::in_place, 0);
    std::optional<condition> c(std::in_place);
    co_await m->acquire();
    const auto wait = [&]() -> awaitable<void> { co_await e->wait(); };
    const auto acquire = [&]() -> awaitable<void> { co_await m->acquire(); };
    create_task(note_end(words, wait()));
    create_task(note_end(words, acquire()));
    create_task(note_end(words, hold(*s)));
    create_task(note_end(words, wait_with_guard(*c)));
    co_await passes(1);
    e.reset();
    m.reset();
    s.reset();
    c.reset();
    std::ostringstream out; // nobody reaches for what is gone
    dump_tasks(out);
    BOOST_TEST(contains(out.str(), "waits for what was destroyed"));
    co_await passes(2);
    const std::string rest = " was destroyed while a task waited for it: it must outlive its waiters";
    CHECK_TRACE(words, "the event" + rest, "the lock" + rest, "the semaphore" + rest, "the condition" + rest);
  });
}

BOOST_AUTO_TEST_CASE(sync_destroyed_after_the_release_and_before_the_waiter_has_run) {
  testing::run_virtual([]() -> awaitable<void> {
    trace words;
    std::optional<lock> m(std::in_place);
    std::optional<semaphore> s(std::in_place, 0);
    co_await m->acquire();
    create_task(note_end(words, hold(*m)));
    create_task(note_end(words, hold(*s)));
    const auto cancelled = create_task(note_end(words, hold(*m)));
    co_await passes(1);
    m->release();
    s->release();
    cancelled.cancel();
    m.reset();
    s.reset();
    co_await passes(2);
    const std::string rest = " was destroyed while a task waited for it: it must outlive its waiters";
    CHECK_TRACE(words, "Cancelled()", "the lock" + rest, "the semaphore" + rest);
  });
}

BOOST_AUTO_TEST_CASE(sync_a_guard_may_outlive_what_it_holds) {
  testing::run_virtual([]() -> awaitable<void> {
    std::optional<lock> m(std::in_place);
    std::optional<bounded_semaphore> s(std::in_place, 2);
    auto a = co_await m->scoped();
    auto b = co_await s->scoped();
    auto c = co_await s->scoped();
    auto d = std::move(c);
    m.reset();
    s.reset();
    BOOST_TEST((!a && !b && !d));
    a.release();
    b = std::move(d);
  });
}

// --- loops that end ----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(sync_main_ends_while_tasks_hold_and_wait_for_what_it_owns) {
  trace words;
  testing::run_virtual([&]() -> awaitable<void> {
    lock m;
    semaphore s(1);
    condition c;
    barrier b(3);
    for (int i = 0; i < 2; ++i) {
      create_task(note_end(words, hold(m)));
      create_task(note_end(words, hold(s)));
      create_task(note_end(words, wait_with_guard(c)));
    }
    const auto arrive = [&]() -> awaitable<void> { co_await b.wait(); };
    create_task(note_end(words, arrive()));
    co_await passes(2);
  });
  // The waiters learn it at once; who holds something is cancelled at the end of the loop.
  const std::string rest = " was destroyed while a task waited for it: it must outlive its waiters";
  std::sort(words.begin(), words.end());
  CHECK_TRACE(words, "Barrier destroyed while a task waited for it", "Cancelled()", "Cancelled()",
              "the condition" + rest, "the condition" + rest, "the lock" + rest, "the semaphore" + rest);
}

BOOST_AUTO_TEST_CASE(sync_a_context_that_is_destroyed_takes_the_waiters_with_it) {
  log_capture quiet; // "destroyed but pending" is expected here
  bool resumed = false;
  {
    boost::asio::io_context io;
    const event_loop loop(io.get_executor());
    const auto body = [&]() -> awaitable<void> {
      lock m;
      semaphore s(1);
      condition c;
      barrier b(3);
      event e;
      // The frame of the parent, which has them, goes before those of the children.
      const auto children = [&](task_group& group) {
        for (int i = 0; i < 2; ++i) {
          group.create_task(hold(m));
          group.create_task(hold(s));
          group.create_task(wait_with_guard(c));
          group.create_task(b.wait());
          group.create_task(e.wait());
        }
      };
      co_await with_task_group(children);
      resumed = true;
    };
    const auto t = loop.create_task(body);
    io.run_for(5ms);
    BOOST_TEST(!t.done());
  }
  BOOST_TEST(!resumed);
}

BOOST_AUTO_TEST_CASE(sync_a_loop_that_ends_drops_waits_with_tokens_and_the_primitive_can_be_used_on) {
  lock m;
  semaphore s(1);
  bool completed = false;
  {
    boost::asio::io_context io;
    const event_loop loop(io.get_executor());
    const auto body = [&]() -> awaitable<void> {
      co_await m.acquire();
      co_await s.acquire();
      const auto done = [&](std::exception_ptr) { completed = true; };
      async_start(m.acquire(), done);
      async_start(s.acquire(), done);
    };
    loop.create_task(body);
    io.run_for(5ms);
    BOOST_TEST(m.statistics().waiters == 1U);
  }
  BOOST_TEST(!completed);
  BOOST_TEST(m.statistics().waiters == 0U);
  BOOST_TEST(s.statistics().waiters == 0U);
  m.release();
  s.release();
  BOOST_TEST((m.try_acquire() && s.try_acquire()));
}

BOOST_AUTO_TEST_CASE(sync_a_dropped_handler_owned_the_lock_that_another_one_waits_for) {
  event never;
  bool completed = false;
  {
    boost::asio::io_context io;
    const event_loop loop(io.get_executor());
    const auto body = [&]() -> awaitable<void> {
      auto owned = std::make_unique<lock>();
      lock& m = *owned;
      co_await m.acquire();
      auto owner = [keep = std::move(owned), &completed](std::exception_ptr) { completed = true; };
      async_start(never.wait(), std::move(owner));
      async_start(m.acquire(), [&completed](std::exception_ptr) { completed = true; });
    };
    loop.create_task(body);
    io.run_for(5ms);
    BOOST_TEST(never.statistics().waiters == 1U);
  }
  BOOST_TEST(!completed);
  BOOST_TEST(never.statistics().waiters == 0U);
}

BOOST_AUTO_TEST_CASE(sync_a_dropped_handler_has_a_guard_of_the_semaphore_that_goes_with_another_one) {
  event never;
  {
    boost::asio::io_context io;
    const event_loop loop(io.get_executor());
    const auto body = [&]() -> awaitable<void> {
      auto owned = std::make_unique<semaphore>(1);
      semaphore& s = *owned;
      auto guard = co_await s.scoped();
      auto owner = [keep = std::move(owned)](std::exception_ptr) {};
      auto holder = [keep = std::move(guard)](std::exception_ptr) {};
      async_start(never.wait(), std::move(owner));
      async_start(s.acquire(), std::move(holder));
      async_start(s.acquire(), [](std::exception_ptr) {});
    };
    loop.create_task(body);
    io.run_for(5ms);
    BOOST_TEST(never.statistics().waiters == 1U);
  }
  BOOST_TEST(never.statistics().waiters == 0U);
}

// --- threads -----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(sync_debug_mode_refuses_the_calls_of_another_thread_that_would_wake_a_task) {
  event e;
  lock m;
  semaphore s(0);
  condition c(m);
  loop_thread background;
  const event_loop loop = background.loop();
  loop.set_debug(true);
  const auto begin = [&]() -> awaitable<void> {
    const auto wait = [&]() -> awaitable<void> { co_await e.wait(); };
    create_task(wait);
    create_task(hold(s));
    create_task(wait_with_guard(c));
    co_await passes(1);
    co_await m.acquire();
    create_task(hold(m));
    co_await passes(1);
  };
  background.submit(begin).result();
  const std::string text = "Non-thread-safe operation invoked on an event loop other than the current one: ";
  BOOST_TEST(thrown<std::runtime_error>([&] { e.set(); }) ==
             text + "event::set; from other threads use thread_event or call_soon_threadsafe");
  BOOST_TEST(contains(thrown<std::runtime_error>([&] { m.release(); }), text + "lock::release"));
  BOOST_TEST(contains(thrown<std::runtime_error>([&] { s.release(); }), text + "semaphore::release"));
  BOOST_TEST(contains(thrown<std::runtime_error>([&] { c.notify(); }), text + "condition::notify"));
  BOOST_TEST(contains(thrown<std::runtime_error>([&] { c.notify_all(); }), text + "condition::notify_all"));
  BOOST_TEST((!e.is_set() && m.locked() && s.value() == 0));
  loop.call_soon_threadsafe([&] { m.release(); });
  background.stop();
}
