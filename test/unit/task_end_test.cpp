// The ends of tasks: how long they and what they hold live, exceptions out of them (C11), waiters and callbacks (C13).
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/trace.hpp"

#include <rondo/event_loop.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

using namespace rondo;
using namespace std::chrono_literals;
using support::outcome_of_sleep;
using support::refuses;
using support::trace;

// --- lifetimes ------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_callable_with_owning_captures_lives_until_its_coroutine_has_ended) {
  testing::run_virtual([]() -> awaitable<void> {
    auto owned = std::make_shared<std::string>("captured");
    std::weak_ptr<std::string> watch = owned;
    std::string seen;
    auto body = [owned = std::move(owned), &seen]() -> awaitable<void> {
      co_await sleep(1s);
      seen = *owned;
    };
    auto t = create_task(std::move(body));
    bool alive_in_callback = true;
    t.add_done_callback([&] { alive_in_callback = !watch.expired(); });
    co_await testing::passes(2);
    BOOST_TEST(!watch.expired());
    co_await t.get();
    BOOST_TEST(seen == "captured");
    BOOST_TEST(!alive_in_callback);
    BOOST_TEST(watch.expired()); // although a handle is still there
    BOOST_TEST(t.done());
  });
}

BOOST_AUTO_TEST_CASE(an_lvalue_callable_is_copied) {
  testing::run_virtual([]() -> awaitable<void> {
    task<int> t;
    {
      const auto shared = std::make_shared<int>(8);
      const auto body = [shared]() -> awaitable<int> {
        co_await sleep(1s);
        co_return *shared;
      };
      t = create_task(body);
    }
    int v = co_await t.get();
    BOOST_TEST(v == 8);
  });
}

BOOST_AUTO_TEST_CASE(a_callable_goes_also_when_its_coroutine_throws_or_is_cancelled) {
  testing::run_virtual([]() -> awaitable<void> {
    for (const bool cancel : {false, true}) {
      auto owned = std::make_shared<int>(1);
      std::weak_ptr<int> watch = owned;
      auto body = [owned = std::move(owned)]() -> awaitable<void> {
        co_await sleep(1s);
        throw std::runtime_error("x");
      };
      auto t = create_task(std::move(body));
      co_await testing::passes(1);
      if (cancel) t.cancel();
      auto s = co_await settle(t);
      BOOST_TEST(s.cancelled() == cancel);
      BOOST_TEST(watch.expired());
    }
  });
}

BOOST_AUTO_TEST_CASE(an_unstarted_body_is_destroyed_when_its_task_is_cancelled) {
  testing::run_virtual([]() -> awaitable<void> {
    auto in_callable = std::make_shared<int>(1);
    auto in_coroutine = std::make_shared<int>(1);
    std::weak_ptr<int> watch_callable = in_callable;
    std::weak_ptr<int> watch_coroutine = in_coroutine;
    auto body = [in_callable = std::move(in_callable)]() -> awaitable<void> { co_return; };
    const auto coroutine = [](std::shared_ptr<int>) -> awaitable<void> { co_return; };
    auto a = create_task(std::move(body));
    auto b = create_task(coroutine(std::move(in_coroutine)));
    a.cancel();
    b.cancel();
    BOOST_TEST((!watch_callable.expired() && !watch_coroutine.expired()));
    co_await testing::passes(1);
    BOOST_TEST((a.cancelled() && b.cancelled()));
    BOOST_TEST(watch_callable.expired());
    BOOST_TEST(watch_coroutine.expired());
  });
}

BOOST_AUTO_TEST_CASE(a_task_without_a_handle_lives_until_it_has_ended) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto owned = std::make_shared<int>(1);
    std::weak_ptr<int> watch = owned;
    auto body = [owned = std::move(owned), &log]() -> awaitable<void> {
      // Nothing but the task refers to what it waits for.
      auto f = get_running_loop().create_future<void>();
      get_running_loop().call_later(1s, [f] { f.set_result(); });
      co_await f.get();
      log.push_back("ended");
    };
    create_task(std::move(body));
    co_await testing::passes(2);
    BOOST_TEST(!watch.expired());
    co_await sleep(2s);
    BOOST_TEST(watch.expired());
  });
  CHECK_TRACE(log, "ended");
}

// --- C11 ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(C11_keyboard_interrupt_out_of_a_task_is_stored_and_leaves_run_at_once) {
  trace log;
  int reports = 0;
  task<void> interrupted;
  {
    testing::virtual_runner r;
    r.loop().set_exception_handler([&](event_loop, const exception_context&) { ++reports; });
    const auto body = [&]() -> awaitable<void> {
      interrupted = create_task([]() -> awaitable<void> {
        throw keyboard_interrupt();
        co_return;
      });
      get_running_loop().call_soon([&] { log.push_back("next in the same pass"); });
      try {
        co_await sleep(1h);
      } catch (const cancelled_error&) {
        log.push_back("main cancelled");
        throw;
      }
    };
    BOOST_CHECK_THROW(r.run(body), keyboard_interrupt);
    CHECK_TRACE(log);
    BOOST_TEST(interrupted.done());
    BOOST_TEST(!interrupted.cancelled());
    BOOST_CHECK_THROW(std::rethrow_exception(interrupted.exception()), keyboard_interrupt);
    // What was ready keeps its place for the next run.
    r.run([]() -> awaitable<void> { co_await testing::passes(1); });
    CHECK_TRACE(log, "next in the same pass");
  }
  CHECK_TRACE(log, "next in the same pass", "main cancelled");
  BOOST_TEST(reports == 0);
}

BOOST_AUTO_TEST_CASE(C11_keyboard_interrupt_out_of_the_main_task_leaves_run_and_ends_the_others) {
  trace log;
  const auto body = [&]() -> awaitable<void> {
    create_task([&]() -> awaitable<void> {
      std::string what = co_await outcome_of_sleep(1h);
      log.push_back(what);
    });
    co_await testing::passes(1);
    throw keyboard_interrupt();
  };
  BOOST_CHECK_THROW(testing::run_virtual(body), keyboard_interrupt);
  CHECK_TRACE(log, "cancelled ");
}

BOOST_AUTO_TEST_CASE(C11_other_exceptions_are_stored_only) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task([]() -> awaitable<void> {
      throw 42; // neither a std::exception nor one of ours
      co_return;
    });
    co_await testing::passes(1);
    BOOST_TEST(t.done());
    BOOST_TEST(!t.cancelled());
    BOOST_CHECK_THROW(t.result(), int);
  });
}

// --- C13 ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(C13_waiters_and_callbacks_of_a_task_share_one_order) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto t = create_task(refuses(5));
    const auto waiter = [&](std::string name) -> awaitable<void> {
      co_await t.get();
      log.push_back(name);
    };
    t.add_done_callback([&] { log.push_back("callback 1"); });
    create_task(waiter("waiter 1"));
    co_await testing::passes(1);
    t.add_done_callback([&](any_task done) { log.push_back(done == t ? "callback 2" : "another task"); });
    auto last = create_task(waiter("waiter 2"));
    co_await testing::passes(1);
    t.cancel();
    co_await last.get();
  });
  CHECK_TRACE(log, "callback 1", "waiter 1", "callback 2", "waiter 2");
}

template <class Handle>
concept settable = requires(Handle h) { h.set_result(1); } || requires(Handle h) { h.set_exception(1); };

BOOST_AUTO_TEST_CASE(C13_the_outcome_of_a_task_cannot_be_set) {
  static_assert(settable<future<int>>);
  static_assert(!settable<task<int>>);
  static_assert(!settable<any_task>);
  static_assert(!std::is_convertible_v<task<int>, future<int>>);
}
