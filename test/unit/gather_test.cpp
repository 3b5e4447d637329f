// gather and gather_settled: rules G1 to G8, the hop table, traps 22 to 25.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/expect.hpp"
#include "../support/trace.hpp"

#include <rondo/gather.hpp>
#include <rondo/loop_thread.hpp>
#include <rondo/sleep.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::log_capture;
using support::message_of;
using support::text_in;
using support::thrown;
using support::trace;

namespace {

awaitable<int> value_of(int i) { co_return i; }
awaitable<void> nothing() { co_return; }

awaitable<int> value_after(time_limit d, int i) {
  co_await sleep(d);
  co_return i;
}

awaitable<int> fails(std::string what) {
  throw std::runtime_error(what);
  co_return 0;
}

awaitable<int> fails_after(time_limit d, std::string what) {
  co_await sleep(d);
  throw std::runtime_error(what);
}

awaitable<void> write(trace& log, std::string word) {
  log.push_back(word);
  co_return;
}

/// Waits until it is cancelled and then returns all the same.
awaitable<int> refuses(int i) {
  try {
    co_await sleep(std::nullopt);
  } catch (const cancelled_error&) {
  }
  co_return i;
}

/// Takes a while to end when it is cancelled.
awaitable<int> ends_late(trace& log) {
  std::exception_ptr error;
  try {
    co_await sleep(std::nullopt);
  } catch (const cancelled_error&) {
    error = std::current_exception();
  }
  co_await sleep(1s);
  log.push_back("late");
  std::rethrow_exception(error);
}

future<int> future_with(int i) {
  auto f = get_running_loop().create_future<int>();
  f.set_result(i);
  return f;
}

/// The passes of the loop between its making and a call.
class pass_counter {
public:
  pass_counter() { again(); }
  pass_counter(const pass_counter&) = delete;
  pass_counter& operator=(const pass_counter&) = delete;
  ~pass_counter() { next_.cancel(); }

  int passes() const noexcept { return count_; }

private:
  void again() {
    next_ = get_running_loop().call_soon([this] {
      ++count_;
      again();
    });
  }

  callback_handle next_;
  int count_ = 0;
};

/// A counter whose callback is the first of each pass.
awaitable<std::unique_ptr<pass_counter>> first_of_each_pass() {
  auto counter = std::make_unique<pass_counter>();
  co_await sleep(0s);
  co_return counter;
}

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

// --- G3 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(G3_cancel_cancels_all_children_and_tells_whether_one_accepted) {
  testing::run_virtual([]() -> awaitable<void> {
    auto f = get_running_loop().create_future<int>();
    auto t = create_task(value_after(1h, 1));
    auto done = future_with(1);
    auto g = gather(f, t, done);
    co_await testing::passes(1);
    BOOST_TEST(g.cancel("why"));
    BOOST_TEST(!g.done());
    BOOST_TEST(f.cancelled());
    auto s = co_await settle(g);
    BOOST_TEST(t.cancelled());
    BOOST_TEST(message_of(s) == "why");
    BOOST_TEST(done.result() == 1);
    BOOST_TEST(!g.cancel());
  });
}

BOOST_AUTO_TEST_CASE(G3_cancel_is_refused_when_all_children_are_done_but_not_looked_at) {
  testing::run_virtual([]() -> awaitable<void> {
    auto f = get_running_loop().create_future<int>();
    auto g = gather(f);
    f.set_result(5);
    BOOST_TEST(!g.done());
    BOOST_TEST(!g.cancel());
    auto [v] = co_await g.get();
    BOOST_TEST(v == 5);
  });
}

// CPython 3.14 without return_exceptions: the first child that ends as cancelled ends the gather.
BOOST_AUTO_TEST_CASE(G3_the_first_cancelled_child_ends_it_as_cpython_3_14) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto late = create_task(ends_late(log));
    auto g = gather(sleep(1h), late);
    co_await testing::passes(1);
    g.cancel("why");
    auto s = co_await settle(g);
    BOOST_TEST(message_of(s) == "why");
    BOOST_TEST(!late.done());
    co_await settle(late);
    CHECK_TRACE(log, "late");
  });
}

BOOST_AUTO_TEST_CASE(G3_settled_ends_when_all_children_have_ended_and_with_an_exception_all_the_same) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto g = gather_settled(sleep(1h), ends_late(log));
    co_await testing::passes(1);
    BOOST_TEST(g.cancel("why"));
    auto s = co_await settle(g);
    CHECK_TRACE(log, "late");
    BOOST_TEST(message_of(s) == "why");
    BOOST_TEST(!g.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(G3_it_ends_with_a_cancelled_error_also_if_all_children_refuse) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(refuses(1));
    auto g = gather(t, refuses(2));
    co_await testing::passes(1);
    BOOST_TEST(g.cancel("why"));
    auto s = co_await settle(g);
    BOOST_TEST(s.cancelled());
    BOOST_TEST(t.result() == 1);
  });
}

BOOST_AUTO_TEST_CASE(G3_a_cancel_of_the_awaiting_task_goes_on_to_the_children) {
  testing::run_virtual([]() -> awaitable<void> {
    auto a = create_task(value_after(1h, 1));
    const auto waits = [&]() -> awaitable<void> { co_await gather(a, sleep(1h)); };
    auto t = create_task(waits);
    co_await testing::passes(2);
    t.cancel("why");
    auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "why");
    BOOST_TEST(t.cancelled());
    BOOST_TEST(a.cancelled());
    BOOST_TEST(a.cancelling() == 1);
  });
}

BOOST_AUTO_TEST_CASE(G3_a_duplicate_is_cancelled_as_often_as_it_was_given) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(sleep(1h));
    auto g = gather(t, t);
    co_await testing::passes(1);
    g.cancel();
    BOOST_TEST(t.cancelling() == 2);
    auto s = co_await settle(g);
    BOOST_TEST(s.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(G3_children_that_have_not_started_never_run) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto g = gather(write(log, "a"), write(log, "b"));
    BOOST_TEST(g.cancel());
    auto s = co_await settle(g);
    BOOST_TEST(s.cancelled());
    BOOST_TEST(log.empty());
  });
}

BOOST_AUTO_TEST_CASE(G3_a_circle_through_a_gather_is_broken) {
  testing::run_virtual([]() -> awaitable<void> {
    gather_future<std::tuple<int, std::monostate>> g;
    const auto waits = [&]() -> awaitable<int> {
      co_await g.get();
      co_return 1;
    };
    auto t = create_task(waits);
    auto other = create_task(sleep(1h));
    g = gather(t, other);
    co_await testing::passes(2);
    BOOST_TEST(t.cancel("round"));
    auto s = co_await settle(g);
    BOOST_TEST(message_of(s) == "round");
    auto ended = co_await settle(other);
    BOOST_TEST(ended.cancelled());
    co_await settle(t);
    BOOST_TEST(t.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(G3_a_circle_of_tasks_among_the_children_does_not_accept_a_cancel) {
  testing::run_virtual([]() -> awaitable<void> {
    task<void> a, b;
    const auto waits = [](task<void>& other) -> awaitable<void> { co_await other.get(); };
    a = create_task(waits(b));
    b = create_task(waits(a));
    auto g = gather(a, sleep(1h));
    co_await testing::passes(2);
    BOOST_TEST(g.cancel());
    auto s = co_await settle(g);
    BOOST_TEST(s.cancelled());
    BOOST_TEST(!a.done()); // the shutdown breaks the circle
  });
}

// --- G4, trap 25 -------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(G4_a_gather_is_never_cancelled_as_cpython_3_14) {
  testing::run_virtual([]() -> awaitable<void> {
    auto g = gather(sleep(1h));
    g.cancel("why");
    co_await settle(g);
    BOOST_TEST(g.done());
    BOOST_TEST(!g.cancelled());
    BOOST_TEST(text_in<cancelled_error>(g.exception()) == "why");
  });
}

// --- G5 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(G5_after_an_exception_cancel_leaves_the_other_children_alone) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(value_after(1s, 1));
    auto g = gather(t, fails("x"));
    co_await settle(g);
    BOOST_TEST(!g.cancel());
    BOOST_TEST(t.cancelling() == 0);
    int v = co_await t.get();
    BOOST_TEST(v == 1);
  });
}

// --- G6 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(G6_a_cancelled_child_does_not_count_as_a_cancel_of_the_awaiting_task) {
  testing::run_virtual([]() -> awaitable<void> {
    auto child = create_task(sleep(1h));
    const auto waits = [&]() -> awaitable<int> {
      bool caught = false;
      try {
        co_await gather(child);
      } catch (const cancelled_error&) {
        caught = true;
      }
      BOOST_TEST(caught);
      co_return current_task().cancelling();
    };
    auto t = create_task(waits);
    co_await testing::passes(2);
    child.cancel();
    int count = co_await t.get();
    BOOST_TEST(count == 0);
  });
}

// --- G7 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(G7_a_cancelled_child_is_a_value_of_a_settled_gather) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(sleep(1h));
    auto f = get_running_loop().create_future<int>();
    co_await testing::passes(1);
    t.cancel("task");
    f.cancel("future");
    auto [a, b, c] = co_await gather_settled(t, f, value_of(1));
    BOOST_TEST(a.cancelled());
    BOOST_TEST(message_of(a) == ""); // as in CPython: the message is for the awaiters of the task
    BOOST_TEST(message_of(b) == "future");
    BOOST_TEST(*c == 1);
    auto own = co_await settle(t);
    BOOST_TEST(message_of(own) == "task");
  });
}

// --- G8 and the end of the loop ----------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(G8_gathers_own_tasks_are_not_reported_when_the_loop_ends_before_them) {
  log_capture log;
  boost::asio::io_context context;
  gather_future<std::tuple<std::monostate, int>> kept;
  {
    event_loop loop(context.get_executor());
    loop.call_soon([&] { kept = gather(sleep(1h), refuses(1)); });
    loop.call_later(1ms, [&] { context.stop(); });
    context.run();
    loop.close();
  }
  BOOST_TEST(kept.cancelled() == false);
  BOOST_TEST(!kept.done());
  kept = {};
  BOOST_TEST(log.text() == "");
}

BOOST_AUTO_TEST_CASE(G8_handles_are_reported_as_ever) {
  log_capture log;
  {
    boost::asio::io_context context;
    event_loop loop(context.get_executor());
    loop.call_soon([&] {
      auto t = create_task(sleep(1h), task_options().name("given"));
      gather(t, sleep(1h));
    });
    loop.call_later(1ms, [&] { context.stop(); });
    context.run();
    loop.close();
  }
  BOOST_TEST(log.size() == 1u);
  BOOST_TEST(contains(log.text(), "Task was destroyed but it is pending!: task 'given'"));
}

BOOST_AUTO_TEST_CASE(a_gather_lives_without_a_handle_as_long_as_a_child_is_pending) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    const auto child = [&]() -> awaitable<void> {
      co_await sleep(1s);
      log.push_back("child");
    };
    gather(child, child).add_done_callback([&] { log.push_back("gather"); });
    co_await sleep(2s);
    CHECK_TRACE(log, "child", "child", "gather");
  });
}

// --- hops --------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(hops_the_last_child_done_at_t_sets_the_gather_at_t_1_and_resumes_at_t_2) {
  testing::run_virtual([]() -> awaitable<void> {
    auto tick = co_await first_of_each_pass();
    auto f = get_running_loop().create_future<int>();
    auto g = gather(f, value_of(1));
    int set = -1;
    g.add_done_callback([&] { set = tick->passes(); });
    co_await testing::passes(5);
    const int start = tick->passes();
    f.set_result(1);
    co_await sleep(0s);
    BOOST_TEST(g.done());
    co_await g.get();
    co_await sleep(0s);
    BOOST_TEST(set - start == 2); // the callback has the place of a waiter

    auto h = get_running_loop().create_future<int>();
    const auto waits = [&]() -> awaitable<int> {
      co_await gather(h);
      co_return tick->passes();
    };
    auto t = create_task(waits);
    co_await testing::passes(3);
    const int before = tick->passes();
    h.set_result(1);
    int resumed = co_await t.get();
    BOOST_TEST(resumed - before == 2);
  });
}

BOOST_AUTO_TEST_CASE(hops_coroutines_that_return_at_once_3) {
  testing::run_virtual([]() -> awaitable<void> {
    auto tick = co_await first_of_each_pass();
    const int start = tick->passes();
    co_await gather(value_of(1), value_of(2));
    BOOST_TEST(tick->passes() - start == 3);
  });
}

BOOST_AUTO_TEST_CASE(hops_done_futures_or_nothing_0) {
  testing::run_virtual([]() -> awaitable<void> {
    auto tick = co_await first_of_each_pass();
    auto failed = get_running_loop().create_future<int>();
    failed.set_exception(std::runtime_error("x"));
    const int start = tick->passes();
    auto g = gather(future_with(1), future_with(2));
    BOOST_TEST(g.done());
    auto [a, b] = co_await g.get();
    co_await gather();
    auto s = co_await settle(gather(future_with(1), failed));
    auto [c] = co_await gather_settled(failed);
    BOOST_TEST(tick->passes() - start == 0);
    BOOST_TEST(a + b == 3);
    BOOST_TEST((s.error() && c.error()));
  });
}

BOOST_AUTO_TEST_CASE(hops_a_child_that_fails_at_t_resumes_the_awaiter_at_t_2) {
  testing::run_virtual([]() -> awaitable<void> {
    auto tick = co_await first_of_each_pass();
    auto f = get_running_loop().create_future<int>();
    const auto waits = [&]() -> awaitable<int> {
      co_await settle(gather(f, sleep(1h)));
      co_return tick->passes();
    };
    auto t = create_task(waits);
    co_await testing::passes(3);
    const int start = tick->passes();
    f.set_exception(std::runtime_error("x"));
    int resumed = co_await t.get();
    BOOST_TEST(resumed - start == 2);
  });
}

BOOST_AUTO_TEST_CASE(hops_eager_coroutines_that_do_not_block_0) {
  testing::run_virtual([]() -> awaitable<void> {
    auto tick = co_await first_of_each_pass();
    get_running_loop().set_task_factory(eager_task_factory);
    const int start = tick->passes();
    auto g = gather(value_of(1), value_of(2));
    BOOST_TEST(g.done());
    auto [a, b] = co_await g.get();
    BOOST_TEST(tick->passes() - start == 0);
    BOOST_TEST(a + b == 3);
  });
}

// --- traps -------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(trap_22_a_settled_gather_does_not_swallow_a_cancel) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto waits = []() -> awaitable<void> { co_await gather_settled(sleep(1h), sleep(2h)); };
    auto t = create_task(waits);
    co_await testing::passes(2);
    t.cancel("why");
    auto s = co_await settle(t);
    BOOST_TEST(t.cancelled());
    BOOST_TEST(message_of(s) == "why");
  });
}

BOOST_AUTO_TEST_CASE(trap_23_a_cancel_is_not_dropped_when_the_children_are_done) {
  testing::run_virtual([]() -> awaitable<void> {
    auto f = get_running_loop().create_future<int>();
    const auto waits = [&]() -> awaitable<void> { co_await gather(f); };
    auto t = create_task(waits);
    co_await testing::passes(2);
    f.set_result(1);
    BOOST_TEST(t.cancel("late"));
    auto s = co_await settle(t);
    BOOST_TEST(t.cancelled());
    BOOST_TEST(message_of(s) == "late");
  });
}

BOOST_AUTO_TEST_CASE(trap_24_an_eager_child_that_fails_at_once) {
  log_capture log;
  testing::run_virtual([]() -> awaitable<void> {
    get_running_loop().set_task_factory(eager_task_factory);
    auto g = gather(fails("eager"), value_after(1s, 1), fails("second"));
    BOOST_TEST(g.done());
    auto s = co_await settle(g);
    BOOST_TEST(text_in<std::runtime_error>(s.error()) == "eager");
    auto [a, b] = co_await gather_settled(fails("again"), value_of(2));
    BOOST_TEST(text_in<std::runtime_error>(a.error()) == "again");
    BOOST_TEST(*b == 2);
    co_await sleep(2s);
  });
  BOOST_TEST(log.size() == 0u);
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
