// gather_future: the hop table, and the handle of a gather.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/futures.hpp"
#include "../support/ticker.hpp"
#include "../support/trace.hpp"

#include <rondo/gather.hpp>
#include <rondo/sleep.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <stdexcept>
#include <tuple>
#include <variant>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::future_with;
using support::message_of;
using support::thrown;
using support::ticker;
using support::value_after;
using support::value_of;

// --- hops --------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(hops_the_last_child_done_at_t_sets_the_gather_at_t_1_and_resumes_at_t_2) {
  testing::run_virtual([]() -> awaitable<void> {
    ticker tick(get_running_loop());
    co_await sleep(0s);
    auto f = get_running_loop().create_future<int>();
    auto g = gather(f, value_of(1));
    int set = -1;
    g.add_done_callback([&] { set = tick.now(); });
    co_await testing::passes(5);
    const int start = tick.now();
    f.set_result(1);
    co_await sleep(0s);
    BOOST_TEST(g.done());
    co_await g.get();
    co_await sleep(0s);
    BOOST_TEST(set - start == 2); // the callback has the place of a waiter

    auto h = get_running_loop().create_future<int>();
    const auto waits = [&]() -> awaitable<int> {
      co_await gather(h);
      co_return tick.now();
    };
    auto t = create_task(waits);
    co_await testing::passes(3);
    const int before = tick.now();
    h.set_result(1);
    int resumed = co_await t.get();
    BOOST_TEST(resumed - before == 2);
  });
}

BOOST_AUTO_TEST_CASE(hops_coroutines_that_return_at_once_3) {
  testing::run_virtual([]() -> awaitable<void> {
    ticker tick(get_running_loop());
    co_await sleep(0s);
    const int start = tick.now();
    co_await gather(value_of(1), value_of(2));
    BOOST_TEST(tick.now() - start == 3);
  });
}

BOOST_AUTO_TEST_CASE(hops_done_futures_or_nothing_0) {
  testing::run_virtual([]() -> awaitable<void> {
    ticker tick(get_running_loop());
    co_await sleep(0s);
    auto failed = get_running_loop().create_future<int>();
    failed.set_exception(std::runtime_error("x"));
    const int start = tick.now();
    auto g = gather(future_with(1), future_with(2));
    BOOST_TEST(g.done());
    auto [a, b] = co_await g.get();
    co_await gather();
    auto s = co_await settle(gather(future_with(1), failed));
    auto [c] = co_await gather_settled(failed);
    BOOST_TEST(tick.now() - start == 0);
    BOOST_TEST(a + b == 3);
    BOOST_TEST((s.error() && c.error()));
  });
}

BOOST_AUTO_TEST_CASE(hops_a_child_that_fails_at_t_resumes_the_awaiter_at_t_2) {
  testing::run_virtual([]() -> awaitable<void> {
    ticker tick(get_running_loop());
    co_await sleep(0s);
    auto f = get_running_loop().create_future<int>();
    const auto waits = [&]() -> awaitable<int> {
      co_await settle(gather(f, sleep(1h)));
      co_return tick.now();
    };
    auto t = create_task(waits);
    co_await testing::passes(3);
    const int start = tick.now();
    f.set_exception(std::runtime_error("x"));
    int resumed = co_await t.get();
    BOOST_TEST(resumed - start == 2);
  });
}

BOOST_AUTO_TEST_CASE(hops_eager_coroutines_that_do_not_block_0) {
  testing::run_virtual([]() -> awaitable<void> {
    ticker tick(get_running_loop());
    co_await sleep(0s);
    get_running_loop().set_task_factory(eager_task_factory);
    const int start = tick.now();
    auto g = gather(value_of(1), value_of(2));
    BOOST_TEST(g.done());
    auto [a, b] = co_await g.get();
    BOOST_TEST(tick.now() - start == 0);
    BOOST_TEST(a + b == 3);
  });
}

// --- the handle --------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_gather_future_is_a_future_that_several_tasks_await) {
  testing::run_virtual([]() -> awaitable<void> {
    auto g = gather(value_after(1s, 1), value_after(1s, 2));
    const future<std::tuple<int, int>> base = g;
    const auto waits = [&]() -> awaitable<int> {
      auto [a, b] = co_await base.get();
      co_return a + b;
    };
    auto [x, y] = co_await gather(waits, waits);
    BOOST_TEST(x + y == 6);
    BOOST_TEST((base == g));
    bool same = false;
    g.add_done_callback([&](const gather_future<std::tuple<int, int>>& self) { same = self == g; });
    co_await testing::passes(1);
    BOOST_TEST(same);
  });
}

BOOST_AUTO_TEST_CASE(a_gather_cannot_be_set_by_users) {
  testing::run_virtual([]() -> awaitable<void> {
    auto g = gather(sleep(1s));
    const auto text = thrown<std::runtime_error>([&] { g.set_exception(std::runtime_error("mine")); });
    BOOST_TEST(contains(text, "a gather of 1"));
    BOOST_CHECK_THROW(g.set_result(std::tuple<std::monostate>()), std::runtime_error);
    co_await g.get();
  });
}

BOOST_AUTO_TEST_CASE(gathers_nest) {
  testing::run_virtual([]() -> awaitable<void> {
    auto [a, b] = co_await gather(gather(value_of(1), value_of(2)), gather(value_of(3)));
    BOOST_TEST(std::get<0>(a) + std::get<1>(a) + std::get<0>(b) == 6);
    auto deep = gather(gather(sleep(1h)), gather(sleep(1h)));
    co_await testing::passes(1);
    BOOST_TEST(deep.cancel("all"));
    auto s = co_await settle(deep);
    BOOST_TEST(message_of(s) == "all");
    BOOST_TEST(all_tasks().size() == 1u);
  });
}

BOOST_AUTO_TEST_CASE(ten_thousand_children) {
  testing::run_virtual([]() -> awaitable<void> {
    std::vector<awaitable<int>> sources;
    for (int i = 0; i < 10000; ++i)
      sources.push_back(value_after(std::chrono::milliseconds(i % 10), i));
    const std::vector<int> values = co_await gather(std::move(sources));
    BOOST_REQUIRE(values.size() == 10000u);
    for (std::size_t i = 0; i < values.size(); ++i)
      BOOST_REQUIRE(values[i] == static_cast<int>(i));
  });
}
