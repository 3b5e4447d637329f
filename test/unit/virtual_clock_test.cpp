// Virtual time: run_virtual and deadlocks.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/trace.hpp"

#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::elapsed;
using support::thrown;
using support::trace;
using support::value_of;

// --- run_virtual -------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(run_virtual_starts_at_zero_and_jumps_to_the_next_timer) {
  std::vector<clock::duration> times;
  const auto begin = std::chrono::steady_clock::now();
  testing::run_virtual([&]() -> awaitable<void> {
    times.push_back(elapsed());
    co_await sleep(24h);
    times.push_back(elapsed());
    co_await sleep(1ns);
    times.push_back(elapsed());
    co_await testing::passes(1000); // turns take no time
    times.push_back(elapsed());
  });
  const std::vector<clock::duration> expected{0ns, 24h, 24h + 1ns, 24h + 1ns};
  BOOST_CHECK(times == expected);
  BOOST_CHECK(std::chrono::steady_clock::now() - begin < 1h);
}

BOOST_AUTO_TEST_CASE(run_virtual_wakes_sleepers_in_the_order_of_their_deadlines) {
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    auto sleeper = [&](clock::duration d, std::string name) -> awaitable<void> {
      co_await sleep(d);
      order.push_back(name + "@" + std::to_string(elapsed() / 1ms));
    };
    create_task(sleeper(30ms, "a"));
    create_task(sleeper(10ms, "b"));
    create_task(sleeper(20ms, "c"));
    create_task(sleeper(10ms, "d"));
    co_await sleep(20ms);
    order.push_back("main@" + std::to_string(elapsed() / 1ms));
    co_await sleep(20ms);
  });
  // main went to sleep before the others began, so its timer was armed first.
  CHECK_TRACE(order, "b@10", "d@10", "main@20", "c@20", "a@30");
}

BOOST_AUTO_TEST_CASE(run_virtual_gives_the_outcome_of_its_source) {
  BOOST_TEST(testing::run_virtual(value_of(3)) == 3);
  BOOST_TEST(testing::run_virtual([] { return value_of(4); }) == 4);
  BOOST_TEST(testing::run_virtual(sleep(1h, 5)) == 5);
  const auto failing = []() -> awaitable<void> {
    co_await sleep(1h);
    throw std::logic_error("broken");
  };
  BOOST_TEST(thrown<std::logic_error>([&] { testing::run_virtual(failing); }) == "broken");
  const auto cancelling = []() -> awaitable<void> {
    current_task().cancel("by myself");
    co_await sleep(1h);
  };
  BOOST_TEST(thrown<cancelled_error>([&] { testing::run_virtual(cancelling); }) == "by myself");
}

BOOST_AUTO_TEST_CASE(run_virtual_ends_with_main_and_cancels_what_is_left) {
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    auto body = [&]() -> awaitable<void> {
      try {
        co_await sleep(10h);
        order.push_back("slept");
      } catch (const cancelled_error&) {
        order.push_back("cancelled@" + std::to_string(elapsed() / 1h));
        throw;
      }
    };
    create_task(body);
    co_await sleep(1h);
  });
  CHECK_TRACE(order, "cancelled@1");
}

BOOST_AUTO_TEST_CASE(virtual_runner_runs_several_times_on_one_clock) {
  testing::virtual_runner r;
  BOOST_CHECK(r.loop().time() == clock::time_point());
  r.run(sleep(1h));
  BOOST_CHECK(r.loop().time() == clock::time_point(1h));
  trace order;
  r.loop().call_later(30min, [&] { order.push_back("between the runs"); });
  r.run(sleep(1h));
  CHECK_TRACE(order, "between the runs");
  BOOST_CHECK(r.loop().time() == clock::time_point(2h));
  r.close();
  r.close();
  BOOST_TEST(r.loop().is_closed());
  BOOST_TEST(contains(thrown<std::runtime_error>([&] { r.run(value_of(1)); }), "closed"));
}

BOOST_AUTO_TEST_CASE(virtual_time_waits_for_threads_and_posted_handlers_before_it_moves) {
  testing::run_virtual([]() -> awaitable<void> {
    bool fired = false;
    get_running_loop().call_later(1h, [&] { fired = true; });
    const int value = co_await to_thread([] { return 5; });
    BOOST_TEST(value == 5);
    BOOST_TEST(!fired);
    bool posted = false;
    boost::asio::post(get_running_loop().get_executor(), [&] { posted = true; });
    co_await sleep(1ns);
    BOOST_TEST(posted);
    BOOST_TEST(!fired);
    co_await sleep(2h);
    BOOST_TEST(fired);
  });
}

BOOST_AUTO_TEST_CASE(tasks_that_are_made_after_a_jump_of_the_clock_begin_in_the_next_pass) {
  testing::run_virtual([]() -> awaitable<void> {
    co_await sleep(1s);
    int begun = 0;
    for (int i = 0; i < 5; ++i)
      create_task([&]() -> awaitable<void> {
        ++begun;
        co_await sleep(1s);
      });
    co_await sleep(0s);
    BOOST_TEST(begun == 5);
  });
}

BOOST_AUTO_TEST_CASE(a_task_that_is_made_by_a_timer_is_cancelled_as_any_other) {
  testing::run_virtual([]() -> awaitable<void> {
    task<std::string> t;
    const auto body = []() -> awaitable<std::string> {
      try {
        co_await sleep(std::nullopt);
      } catch (const cancelled_error& e) {
        co_return e.message();
      }
      co_return "not cancelled";
    };
    get_running_loop().call_later(1s, [&] { t = create_task(body, task_options().eager(true)); });
    co_await sleep(2s);
    t.cancel("why");
    auto message = co_await t.get();
    BOOST_TEST(message == "why");
  });
}

// --- Deadlock ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(deadlock_is_an_error_that_lists_the_tasks_and_what_they_wait_for) {
  trace order;
  const auto body = [&]() -> awaitable<void> {
    const future<int> f = get_running_loop().create_future<int>();
    auto reader = [&]() -> awaitable<void> {
      try {
        co_await f.get();
      } catch (const cancelled_error&) {
        order.push_back("reader cancelled");
        throw;
      }
    };
    const task<void> t = create_task(reader, task_options().name("reader"));
    co_await sleep(3s);
    co_await t.get();
  };
  const std::string text = thrown<testing::deadlock_error>([&] { testing::run_virtual(body); });
  BOOST_TEST(contains(text, "deadlock"));
  BOOST_TEST(contains(text, "2 task(s)"));
  BOOST_TEST(contains(text, "'main' created at virtual_clock_test.cpp:"));
  BOOST_TEST(contains(text, "waits for task 'reader' since 0.000 s"));
  BOOST_TEST(contains(text, "'reader' created at virtual_clock_test.cpp:"));
  BOOST_TEST(contains(text, "waits for a future since 3.000 s"));
  CHECK_TRACE(order, "reader cancelled"); // the end of the run cleans up as always
}

BOOST_AUTO_TEST_CASE(deadlock_is_also_an_endless_sleep_and_a_circle) {
  BOOST_CHECK_THROW(testing::run_virtual(sleep(std::nullopt)), testing::deadlock_error);
  BOOST_CHECK_THROW(testing::run_virtual([]() -> awaitable<void> {
                      get_running_loop().call_later(std::nullopt, [] {});
                      co_await sleep(std::chrono::hours::max());
                    }),
                    testing::deadlock_error);
  const auto circle = []() -> awaitable<void> {
    task<void> a;
    task<void> b;
    auto wait_for_b = [&]() -> awaitable<void> { co_await b.get(); };
    auto wait_for_a = [&]() -> awaitable<void> { co_await a.get(); };
    a = create_task(wait_for_b, task_options().name("a"));
    b = create_task(wait_for_a, task_options().name("b"));
    co_await get_running_loop().create_future<void>();
  };
  const std::string text = thrown<testing::deadlock_error>([&] { testing::run_virtual(circle); });
  BOOST_TEST(contains(text, "waits for task 'a'"));
  BOOST_TEST(contains(text, "waits for task 'b'"));
}

BOOST_AUTO_TEST_CASE(deadlock_leaves_a_runner_that_can_go_on) {
  testing::virtual_runner r;
  const future<int> f = r.loop().create_future<int>();
  BOOST_CHECK_THROW(r.run(f), testing::deadlock_error);
  BOOST_TEST(!r.loop().is_running());
  r.loop().call_later(1s, [&] { f.set_result(6); });
  BOOST_TEST(r.run(f) == 6);
}

BOOST_AUTO_TEST_CASE(a_timer_is_no_deadlock_even_if_it_wakes_nobody) {
  // The clock runs through all timers first.
  int fired = 0;
  const auto body = [&]() -> awaitable<void> {
    for (int i = 1; i <= 3; ++i)
      get_running_loop().call_later(std::chrono::hours(i), [&] { ++fired; });
    co_await get_running_loop().create_future<void>();
  };
  BOOST_CHECK_THROW(testing::run_virtual(body), testing::deadlock_error);
  BOOST_TEST(fired == 3);
}
