// passes, advance and settle_all of the virtual time.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/trace.hpp"

#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::elapsed;
using support::thrown;
using support::trace;

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
