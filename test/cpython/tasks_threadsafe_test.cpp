// CPython's test_tasks: run_coroutine_threadsafe, called on threads of the loop's executor. The threads are
// real, and so is the clock; but nothing sleeps, since the coroutines wait for passes of the loop.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "tasks.hpp"

#include <rondo/rondo.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::text_in;

namespace {

enum class ending { value, failure, cancellation };

awaitable<int> add(int a, int b, ending end) {
  co_await testing::passes(3);
  if (end == ending::failure) throw std::runtime_error("Fail!");
  if (end == ending::cancellation) {
    current_task().cancel();
    co_await sleep(0s);
  }
  co_return a + b;
}

/// For a thread: runs a coroutine in the loop and blocks until it has ended, or the time is over.
int target(const event_loop& loop, awaitable<int> coro, time_limit timeout = std::nullopt) {
  const auto f = run_coroutine_threadsafe(std::move(coro), loop);
  try {
    return f.result(timeout);
  } catch (...) {
    if (!f.done()) f.cancel();
    throw;
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(test_run_coroutine_threadsafe) {
  run([]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    auto f = loop.run_in_executor(nullptr, [&] { return target(loop, add(1, 2, ending::value)); });
    const int result = co_await f.get();
    BOOST_TEST(result == 3);
  });
}

BOOST_AUTO_TEST_CASE(test_run_coroutine_threadsafe_with_exception) {
  run([]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    auto f = loop.run_in_executor(nullptr, [&] { return target(loop, add(1, 2, ending::failure)); });
    const auto s = co_await settle(f);
    BOOST_TEST(text_in<std::runtime_error>(s.error()) == "Fail!");
  });
}

BOOST_AUTO_TEST_CASE(test_run_coroutine_threadsafe_with_timeout) {
  run([]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    auto f = loop.run_in_executor(nullptr, [&] { return target(loop, support::value_after(1h, 3), 0s); });
    const auto s = co_await settle(f);
    BOOST_TEST((s.error_as<timeout_error>() != nullptr));
    co_await testing::passes(2);
    BOOST_TEST((all_tasks() == std::vector<any_task>{current_task()})); // that of the coroutine was cancelled
  });
}

BOOST_AUTO_TEST_CASE(test_run_coroutine_threadsafe_task_cancelled) {
  run([]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    auto f = loop.run_in_executor(nullptr, [&] { return target(loop, add(1, 2, ending::cancellation)); });
    const auto s = co_await settle(f);
    BOOST_TEST((s.error_as<future_cancelled>() != nullptr));
  });
}

BOOST_AUTO_TEST_CASE(test_run_coroutine_threadsafe_task_factory_exception) {
  run([]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    std::vector<exception_context> reports;
    loop.set_exception_handler([&](event_loop, const exception_context& c) { reports.push_back(c); });
    loop.set_task_factory([](task_options&) { throw std::domain_error("a corrupted factory"); });

    auto f = loop.run_in_executor(nullptr, [&] { return target(loop, add(1, 2, ending::value)); });
    const auto s = co_await settle(f);
    loop.set_task_factory({});
    loop.set_exception_handler({});

    BOOST_TEST(text_in<std::domain_error>(s.error()) == "a corrupted factory");
    BOOST_REQUIRE(reports.size() == 1u);
    BOOST_TEST((reports[0].exception == s.error()));
  });
}

BOOST_AUTO_TEST_CASE(test_run_coroutine_threadsafe_and_cancel) {
  // On the loop's own thread, the way of the cancel is as short as it can be.
  testing::virtual_runner r;
  const event_loop loop = r.loop();
  any_task task_of_it;
  concurrent_future<void> thread_future;
  const auto body = [&]() -> awaitable<void> {
    thread_future = run_coroutine_threadsafe(sleep(10s), loop);
    co_await sleep(0s);
    for (const any_task& t : all_tasks())
      if (t != current_task()) task_of_it = t;
    thread_future.cancel();
  };
  loop.run_until_complete(body);
  BOOST_REQUIRE(task_of_it);
  BOOST_TEST(task_of_it.cancelled());
  BOOST_TEST(thread_future.cancelled());
}
