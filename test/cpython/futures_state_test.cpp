// After CPython's test_futures: what a future is made of, its states, and waits for it.
// SPDX-License-Identifier: BSL-1.0
#include "../support/expect.hpp"
#include "../support/futures.hpp"
#include "../support/trace.hpp"

#include <rondo/errors.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/future.hpp>
#include <rondo/runner.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <exception>
#include <stdexcept>
#include <string>
#include <tuple>

using namespace rondo;
using support::contains;
using support::in_loop;
using support::thrown;
using support::trace;
using testing::passes;

namespace {

/// What a done future refuses, whatever its outcome.
void check_done(const future<int>& f) {
  BOOST_TEST(f.done());
  BOOST_CHECK_THROW(f.set_result(1), invalid_state_error);
  BOOST_CHECK_THROW(f.set_exception(std::logic_error("late")), invalid_state_error);
  BOOST_CHECK_THROW(f.set_exception(std::exception_ptr()), invalid_state_error);
  BOOST_TEST(!f.cancel());
}

} // namespace

BOOST_AUTO_TEST_CASE(test_initial_state) {
  in_loop([](event_loop loop) {
    const auto f = loop.create_future<int>();
    BOOST_TEST(!f.cancelled());
    BOOST_TEST(!f.done());
    f.cancel();
    BOOST_TEST(f.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(test_constructor_without_loop) {
  const std::string text = thrown<std::runtime_error>([] { get_running_loop().create_future<int>(); });
  BOOST_TEST(contains(text, "no running event loop"));
}

BOOST_AUTO_TEST_CASE(test_constructor_use_running_loop) {
  runner r;
  const auto f = r.run([]() -> awaitable<future<int>> { co_return get_running_loop().create_future<int>(); });
  BOOST_CHECK(f.loop() == r.loop());
}

BOOST_AUTO_TEST_CASE(test_future_cancel_message_getter) {
  runner r;
  const auto f = r.loop().create_future<int>();
  f.cancel("my message");
  BOOST_TEST(thrown<cancelled_error>([&] { r.loop().run_until_complete(f); }) == "my message");
  BOOST_TEST(thrown<cancelled_error>([&] { f.result(); }) == "my message"); // it stays

  const auto without = r.loop().create_future<int>();
  without.cancel();
  BOOST_TEST(thrown<cancelled_error>([&] { without.result(); }) == "");
}

BOOST_AUTO_TEST_CASE(test_cancel) {
  in_loop([](event_loop loop) {
    const auto f = loop.create_future<int>();
    BOOST_TEST(f.cancel());
    BOOST_TEST(f.cancelled());
    BOOST_CHECK_THROW(f.result(), cancelled_error);
    BOOST_CHECK_THROW(f.exception(), cancelled_error);
    check_done(f);
  });
}

BOOST_AUTO_TEST_CASE(test_result) {
  in_loop([](event_loop loop) {
    const auto f = loop.create_future<int>();
    BOOST_TEST(contains(thrown<invalid_state_error>([&] { f.result(); }), "Result is not ready"));
    f.set_result(42);
    BOOST_TEST(!f.cancelled());
    BOOST_TEST(f.result() == 42);
    BOOST_CHECK(f.exception() == nullptr);
    check_done(f);
  });
}

BOOST_AUTO_TEST_CASE(test_exception) {
  in_loop([](event_loop loop) {
    const std::exception_ptr error = std::make_exception_ptr(std::runtime_error("broken"));
    const auto f = loop.create_future<int>();
    BOOST_TEST(contains(thrown<invalid_state_error>([&] { f.exception(); }), "Exception is not set"));
    f.set_exception(error);
    BOOST_TEST(!f.cancelled());
    BOOST_TEST(thrown<std::runtime_error>([&] { f.result(); }) == "broken");
    BOOST_CHECK(f.exception() == error);
    check_done(f);
  });
}

// The first wait of a task for a future blocks, the second one finds the result.
BOOST_AUTO_TEST_CASE(test_yield_from_twice) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto f = get_running_loop().create_future<int>();
    trace log;
    const auto fixture = [&]() -> awaitable<void> {
      log.push_back("A");
      const int x = co_await f.get();
      log.push_back("B" + std::to_string(x));
      const int y = co_await f.get();
      log.push_back("C" + std::to_string(y));
    };
    const auto t = create_task(fixture);
    co_await passes(2);
    CHECK_TRACE(log, "A");
    f.set_result(42);
    co_await passes(1);
    CHECK_TRACE(log, "A", "B42", "C42");
    BOOST_TEST(t.done());
  });
}

// A result that consists of several values is not taken apart by the wait.
BOOST_AUTO_TEST_CASE(test_future_stop_iteration_args) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto f = get_running_loop().create_future<std::tuple<int, int>>();
    f.set_result(std::tuple(1, 2));
    const std::tuple<int, int> result = co_await f.get();
    BOOST_CHECK(result == std::tuple(1, 2));
  });
}
