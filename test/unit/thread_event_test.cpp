// thread_event: set on one thread, awaited on loops and threads.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/expect.hpp"

#include <rondo/loop_pool.hpp>
#include <rondo/runner.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/thread_event.hpp>
#include <rondo/timeout.hpp>

#include <boost/test/unit_test.hpp>

#include <optional>
#include <thread>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::thrown;
using testing::run_virtual;

BOOST_AUTO_TEST_CASE(a_wait_for_an_event_that_is_set_does_not_suspend) {
  run_virtual([]() -> awaitable<void> {
    thread_event e;
    e.set();
    e.set();
    bool other_ran = false;
    get_running_loop().call_soon([&] { other_ran = true; });
    co_await e.wait();
    BOOST_TEST(!other_ran);
    BOOST_TEST(e.is_set());
    e.clear();
    BOOST_TEST(!e.is_set());
  });
}

BOOST_AUTO_TEST_CASE(set_wakes_all_also_if_it_is_cleared_at_once) {
  run_virtual([]() -> awaitable<void> {
    thread_event e;
    int woken = 0;
    const auto wait = [&]() -> awaitable<void> {
      co_await e.wait();
      ++woken;
    };
    for (int i = 0; i < 3; ++i)
      create_task(wait);
    co_await testing::settle_all();
    BOOST_TEST(e.waiters() == 3u);
    e.set();
    e.clear();
    co_await testing::settle_all();
    BOOST_TEST(woken == 3);
    create_task(wait);
    co_await testing::settle_all();
    BOOST_TEST(woken == 3);
    e.set();
    co_await testing::settle_all();
    BOOST_TEST(woken == 4);
  });
}

BOOST_AUTO_TEST_CASE(a_wait_can_time_out_and_be_cancelled) {
  run_virtual([]() -> awaitable<void> {
    thread_event e;
    bool timed_out = false;
    try {
      co_await wait_for(e.wait(), 1s);
    } catch (const timeout_error&) {
      timed_out = true;
    }
    BOOST_TEST(timed_out);
    const auto wait = [&]() -> awaitable<void> { co_await e.wait(); };
    const auto t = create_task(wait);
    co_await testing::settle_all();
    e.set(); // on its way when the cancellation comes
    t.cancel();
    co_await settle(t);
    BOOST_TEST(t.cancelled());
    BOOST_TEST(e.waiters() == 0u);
  });
}

BOOST_AUTO_TEST_CASE(tasks_on_several_loops_and_threads_wake_together) {
  thread_event e;
  loop_pool pool(2);
  const auto wait = [e]() -> awaitable<void> { co_await e.wait(); };
  std::vector<concurrent_future<void>> waits;
  for (int i = 0; i < 10; ++i)
    waits.push_back(pool.submit(wait));
  std::optional<bool> woken;
  std::thread blocked([&] { woken = e.blocking_wait(); });
  std::thread setter([e] { e.set(); });
  for (const auto& w : waits)
    w.result(30s);
  blocked.join();
  setter.join();
  BOOST_TEST(*woken);
}

BOOST_AUTO_TEST_CASE(a_blocked_thread_ends_by_time_or_by_a_stop) {
  const thread_event e;
  BOOST_TEST(!e.blocking_wait(1ms));
  BOOST_TEST(!e.blocking_wait(0s));
  BOOST_TEST(!e.blocking_wait(-1s));
  std::stop_source stop;
  std::thread stopper([&] { stop.request_stop(); });
  BOOST_TEST(!e.blocking_wait(std::nullopt, stop.get_token()));
  stopper.join();
  BOOST_TEST(e.waiters() == 0u);
  e.set();
  BOOST_TEST(e.blocking_wait(0s));
  BOOST_TEST(e.blocking_wait(std::nullopt, stop.get_token()));
}

BOOST_AUTO_TEST_CASE(a_thread_that_runs_a_loop_is_not_blocked) {
  run([]() -> awaitable<void> {
    const thread_event e;
    BOOST_TEST(contains(thrown<std::runtime_error>([&] { e.blocking_wait(); }), "would block the event loop"));
    e.set();
    BOOST_TEST(e.blocking_wait());
    co_return;
  });
}

BOOST_AUTO_TEST_CASE(who_was_woken_may_destroy_the_event_while_set_has_not_returned) {
  for (int i = 0; i < 200; ++i) {
    auto e = std::make_unique<thread_event>();
    std::thread setter([&e = *e] { e.set(); });
    e->blocking_wait();
    e.reset();
    setter.join();
  }
}

BOOST_AUTO_TEST_CASE(a_loop_that_ends_forgets_its_waiters) {
  const thread_event e;
  {
    runner r;
    const auto wait = [e]() -> awaitable<void> { co_await e.wait(); };
    r.run([&]() -> awaitable<void> {
      create_task(wait, task_options().background(true));
      co_await testing::settle_all();
    });
    BOOST_TEST(e.waiters() == 1u);
  }
  BOOST_TEST(e.waiters() == 0u);
  e.set();
}
