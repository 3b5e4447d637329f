// event, lock, semaphore: waits that are not those of a task: raw coroutines, parallel groups, completion tokens.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/trace.hpp"

#include <rondo/async.hpp>
#include <rondo/condition.hpp>
#include <rondo/event.hpp>
#include <rondo/lock.hpp>
#include <rondo/semaphore.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace asio = boost::asio;
using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::end_of;
using support::shape;
using support::trace;
using testing::passes;

namespace {

/// Starts a coroutine inside the running task that is not the task's own.
template <class F>
awaitable<void> start_raw(F& f) {
  const auto executor = co_await asio::this_coro::executor;
  asio::co_spawn(executor, f, [](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
  });
}

} // namespace

// --- raw coroutines ----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(raw_coroutine_waits_in_line_with_tasks) {
  testing::run_virtual([]() -> awaitable<void> {
    lock m;
    trace words;
    co_await m.acquire();
    const auto uses = [&](std::string name) -> awaitable<void> {
      const auto guard = co_await m.scoped();
      words.push_back(name + " in");
      co_await sleep(1s);
      words.push_back(name + " out");
    };
    const auto raw = [&] { return uses("raw"); };
    create_task(uses("first"));
    co_await passes(1);
    co_await start_raw(raw);
    co_await sleep(1s);
    create_task(uses("last"));
    co_await passes(1);
    BOOST_TEST(m.statistics().waiters == 3U);
    m.release();
    co_await sleep(10s);
    BOOST_TEST(!m.locked());
    CHECK_TRACE(words, "first in", "first out", "raw in", "raw out", "last in", "last out");
  });
}

BOOST_AUTO_TEST_CASE(raw_coroutine_is_not_cancelled_with_its_task) {
  testing::run_virtual([]() -> awaitable<void> {
    semaphore s(0);
    event e;
    trace words;
    const auto raw = [&]() -> awaitable<void> {
      const std::string heard = co_await end_of(e.wait());
      const std::string acquired = co_await end_of(s.acquire());
      words.push_back(heard + ", " + acquired);
    };
    const auto body = [&]() -> awaitable<void> {
      co_await start_raw(raw);
      co_await s.acquire();
    };
    const auto t = create_task(body);
    co_await sleep(1s);
    e.set();
    t.cancel();
    co_await sleep(1s);
    BOOST_TEST(t.cancelled());
    BOOST_TEST(s.statistics().waiters == 1U);
    s.release();
    co_await sleep(1s);
    BOOST_TEST(s.value() == 0);
    CHECK_TRACE(words, "none, none");
  });
}

BOOST_AUTO_TEST_CASE(raw_coroutine_outside_of_every_loop_cannot_wait) {
  asio::io_context io;
  lock m;
  condition c;
  BOOST_TEST(m.try_acquire());
  BOOST_TEST(c.try_acquire());
  trace words;
  const auto raw = [&]() -> awaitable<void> {
    std::string end = co_await end_of(m.acquire());
    words.push_back(end);
    end = co_await end_of(c.wait());
    words.push_back(end);
    m.release();
    end = co_await end_of(m.acquire()); // needs no loop
    words.push_back(end);
  };
  asio::co_spawn(io, raw, [](const std::exception_ptr& error) { BOOST_TEST(!error); });
  io.run();
  CHECK_TRACE(words, "no running event loop", "no running event loop", "none");
  BOOST_TEST((m.locked() && c.locked()));
  BOOST_TEST(m.statistics().waiters == 0U);
}

BOOST_AUTO_TEST_CASE(parallel_group_cancels_the_wait_that_came_second) {
  using namespace asio::experimental::awaitable_operators;
  testing::run_virtual([]() -> awaitable<void> {
    lock m;
    co_await m.acquire();
    const auto takes = [&]() -> awaitable<void> {
      const auto guard = co_await m.scoped();
      co_await sleep(1h);
    };
    const auto rests = []() -> awaitable<void> { co_await sleep(1s); };
    const auto body = [&]() -> awaitable<std::size_t> {
      auto both = takes() || rests();
      const auto first = co_await std::move(both);
      co_return first.index();
    };
    auto t = create_task(body);
    std::size_t first = co_await t.get();
    BOOST_TEST(first == 1U);
    BOOST_TEST(m.statistics().waiters == 0U);
    m.release();
    auto u = create_task(body); // now it gets the lock, and then is cancelled
    first = co_await u.get();
    BOOST_TEST(first == 1U);
    BOOST_TEST(!m.locked());
  });
}

// --- completion tokens -------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(token_callbacks_wait_in_line_and_get_guards) {
  testing::run_virtual([]() -> awaitable<void> {
    lock m;
    trace words;
    std::optional<scoped_guard<lock>> kept;
    co_await m.acquire();
    async_start(m.scoped(), [&](std::exception_ptr error, scoped_guard<lock> guard) {
      words.push_back("a " + shape(error));
      kept = std::move(guard);
    });
    async_start(m.scoped(),
                [&](std::exception_ptr error, scoped_guard<lock>) { words.push_back("b " + shape(error)); });
    co_await passes(2);
    BOOST_TEST(m.statistics().waiters == 2U);
    m.release();
    co_await passes(3);
    BOOST_TEST(m.locked());
    CHECK_TRACE(words, "a none");
    kept.reset();
    co_await passes(2);
    BOOST_TEST(!m.locked());
    CHECK_TRACE(words, "a none", "b none");
  });
}

BOOST_AUTO_TEST_CASE(token_use_future) {
  testing::run_virtual([]() -> awaitable<void> {
    semaphore s(1);
    event e;
    auto acquired = async_start(s.acquire(), asio::use_future);
    auto waits = async_start(s.acquire(), asio::use_future);
    auto heard = async_start(e.wait(), asio::use_future);
    co_await passes(2);
    BOOST_TEST((acquired.wait_for(0s) == std::future_status::ready));
    BOOST_TEST((waits.wait_for(0s) == std::future_status::timeout));
    BOOST_TEST((heard.wait_for(0s) == std::future_status::timeout));
    s.release();
    e.set();
    co_await passes(2);
    acquired.get();
    waits.get();
    heard.get();
    BOOST_TEST(s.value() == 0);
  });
}

BOOST_AUTO_TEST_CASE(token_with_a_cancellation_slot) {
  testing::run_virtual([]() -> awaitable<void> {
    lock m;
    trace words;
    asio::cancellation_signal first, second, third;
    const auto note = [&](const std::exception_ptr& error) { words.push_back(shape(error)); };
    co_await m.acquire();
    async_start(m.acquire(), asio::bind_cancellation_slot(first.slot(), note));
    async_start(m.acquire(), asio::bind_cancellation_slot(second.slot(), note));
    first.emit(asio::cancellation_type::all);
    m.release(); // skips the first, which is cancelled
    co_await passes(1);
    BOOST_TEST(!m.locked());
    co_await passes(1);
    BOOST_TEST(m.locked());
    CHECK_TRACE(words, "Cancelled()", "none");
    async_start(m.acquire(), asio::bind_cancellation_slot(third.slot(), note));
    m.release();
    third.emit(asio::cancellation_type::all); // too late: it gets the lock
    co_await passes(2);
    BOOST_TEST(m.locked());
    CHECK_TRACE(words, "Cancelled()", "none", "none");
    m.release();
  });
}

BOOST_AUTO_TEST_CASE(token_deferred_in_a_task_loses_nothing_when_the_task_is_cancelled) {
  testing::run_virtual([]() -> awaitable<void> {
    lock m;
    semaphore s(1);
    trace words;
    const auto takes = [&]() -> awaitable<void> {
      auto locks = m.acquire()(asio::deferred);
      auto permits = s.acquire()(asio::deferred);
      const std::string locked = co_await end_of(std::move(locks));
      const std::string next = co_await end_of(passes(1));
      words.push_back(locked + ", " + next);
      if (locked == "none") m.release();
      const std::string permitted = co_await end_of(std::move(permits));
      words.push_back(permitted);
      if (permitted == "none") s.release();
    };
    const auto t = create_task(takes);
    co_await passes(1); // it has the lock, and its turn is still to come
    BOOST_TEST(m.locked());
    t.cancel();
    co_await sleep(1s);
    BOOST_TEST(t.done());
    CHECK_TRACE(words, "none, Cancelled()", "none");
    BOOST_TEST((!m.locked() && s.value() == 1));
    co_await m.acquire();
    const auto u = create_task(takes); // has to wait, and is cancelled when it gets the lock
    co_await passes(1);
    m.release();
    u.cancel();
    co_await sleep(1s);
    CHECK_TRACE(words, "none, Cancelled()", "none", "Cancelled(), none", "none");
    BOOST_TEST((!m.locked() && s.value() == 1));
  });
}
