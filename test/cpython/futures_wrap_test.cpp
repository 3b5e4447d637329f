// After CPython's test_futures: wrap_future. The results come from real threads, and the loops wait for them.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/expect.hpp"

#include <rondo/concurrent_future.hpp>
#include <rondo/errors.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/future.hpp>
#include <rondo/runner.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/threads.hpp>

#include <boost/test/unit_test.hpp>

#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

using namespace rondo;
using support::contains;
using support::thrown;
using testing::passes;

namespace {

using answer = std::pair<std::string, std::thread::id>;

answer reply() { return {"oi", std::this_thread::get_id()}; }

} // namespace

// The outcome of one future becomes that of another.
BOOST_AUTO_TEST_CASE(test_copy_state) {
  testing::run_virtual([]() -> awaitable<void> {
    const concurrent_future<int> value;
    value.set_result(10);
    const auto of_value = wrap_future(value);

    const std::exception_ptr error = std::make_exception_ptr(std::runtime_error("broken"));
    const concurrent_future<int> failed;
    failed.set_exception(error);
    const auto of_failed = wrap_future(failed);

    const concurrent_future<int> gone;
    gone.cancel();
    const auto of_gone = wrap_future(gone);

    const std::exception_ptr state_error = std::make_exception_ptr(invalid_state_error("of another future"));
    const concurrent_future<int> confused;
    confused.set_exception(state_error);
    const auto of_confused = wrap_future(confused);

    co_await passes(1);
    BOOST_REQUIRE(of_value.done());
    BOOST_TEST(of_value.result() == 10);
    BOOST_REQUIRE(of_failed.done());
    BOOST_TEST(thrown<std::runtime_error>([&] { of_failed.result(); }) == "broken");
    BOOST_CHECK(of_failed.exception() == error);
    BOOST_TEST(of_gone.cancelled());
    BOOST_REQUIRE(of_confused.done());
    BOOST_CHECK(of_confused.exception() == state_error);
  });
}

BOOST_AUTO_TEST_CASE(BaseFutureTests_test_wrap_future) {
  thread_pool_executor pool(1);
  const concurrent_future<answer> source = pool.submit(reply);
  testing::run_virtual([&]() -> awaitable<void> {
    const auto f = wrap_future(source);
    const auto [text, thread] = co_await f.get();
    BOOST_TEST(text == "oi");
    BOOST_CHECK(thread != std::this_thread::get_id());
  });
  BOOST_TEST(pool.shutdown());
}

BOOST_AUTO_TEST_CASE(test_wrap_future_without_loop) {
  thread_pool_executor pool(1);
  const concurrent_future<answer> source = pool.submit(reply);
  BOOST_TEST(contains(thrown<std::runtime_error>([&] { wrap_future(source); }), "no running event loop"));
  BOOST_TEST(pool.shutdown());
}

BOOST_AUTO_TEST_CASE(test_wrap_future_use_running_loop) {
  thread_pool_executor pool(1);
  const concurrent_future<answer> source = pool.submit(reply);
  runner r;
  const auto f = r.run([&]() -> awaitable<future<answer>> { co_return wrap_future(source); });
  BOOST_CHECK(f.loop() == r.loop());
  BOOST_TEST(pool.shutdown());
}

BOOST_AUTO_TEST_CASE(test_wrap_future_cancel) {
  testing::run_virtual([]() -> awaitable<void> {
    const concurrent_future<int> source;
    const auto f = wrap_future(source);
    f.cancel();
    co_await passes(1);
    BOOST_TEST(source.cancelled());
    BOOST_TEST(f.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(test_wrap_future_cancel2) {
  const concurrent_future<int> source;
  testing::run_virtual([&]() -> awaitable<void> {
    const auto f = wrap_future(source);
    source.set_result(42);
    f.cancel();
    co_await passes(1);
    BOOST_TEST(!source.cancelled());
    BOOST_TEST(f.cancelled());
  });
  BOOST_TEST(source.result() == 42);
}
