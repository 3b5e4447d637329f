// After CPython's test_runners: RunTests. On real time and real loops, since `run` is what is tested.
// SPDX-License-Identifier: BSL-1.0
#include "../support/ends.hpp"
#include "../support/expect.hpp"
#include "../support/trace.hpp"

#include <rondo/async_generator.hpp>
#include <rondo/errors.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::thrown;
using support::trace;

namespace {

/// Sets RONDO_DEBUG for the time of a scope.
class debug_variable {
public:
  explicit debug_variable(const char* value) {
    if (const char* old = std::getenv("RONDO_DEBUG")) before_ = old;
    ::setenv("RONDO_DEBUG", value, 1);
  }
  debug_variable(const debug_variable&) = delete;
  debug_variable& operator=(const debug_variable&) = delete;
  ~debug_variable() {
    if (before_.empty())
      ::unsetenv("RONDO_DEBUG");
    else
      ::setenv("RONDO_DEBUG", before_.c_str(), 1);
  }

private:
  std::string before_;
};

awaitable<bool> in_debug_mode() { co_return get_running_loop().get_debug(); }

/// Sleeps, and fails when it is cancelled.
awaitable<void> fail_when_cancelled() {
  try {
    co_await sleep(100ms);
  } catch (const cancelled_error&) {
    throw std::domain_error("division by zero");
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(test_asyncio_run_return) {
  const int result = run([]() -> awaitable<int> {
    co_await sleep(0s);
    co_return 42;
  });
  BOOST_TEST(result == 42);
}

BOOST_AUTO_TEST_CASE(test_asyncio_run_raises) {
  const auto fails = []() -> awaitable<void> {
    co_await sleep(0s);
    throw std::invalid_argument("spam");
  };
  BOOST_TEST(thrown<std::invalid_argument>([&] { run(fails); }) == "spam");
}

BOOST_AUTO_TEST_CASE(test_asyncio_run_debug) {
  BOOST_TEST(!run(in_debug_mode(), run_options().debug(false)));
  BOOST_TEST(run(in_debug_mode(), run_options().debug(true)));
  {
    const debug_variable on("1");
    BOOST_TEST(run(in_debug_mode()));
    BOOST_TEST(!run(in_debug_mode(), run_options().debug(false)));
  }
  {
    const debug_variable off("0");
    BOOST_TEST(run(in_debug_mode(), run_options().debug(true)));
    BOOST_TEST(!run(in_debug_mode()));
  }
}

BOOST_AUTO_TEST_CASE(test_asyncio_run_from_running_loop) {
  bool began = false;
  const auto inner = [&]() -> awaitable<void> {
    began = true;
    co_return;
  };
  const auto outer = [&]() -> awaitable<void> {
    run(inner);
    co_return;
  };
  BOOST_TEST(contains(thrown<std::runtime_error>([&] { run(outer); }), "cannot be called from a running event loop"));
  BOOST_TEST(!began);
}

BOOST_AUTO_TEST_CASE(test_asyncio_run_cancels_hanging_tasks) {
  task<> left_over;
  const int result = run([&]() -> awaitable<int> {
    left_over = create_task(sleep(100ms));
    co_return 123;
  });
  BOOST_TEST(result == 123);
  BOOST_TEST(left_over.done());
  BOOST_TEST(left_over.cancelled());
}

BOOST_AUTO_TEST_CASE(test_asyncio_run_reports_hanging_tasks_errors) {
  task<> left_over;
  std::vector<exception_context> reports;
  const int result = run([&]() -> awaitable<int> {
    get_running_loop().set_exception_handler([&](event_loop, const exception_context& c) { reports.push_back(c); });
    left_over = create_task(fail_when_cancelled());
    co_await sleep(0s); // the task has to begin in order to fail
    co_return 123;
  });
  BOOST_TEST(result == 123);
  BOOST_TEST(left_over.done());
  BOOST_REQUIRE(reports.size() == 1U);
  BOOST_TEST(contains(reports[0].message, "shutdown"));
  BOOST_CHECK(reports[0].task == left_over);
  BOOST_TEST(support::text_in<std::domain_error>(reports[0].exception) == "division by zero");
}

// The generator outlives the loop; its body does not.
BOOST_AUTO_TEST_CASE(test_asyncio_run_closes_gens_after_hanging_tasks_errors) {
  struct fancy_exit {};
  trace log;
  async_generator<int> spinner;
  task<> lazy;
  const auto fidget = [&]() -> async_generator<int> {
    const support::witness body(log, "body destroyed");
    for (;;) {
      co_yield 1;
      log.push_back("asked again");
      co_await sleep(1s);
    }
  };
  const auto spin = [&]() -> awaitable<void> {
    spinner = fidget();
    bool cancelled = false;
    try {
      while (co_await spinner.next())
        log.push_back("item");
    } catch (const cancelled_error&) {
      cancelled = true;
    }
    if (cancelled) throw std::domain_error("division by zero");
  };
  std::vector<std::string> reports;
  const auto main = [&]() -> awaitable<void> {
    get_running_loop().set_exception_handler(
        [&](event_loop, const exception_context& c) { reports.push_back(support::text_of(c.exception)); });
    lazy = create_task(spin);
    co_await sleep(0s);
    throw fancy_exit();
  };
  BOOST_CHECK_THROW(run(main), fancy_exit);
  BOOST_TEST(lazy.done());
  CHECK_TRACE(log, "item", "asked again", "body destroyed");
  CHECK_TRACE(reports, "division by zero");
}
