// Virtual time: run_virtual, deadlocks, passes, advance, settle_all; and clock and time_limit, which they rest on.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/expect.hpp"
#include "../support/trace.hpp"

#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <cmath>
#include <concepts>
#include <limits>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::thrown;
using support::trace;

namespace {

/// The time since the loop began.
clock::duration elapsed() { return get_running_loop().time().time_since_epoch(); }

awaitable<int> number(int n) { co_return n; }

} // namespace

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
  BOOST_TEST(testing::run_virtual(number(3)) == 3);
  BOOST_TEST(testing::run_virtual([] { return number(4); }) == 4);
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
  BOOST_TEST(contains(thrown<std::runtime_error>([&] { r.run(number(1)); }), "closed"));
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

// --- passes, advance, settle_all ---------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(passes_waits_for_exactly_n_passes) {
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    auto ticker = [&]() -> awaitable<void> {
      for (int i = 1; i <= 5; ++i) {
        order.push_back(std::to_string(i));
        co_await sleep(0s);
      }
    };
    create_task(ticker);
    co_await testing::passes(0);
    order.push_back("after 0");
    co_await testing::passes(1);
    order.push_back("after 1");
    co_await testing::passes(3);
    order.push_back("after 4");
    BOOST_CHECK(elapsed() == 0s);
  });
  CHECK_TRACE(order, "after 0", "1", "after 1", "2", "3", "4", "after 4", "5"); // main's end takes a pass
}

BOOST_AUTO_TEST_CASE(advance_moves_the_clock_while_the_loop_is_busy) {
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    loop.call_later(2s, [&] { order.push_back("2 s"); });
    loop.call_later(1s, [&] { order.push_back("1 s"); });
    loop.call_later(10s, [&] { order.push_back("10 s"); });
    testing::advance(5s);
    BOOST_CHECK(elapsed() == 5s);
    BOOST_CHECK(clock::now() == loop.time());
    BOOST_TEST(order.empty()); // timers fire in the next pass, after what is ready
    loop.call_soon([&] { order.push_back("ready"); });
    co_await testing::passes(2);
    order.push_back("main");
    testing::advance(0s);
    testing::advance(-1h); // time does not go back
    BOOST_CHECK(elapsed() == 5s);
    co_await sleep(5s); // armed after the callback of the same deadline
  });
  CHECK_TRACE(order, "ready", "1 s", "2 s", "main", "10 s");
}

BOOST_AUTO_TEST_CASE(advance_needs_virtual_time) {
  BOOST_TEST(thrown<std::runtime_error>([] { testing::advance(1s); }) == "no running event loop");
  run([]() -> awaitable<void> {
    BOOST_TEST(contains(thrown<std::runtime_error>([] { testing::advance(1s); }), "not on virtual time"));
    co_return;
  });
}

BOOST_AUTO_TEST_CASE(advance_by_more_than_there_is_saturates) {
  testing::run_virtual([]() -> awaitable<void> {
    bool fired = false;
    get_running_loop().call_later(std::nullopt, [&] { fired = true; });
    testing::advance(1h);
    testing::advance(std::chrono::hours::max());
    testing::advance(std::chrono::hours::max());
    BOOST_CHECK(rondo::clock::now() == rondo::clock::time_point::max() - 1ns);
    co_await testing::passes(2);
    BOOST_TEST(!fired); // without end is later than everything
  });
}

BOOST_AUTO_TEST_CASE(settle_all_waits_until_every_other_task_is_parked) {
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    const future<int> f = get_running_loop().create_future<int>();
    auto busy = [&](int turns) -> awaitable<void> {
      for (int i = 0; i < turns; ++i)
        co_await sleep(0s);
      order.push_back("parked after " + std::to_string(turns));
      co_await f.get();
      order.push_back("woken");
    };
    create_task(busy(1));
    create_task(busy(20));
    get_running_loop().call_later(1h, [] { BOOST_ERROR("timers do not count"); }).when();
    co_await testing::settle_all();
    order.push_back("settled");
    f.set_result(1);
    co_await testing::settle_all();
    order.push_back("settled again");
    BOOST_CHECK(elapsed() == 0s);
  });
  CHECK_TRACE(order, "parked after 1", "parked after 20", "settled", "woken", "woken", "settled again");
}

BOOST_AUTO_TEST_CASE(settle_all_does_not_wait_for_others_in_settle_all) {
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    auto settler = [&]() -> awaitable<void> {
      co_await testing::settle_all();
      order.push_back("settled");
    };
    auto busy = [&]() -> awaitable<void> {
      co_await testing::passes(5);
      order.push_back("busy ends");
    };
    create_task(settler);
    create_task(settler);
    create_task(busy);
    co_await testing::settle_all();
    order.push_back("main");
    co_await sleep(1s); // parked: as long as main is ready, the others wait for it
  });
  BOOST_REQUIRE_EQUAL(order.size(), 4u);
  BOOST_TEST(order.front() == "busy ends");
}

BOOST_AUTO_TEST_CASE(settle_all_that_is_cancelled_leaves_nothing_behind) {
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    auto busy = [&](std::string name, int turns) -> awaitable<void> {
      co_await testing::passes(turns);
      order.push_back(name);
    };
    auto settler = []() -> awaitable<void> { co_await testing::settle_all(); };
    create_task(busy("first", 4));
    const task<void> t = create_task(settler);
    co_await testing::passes(2);
    co_await cancel_and_wait(t);
    order.push_back("cancelled");
    create_task(busy("second", 10));
    co_await testing::settle_all();
    order.push_back("settled");
  });
  CHECK_TRACE(order, "cancelled", "first", "second", "settled");
}

// --- clock -------------------------------------------------------------------------------------------------------

static_assert(std::chrono::is_clock_v<rondo::clock>);
static_assert(rondo::clock::is_steady);
static_assert(std::same_as<rondo::clock::duration, std::chrono::nanoseconds>);
static_assert(!std::convertible_to<std::chrono::steady_clock::time_point, rondo::clock::time_point>);
static_assert(!std::constructible_from<rondo::clock::time_point, std::chrono::steady_clock::time_point>);

BOOST_AUTO_TEST_CASE(clock_follows_the_running_loop) {
  const auto steady = [] { return std::chrono::steady_clock::now().time_since_epoch(); };
  const auto before = steady();
  const auto outside = rondo::clock::now().time_since_epoch();
  BOOST_CHECK((before <= outside && outside <= steady()));
  testing::run_virtual([&]() -> awaitable<void> {
    co_await sleep(5s);
    BOOST_CHECK(rondo::clock::now() == rondo::clock::time_point(5s));
    std::thread([&] { BOOST_CHECK(rondo::clock::now().time_since_epoch() >= before); }).join();
  });
  run([&]() -> awaitable<void> {
    const auto now = rondo::clock::now().time_since_epoch();
    BOOST_CHECK((before <= now && now <= steady()));
    co_return;
  });
}

// --- time_limit --------------------------------------------------------------------------------------------------

static_assert(!std::convertible_to<int, time_limit>);
static_assert(!std::convertible_to<double, time_limit>);
static_assert(*time_limit(1500us) == 1'500'000ns);
static_assert(!time_limit(std::nullopt));

BOOST_AUTO_TEST_CASE(time_limit_takes_any_duration_and_none) {
  BOOST_CHECK(*time_limit(3s) == 3s);
  BOOST_CHECK(*time_limit(0ns) == 0ns);
  BOOST_CHECK(*time_limit(-7ms) == -7ms);
  BOOST_CHECK(*time_limit(2h) == 2h);
  BOOST_CHECK(*time_limit(std::chrono::days(3)) == 72h);
  BOOST_CHECK(*time_limit(std::chrono::duration<unsigned char>(200)) == 200s);
  BOOST_CHECK(*time_limit(std::chrono::duration<std::int64_t, std::ratio<1, 60>>(30)) == 500ms);
  BOOST_TEST(!time_limit(std::nullopt).has_value());
  BOOST_TEST(!time_limit(std::optional<std::chrono::seconds>()).has_value());
  BOOST_CHECK(*time_limit(std::optional<std::chrono::seconds>(5s)) == 5s);
  BOOST_CHECK(*time_limit(std::optional<std::chrono::duration<double>>(0.5s)) == 500ms);
  BOOST_TEST(static_cast<bool>(time_limit(0s))); // a limit of zero is a limit
}

BOOST_AUTO_TEST_CASE(time_limit_means_what_a_decimal_number_says) {
  // 0.1s is a little more than 100 ms as a double, 0.3s a little less: neither gains nor loses a nanosecond, so that
  // sleep(0.1s) and sleep(100ms) have the same deadline.
  BOOST_CHECK(*time_limit(0.1s) == 100ms);
  BOOST_CHECK(*time_limit(0.2s) == 200ms);
  BOOST_CHECK(*time_limit(0.3s) == 300ms);
  BOOST_CHECK(*time_limit(0.07s) == 70ms);
  BOOST_CHECK(*time_limit(1.1s) == 1100ms);
  BOOST_CHECK(*time_limit(-0.1s) == -100ms);
  for (int ms = 1; ms < 100'000; ++ms)
    if (*time_limit(std::chrono::duration<double>(ms / 1000.0)) != std::chrono::milliseconds(ms))
      BOOST_ERROR("wrong for " << ms << " ms");
}

BOOST_AUTO_TEST_CASE(time_limit_rounds_fractions_of_a_nanosecond_up) {
  using nanos = std::chrono::duration<double, std::nano>;
  BOOST_CHECK(*time_limit(nanos(0.1)) == 1ns);
  BOOST_CHECK(*time_limit(nanos(1.5)) == 2ns);
  BOOST_CHECK(*time_limit(nanos(2.0)) == 2ns);
  BOOST_CHECK(*time_limit(nanos(1e9 + 0.001)) == 1s + 1ns);
  BOOST_CHECK(*time_limit(nanos(-0.5)) == 0ns);
  BOOST_CHECK(*time_limit(nanos(-1.5)) == -1ns);
  BOOST_CHECK(*time_limit(std::chrono::duration<double>(1e-300)) == 1ns);
  BOOST_CHECK(*time_limit(std::chrono::duration<int, std::pico>(1)) == 1ns);
  BOOST_CHECK(*time_limit(std::chrono::duration<int, std::pico>(2000)) == 2ns);
  BOOST_CHECK(*time_limit(std::chrono::duration<int, std::ratio<1, 3>>(1)) == 333'333'334ns);
}

BOOST_AUTO_TEST_CASE(time_limit_saturates) {
  const auto max = clock::duration::max();
  const auto min = clock::duration::min();
  BOOST_CHECK(*time_limit(std::chrono::hours::max()) == max);
  BOOST_CHECK(*time_limit(std::chrono::hours::min()) == min);
  BOOST_CHECK(*time_limit(std::chrono::seconds::max()) == max);
  BOOST_CHECK(*time_limit(std::chrono::seconds::min()) == min);
  BOOST_CHECK(*time_limit(std::chrono::milliseconds::max()) == max);
  BOOST_CHECK(*time_limit(std::chrono::nanoseconds::max()) == max);
  BOOST_CHECK(*time_limit(std::chrono::nanoseconds::min()) == min);
  BOOST_CHECK(*time_limit(std::chrono::duration<std::uint64_t, std::nano>(~0ull)) == max);
  BOOST_CHECK(*time_limit(std::chrono::duration<std::uint64_t>(~0ull)) == max);
  const double infinity = std::numeric_limits<double>::infinity();
  BOOST_CHECK(*time_limit(std::chrono::duration<double>(infinity)) == max);
  BOOST_CHECK(*time_limit(std::chrono::duration<double>(-infinity)) == min);
  BOOST_CHECK(*time_limit(std::chrono::duration<double>(1e300)) == max);
  BOOST_CHECK(*time_limit(std::chrono::duration<float>(1e30f)) == max);
  // The largest whole numbers of each unit still fit.
  BOOST_CHECK(*time_limit(9'223'372'036s) == 9'223'372'036s);
  BOOST_CHECK(*time_limit(9'223'372'037s) == max);
  BOOST_CHECK(*time_limit(-9'223'372'037s) == min);
}

BOOST_AUTO_TEST_CASE(time_limit_refuses_what_is_not_a_number) {
  const std::chrono::duration<double> nan(std::nan(""));
  BOOST_TEST(contains(thrown<std::invalid_argument>([&] { (void)time_limit(nan); }), "NaN"));
  BOOST_CHECK_THROW((void)sleep(nan), std::invalid_argument);
  BOOST_CHECK_THROW((void)time_limit(std::optional(nan)), std::invalid_argument);
  BOOST_CHECK_THROW((void)time_limit(std::chrono::duration<float>(std::nanf(""))), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(time_limit_from_decimals_and_from_integers_gives_equal_deadlines) {
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    loop.call_later(0.1s, [&] { order.push_back("0.1 s"); });
    loop.call_later(100ms, [&] { order.push_back("100 ms"); });
    loop.call_later(0.1s, [&] { order.push_back("0.1 s again"); });
    co_await sleep(1s);
  });
  CHECK_TRACE(order, "0.1 s", "100 ms", "0.1 s again");
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
