// Tasks at their limits: circles of awaiting tasks, very long chains, very many waits that are ready.
// SPDX-License-Identifier: BSL-1.0
#include "../support/trace.hpp"

#include <rondo/diagnostics.hpp>
#include <rondo/sleep.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::message_of;
using support::trace;

namespace {

/// A task that awaits the one which `next` holds by the time it starts.
awaitable<void> await_later(std::shared_ptr<task<void>> next) { co_await next->get(); }

/// n tasks named 1, 2, ... of which each awaits the next and the last the first.
std::vector<task<void>> make_circle(int n) {
  std::vector<std::shared_ptr<task<void>>> next;
  for (int i = 0; i < n; ++i)
    next.push_back(std::make_shared<task<void>>());
  std::vector<task<void>> tasks;
  for (int i = 0; i < n; ++i)
    tasks.push_back(
        create_task(await_later(next[static_cast<std::size_t>(i)]), task_options().name(std::to_string(i + 1))));
  for (int i = 0; i < n; ++i)
    *next[static_cast<std::size_t>(i)] = tasks[static_cast<std::size_t>((i + 1) % n)];
  return tasks;
}

std::string error_of_cancel(const any_task& t) {
  try {
    t.cancel("round and round");
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "<no error>";
}

awaitable<void> await_task(task<void> below) { co_await below.get(); }

/// A task at the end of a chain of n tasks, each of which awaits the one before.
task<void> make_chain(const event_loop& loop, task<void> end, int n) {
  task<void> top = std::move(end);
  for (int i = 0; i < n; ++i)
    top = loop.create_task(await_task(top));
  return top;
}

constexpr int long_chain = 100'000;

/// Where the stack is, roughly.
[[gnu::noinline]] std::uintptr_t stack_position() {
  return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
}

} // namespace

// --- circles --------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(circle_cancel_of_one_of_its_tasks_is_an_error_that_names_all_and_run_still_ends) {
  std::vector<task<void>> circle;
  testing::run_virtual([&]() -> awaitable<void> {
    circle = make_circle(3);
    co_await testing::passes(2);
    const std::string what = error_of_cancel(circle[0]);
    BOOST_TEST(what.find("circle") != std::string::npos);
    for (const char* name : {"'1'", "'2'", "'3'"})
      BOOST_TEST(what.find(name) != std::string::npos);
    for (const task<void>& t : circle) {
      BOOST_TEST(!t.done());
      BOOST_TEST(t.cancelling() == 0); // the refused request changed nothing
    }
  });
  for (const task<void>& t : circle)
    BOOST_TEST(t.cancelled());
}

BOOST_AUTO_TEST_CASE(circle_of_two_names_its_order) {
  testing::run_virtual([]() -> awaitable<void> {
    auto circle = make_circle(2);
    co_await testing::passes(2);
    const std::string what = error_of_cancel(circle[1]);
    const bool ordered =
        what.find("'1' -> '2' -> '1'") != std::string::npos || what.find("'2' -> '1' -> '2'") != std::string::npos;
    BOOST_TEST(ordered, what);
  });
}

BOOST_AUTO_TEST_CASE(circle_cancel_of_a_task_that_awaits_into_one_names_the_circle_only) {
  task<void> outside;
  testing::run_virtual([&]() -> awaitable<void> {
    auto circle = make_circle(2);
    outside = create_task(circle[0], task_options().name("outside"));
    co_await testing::passes(2);
    const std::string what = error_of_cancel(outside);
    BOOST_TEST(what.find("'1'") != std::string::npos);
    BOOST_TEST(what.find("'2'") != std::string::npos);
    BOOST_TEST(what.find("'outside'") == std::string::npos);
    BOOST_TEST(outside.cancelling() == 0);
  });
  BOOST_TEST(outside.cancelled());
}

BOOST_AUTO_TEST_CASE(circle_cancel_threadsafe_reports_the_error) {
  trace reports;
  testing::run_virtual([&]() -> awaitable<void> {
    get_running_loop().set_exception_handler(
        [&](event_loop, const exception_context& c) { reports.push_back(c.message); });
    auto circle = make_circle(2);
    co_await testing::passes(2);
    circle[0].cancel_threadsafe();
    co_await testing::passes(2);
  });
  CHECK_TRACE(reports, "cancel_threadsafe failed");
}

BOOST_AUTO_TEST_CASE(circle_before_it_is_closed_cancel_works) {
  testing::run_virtual([]() -> awaitable<void> {
    auto circle = make_circle(3); // nobody awaits anybody before the first step
    circle[2].cancel("early");
    auto s = co_await settle(circle[0]);
    BOOST_TEST(message_of(s) == "early");
    for (const task<void>& t : circle)
      BOOST_TEST(t.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(circle_is_a_deadlock_for_the_virtual_clock) {
  const auto body = []() -> awaitable<void> {
    auto circle = make_circle(2);
    co_await circle[0].get();
  };
  BOOST_CHECK_THROW(testing::run_virtual(body), testing::deadlock_error);
}

// --- long chains ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_chain_of_100000_awaiting_tasks_is_cancelled_without_overflow) {
  testing::run_virtual([]() -> awaitable<void> {
    auto leaf = create_task(sleep(1h));
    auto top = make_chain(get_running_loop(), leaf, long_chain);
    co_await testing::passes(1);
    BOOST_TEST(top.cancel("all the way"));
    BOOST_TEST(leaf.cancelling() == 1);
    auto s = co_await settle(top);
    BOOST_TEST(message_of(s) == "all the way");
    BOOST_TEST(leaf.cancelled());
    BOOST_TEST(all_tasks().size() == 1u);
  });
}

BOOST_AUTO_TEST_CASE(a_chain_of_100000_tasks_that_end_well_unwinds_without_overflow) {
  testing::run_virtual([]() -> awaitable<void> {
    auto f = get_running_loop().create_future<void>();
    auto top = make_chain(get_running_loop(), create_task(f), long_chain);
    co_await testing::passes(1);
    f.set_result();
    co_await top.get();
    BOOST_TEST(all_tasks().size() == 1u);
  });
}

BOOST_AUTO_TEST_CASE(a_chain_of_2000_tasks_is_cancelled_at_the_end_of_run) {
  // Each task is cancelled and passes that down the chain, so the time grows with the square of its length.
  task<void> top;
  testing::run_virtual([&]() -> awaitable<void> {
    top = make_chain(get_running_loop(), create_task(sleep(1h)), 2000);
    co_await testing::passes(1);
  });
  BOOST_TEST(top.cancelled());
  BOOST_TEST(top.cancelling() == 1);
}

BOOST_AUTO_TEST_CASE(a_chain_of_100000_tasks_is_destroyed_with_its_context) {
  auto owned = std::make_shared<int>(1);
  std::weak_ptr<int> watch = owned;
  int reports = 0;
  set_log_sink([&](std::string_view) { ++reports; });
  {
    boost::asio::io_context io(1);
    event_loop loop(io.get_executor());
    auto leaf = [owned = std::move(owned)]() -> awaitable<void> { co_await sleep(std::nullopt); };
    make_chain(loop, loop.create_task(std::move(leaf)), long_chain);
    io.poll();
    make_chain(loop, loop.create_task(sleep(1h)), long_chain); // and one that never started
    BOOST_TEST(!watch.expired());
  }
  set_log_sink(nullptr);
  BOOST_TEST(watch.expired());
  BOOST_TEST(reports == 2 * (long_chain + 1)); // "destroyed but it is pending", once for each
}

// --- many ready waits -----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_million_ready_waits_in_a_row_take_constant_stack_and_no_pass) {
  testing::run_virtual([]() -> awaitable<void> {
    auto f = get_running_loop().create_future<int>();
    f.set_result(1);
    auto done = create_task([]() -> awaitable<int> { co_return 1; });
    co_await done.get();
    int passes = 0;
    get_running_loop().call_soon([&] { ++passes; });
    long sum = 0;
    std::uintptr_t lowest = ~std::uintptr_t(0);
    std::uintptr_t highest = 0;
    for (int i = 0; i < 500'000; ++i) {
      sum += co_await f.get();
      sum += co_await done.get();
      lowest = std::min(lowest, stack_position());
      highest = std::max(highest, stack_position());
    }
    BOOST_TEST(sum == 1'000'000);
    BOOST_TEST(passes == 0);
    BOOST_TEST(highest - lowest < 64u * 1024);
    co_await testing::passes(1);
    BOOST_TEST(passes == 1);
  });
}

BOOST_AUTO_TEST_CASE(ready_waits_inside_plain_coroutines_take_constant_stack) {
  testing::run_virtual([]() -> awaitable<void> {
    auto f = get_running_loop().create_future<int>();
    f.set_result(1);
    const auto wait = [&]() -> awaitable<int> { co_return co_await f.get(); };
    std::uintptr_t lowest = ~std::uintptr_t(0);
    std::uintptr_t highest = 0;
    long sum = 0;
    for (int i = 0; i < 100'000; ++i) {
      sum += co_await wait();
      lowest = std::min(lowest, stack_position());
      highest = std::max(highest, stack_position());
    }
    BOOST_TEST(sum == 100'000);
    BOOST_TEST(highest - lowest < 64u * 1024);
  });
}

BOOST_AUTO_TEST_CASE(a_task_woken_100000_times_by_others_that_are_done_takes_constant_stack) {
  testing::run_virtual([]() -> awaitable<void> {
    long sum = 0;
    for (int i = 0; i < 100'000; ++i) {
      auto t = create_task([]() -> awaitable<int> { co_return 1; }, task_options().eager(true));
      sum += co_await t.get();
    }
    BOOST_TEST(sum == 100'000);
  });
}
