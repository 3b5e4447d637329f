// gather and gather_settled: rules G1, G2 and what is refused.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/futures.hpp"
#include "../support/trace.hpp"

#include <rondo/gather.hpp>
#include <rondo/loop_thread.hpp>
#include <rondo/sleep.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <tuple>
#include <variant>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::fails;
using support::fails_after;
using support::future_with;
using support::log_capture;
using support::message_of;
using support::nothing;
using support::text_in;
using support::thrown;
using support::trace;
using support::value_after;
using support::value_of;
using support::write;

namespace {

struct counted_source {
  explicit counted_source(int& destroyed) : destroyed_(&destroyed) {}
  counted_source(counted_source&& other) noexcept : destroyed_(std::exchange(other.destroyed_, nullptr)) {}
  ~counted_source() {
    if (destroyed_) ++*destroyed_;
  }
  int* destroyed_;
};

awaitable<int> started(counted_source, bool& has_started) {
  has_started = true;
  co_return 0;
}

} // namespace

// --- G1 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(G1_results_have_the_order_of_the_arguments) {
  testing::run_virtual([]() -> awaitable<void> {
    auto [a, b, c] = co_await gather(value_after(2s, 1), value_after(1s, 2), value_of(3));
    BOOST_TEST(a == 1);
    BOOST_TEST(b == 2);
    BOOST_TEST(c == 3);
    std::vector<awaitable<int>> sources;
    for (int i = 0; i < 5; ++i)
      sources.push_back(value_after(std::chrono::seconds(5 - i), i));
    const std::vector<int> values = co_await gather(std::move(sources));
    BOOST_TEST(values == (std::vector<int>{0, 1, 2, 3, 4}), boost::test_tools::per_element());
  });
}

BOOST_AUTO_TEST_CASE(G1_the_children_start_in_the_order_of_the_arguments_and_run_at_once) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    co_await gather(write(log, "a"), write(log, "b"), write(log, "c"));
    CHECK_TRACE(log, "a", "b", "c");
    const auto start = get_running_loop().time();
    co_await gather(sleep(3s), sleep(2s), sleep(1s));
    BOOST_TEST((get_running_loop().time() - start == 3s));
  });
}

BOOST_AUTO_TEST_CASE(G1_a_void_source_is_a_monostate) {
  testing::run_virtual([]() -> awaitable<void> {
    std::tuple<std::monostate, int, std::monostate> r = co_await gather(nothing(), value_of(1), sleep(0s));
    BOOST_TEST(std::get<1>(r) == 1);
    std::vector<awaitable<void>> sources;
    sources.push_back(nothing());
    gather_future<void> g = gather(std::move(sources));
    co_await g.get();
    BOOST_TEST(g.done());
    g.result();
  });
}

BOOST_AUTO_TEST_CASE(G1_every_kind_of_source) {
  testing::run_virtual([]() -> awaitable<void> {
    const int here = 5;
    auto t = create_task(value_of(1));
    auto f = future_with(2);
    boost::asio::steady_timer timer(get_running_loop().get_executor(), 1ms);
    const auto callable = [&]() -> awaitable<int> { co_return here; };
    auto inner = gather(value_of(6));
    auto [a, b, c, d, e, g, h] =
        co_await gather(t, f, value_of(3), sleep(1s, 4), callable, inner, timer.async_wait(boost::asio::deferred));
    BOOST_TEST(a + b + c + d + e == 15);
    BOOST_TEST(std::get<0>(g) == 6);
    static_assert(std::is_same_v<decltype(h), std::monostate>);
  });
}

BOOST_AUTO_TEST_CASE(G1_every_kind_of_range) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto sum = [](const std::vector<int>& v) {
      int s = 0;
      for (int i : v)
        s += i;
      return s;
    };
    std::vector<task<int>> tasks{create_task(value_of(1)), create_task(value_of(2))};
    const std::vector<int> of_handles = co_await gather(tasks);
    BOOST_TEST(sum(of_handles) == 3);
    BOOST_TEST((tasks[0] && tasks[1]));
    const std::vector<task<int>>& unchanged = tasks;
    const std::vector<int> of_const = co_await gather(unchanged);
    BOOST_TEST(sum(of_const) == 3);

    const std::function<awaitable<int>()> three = [] { return value_of(3); };
    std::vector<std::function<awaitable<int>()>> callables(2, three);
    const std::vector<int> of_callables = co_await gather(callables);
    BOOST_TEST(sum(of_callables) == 6);
    BOOST_TEST((callables[0] && callables[1]));

    const auto numbers = std::views::iota(1, 5);
    auto made_on_the_way = numbers | std::views::transform(value_of);
    const std::vector<int> of_view = co_await gather(made_on_the_way);
    BOOST_TEST(sum(of_view) == 10);

    std::vector<future<int>> done{future_with(4), future_with(5)};
    const std::vector<settled<int>> outcomes = co_await gather_settled(std::move(done));
    BOOST_TEST(*outcomes[0] + *outcomes[1] == 9);
  });
}

BOOST_AUTO_TEST_CASE(G1_duplicates_share_one_future) {
  testing::run_virtual([]() -> awaitable<void> {
    int runs = 0;
    auto t = create_task([&]() -> awaitable<int> {
      ++runs;
      co_await sleep(1s);
      co_return 7;
    });
    auto f = future_with(8);
    auto [a, b, c, d, e] = co_await gather(t, f, t, f, t);
    BOOST_TEST(a + b + c + d + e == 37);
    BOOST_TEST(runs == 1);
    std::vector<task<int>> twice(1000, create_task(value_after(1s, 1)));
    const std::vector<int> ones = co_await gather(twice);
    BOOST_TEST(ones == std::vector<int>(1000, 1), boost::test_tools::per_element());
  });
}

BOOST_AUTO_TEST_CASE(G1_nothing_gives_a_done_future) {
  testing::run_virtual([]() -> awaitable<void> {
    auto g = gather();
    static_assert(std::is_same_v<decltype(g), gather_future<std::tuple<>>>);
    BOOST_TEST(g.done());
    BOOST_TEST((g.result() == std::tuple<>()));
    auto v = gather(std::vector<task<int>>());
    BOOST_TEST(v.done());
    BOOST_TEST(v.result().empty());
    auto s = gather_settled(std::vector<awaitable<void>>());
    BOOST_TEST(s.result().empty());
    co_return;
  });
}

BOOST_AUTO_TEST_CASE(G1_values_are_moved_out_of_gathers_own_tasks_and_may_be_move_only) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto make = []() -> awaitable<std::unique_ptr<int>> { co_return std::make_unique<int>(5); };
    auto [a, b] = co_await gather(make(), make());
    BOOST_TEST(*a + *b == 10);
    std::vector<awaitable<std::unique_ptr<int>>> sources;
    sources.push_back(make());
    std::vector<std::unique_ptr<int>> v = co_await gather(std::move(sources));
    BOOST_TEST(*v.at(0) == 5);
    auto [s] = co_await gather_settled(make());
    BOOST_TEST(**s == 5);

    // A value of a handle is for all who ask; what a gather has made is for itself alone.
    struct copies {
      copies() = default;
      copies(const copies& other) : count(other.count + 1) {}
      copies(copies&&) = default;
      int count = 0;
    };
    const auto one = []() -> awaitable<copies> { co_return copies(); };
    auto t = create_task(one());
    auto g = gather(one(), t);
    co_await g.get();
    const std::tuple<copies, copies> r = g.result(); // a copy itself
    BOOST_TEST(std::get<0>(r).count == 1);
    BOOST_TEST(std::get<1>(r).count == 2);
  });
}

BOOST_AUTO_TEST_CASE(G1_a_move_only_value_that_was_taken_is_an_error) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto make = []() -> awaitable<std::unique_ptr<int>> { co_return std::make_unique<int>(5); };
    auto t = create_task(make());
    auto both = co_await settle(gather(t, t));
    BOOST_TEST((both.error_as<invalid_state_error>() != nullptr));
    auto u = create_task(make());
    auto [first, second] = co_await gather_settled(u, u);
    BOOST_TEST(first.has_value() != second.has_value());
  });
}

// --- G2 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(G2_the_first_exception_ends_it_and_the_others_go_on) {
  testing::run_virtual([]() -> awaitable<void> {
    auto slow = create_task(value_after(5s, 1));
    const auto start = get_running_loop().time();
    auto g = gather(slow, fails_after(1s, "x"), value_after(2s, 3));
    auto s = co_await settle(g);
    BOOST_TEST(text_in<std::runtime_error>(s.error()) == "x");
    BOOST_TEST((get_running_loop().time() - start == 1s));
    BOOST_TEST(!slow.done());
    int v = co_await slow.get();
    BOOST_TEST(v == 1);
  });
}

BOOST_AUTO_TEST_CASE(G2_a_cancelled_child_ends_it_with_a_cancelled_error) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(sleep(1h));
    auto other = create_task(value_after(1s, 1));
    auto g = gather(t, other);
    co_await testing::passes(1);
    t.cancel("child");
    auto s = co_await settle(g);
    BOOST_TEST(message_of(s) == "child");
    BOOST_TEST(!g.cancelled());
    BOOST_CHECK_NO_THROW(co_await other.get());
  });
}

BOOST_AUTO_TEST_CASE(G2_later_exceptions_of_siblings_are_not_reported) {
  log_capture log;
  testing::run_virtual([]() -> awaitable<void> {
    auto s = co_await settle(gather(fails("first"), fails_after(1s, "second"), fails_after(2s, "third")));
    BOOST_TEST(text_in<std::runtime_error>(s.error()) == "first");
    co_await sleep(3s);
  });
  BOOST_TEST(log.size() == 0u);
}

BOOST_AUTO_TEST_CASE(G2_an_exception_that_nobody_asks_for_is_reported) {
  log_capture log;
  testing::run_virtual([]() -> awaitable<void> {
    gather(fails("unheard"));
    co_await sleep(1s);
  });
  BOOST_REQUIRE(log.size() == 1u);
  BOOST_TEST(contains(log.text(), "gather_future exception was never retrieved"));
  BOOST_TEST(contains(log.text(), "unheard"));
}

BOOST_AUTO_TEST_CASE(G2_settled_gives_exceptions_as_values_and_waits_for_all) {
  log_capture log;
  testing::run_virtual([]() -> awaitable<void> {
    auto [a, b, c] = co_await gather_settled(fails("x"), value_after(2s, 1), nothing());
    BOOST_TEST(text_in<std::runtime_error>(a.error()) == "x");
    BOOST_TEST(*b == 1);
    BOOST_TEST(c.has_value());
  });
  BOOST_TEST(log.size() == 0u);
}

// --- what is refused ---------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_handle_of_another_loop_is_refused_before_anything_starts) {
  testing::run_virtual([]() -> awaitable<void> {
    loop_thread other;
    auto foreign = other.loop().create_future<int>();
    int destroyed = 0;
    bool ran = false;
    const auto text = thrown<std::invalid_argument>(
        [&] { gather(started(counted_source(destroyed), ran), foreign, started(counted_source(destroyed), ran)); });
    BOOST_TEST(contains(text, "gather: a future belongs to a different loop"));
    BOOST_TEST(destroyed == 2);
    std::vector<future<int>> mixed{future_with(1), foreign};
    BOOST_TEST(contains(thrown<std::invalid_argument>([&] { gather_settled(mixed); }), "gather_settled: "));
    co_await testing::passes(2);
    BOOST_TEST(!ran);
    BOOST_TEST(all_tasks().size() == 1u);
  });
}

BOOST_AUTO_TEST_CASE(an_empty_handle_is_refused_before_anything_starts) {
  testing::run_virtual([]() -> awaitable<void> {
    int destroyed = 0;
    bool ran = false;
    const auto text = thrown<std::logic_error>([&] { gather(started(counted_source(destroyed), ran), task<int>()); });
    BOOST_TEST(contains(text, "gather: the handle is empty"));
    BOOST_TEST(destroyed == 1);
    BOOST_TEST(all_tasks().size() == 1u);
    co_return;
  });
}

BOOST_AUTO_TEST_CASE(without_a_running_loop_sources_are_refused_and_destroyed) {
  int destroyed = 0;
  bool ran = false;
  BOOST_TEST(thrown<std::runtime_error>([&] { gather(started(counted_source(destroyed), ran)); }) ==
             "no running event loop");
  BOOST_TEST(destroyed == 1);
  BOOST_CHECK_THROW(gather(), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(a_task_factory_that_throws_leaves_no_children) {
  testing::run_virtual([]() -> awaitable<void> {
    int made = 0;
    int destroyed = 0;
    bool ran = false;
    get_running_loop().set_task_factory([&](task_options&) {
      if (++made == 3) throw std::runtime_error("no more");
    });
    const auto text = thrown<std::runtime_error>([&] {
      gather(started(counted_source(destroyed), ran), started(counted_source(destroyed), ran),
             started(counted_source(destroyed), ran));
    });
    BOOST_TEST(text == "no more");
    get_running_loop().set_task_factory({});
    co_await testing::passes(3);
    BOOST_TEST(destroyed == 3);
    BOOST_TEST(!ran);
    BOOST_TEST(all_tasks().size() == 1u);
  });
}
