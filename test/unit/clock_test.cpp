// clock and time_limit.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/expect.hpp"
#include "../support/trace.hpp"

#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <ratio>
#include <stdexcept>
#include <thread>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::thrown;
using support::trace;

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
