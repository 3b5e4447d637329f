// After CPython's test_threads: to_thread. The threads are real, and the loops wait for them.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/expect.hpp"

#include <rondo/context.hpp>
#include <rondo/gather.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/threads.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

using namespace rondo;

namespace {

context_var<std::string> test_ctx("test_ctx");

int sum(const std::vector<int>& values) { return std::accumulate(values.begin(), values.end(), 0); }
void raise_runtime() { throw std::runtime_error("test"); }
void count(std::atomic<int>* calls) { ++*calls; }

} // namespace

BOOST_AUTO_TEST_CASE(test_to_thread) {
  testing::run_virtual([]() -> awaitable<void> {
    const std::vector<int> values{40, 2};
    const int result = co_await to_thread(&sum, values);
    BOOST_TEST(result == 42);
    const auto thread = co_await to_thread(&std::this_thread::get_id);
    BOOST_CHECK(thread != std::this_thread::get_id());
  });
}

BOOST_AUTO_TEST_CASE(test_to_thread_exception) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto end = co_await settle(to_thread(&raise_runtime));
    BOOST_TEST(support::text_in<std::runtime_error>(end.error()) == "test");
  });
}

BOOST_AUTO_TEST_CASE(test_to_thread_once) {
  std::atomic<int> calls = 0;
  testing::run_virtual([&]() -> awaitable<void> { co_await to_thread(&count, &calls); });
  BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(test_to_thread_concurrent) {
  std::atomic<int> calls = 0;
  testing::run_virtual([&]() -> awaitable<void> {
    std::vector<awaitable<void>> all;
    for (int i = 0; i < 10; ++i)
      all.push_back(to_thread(&count, &calls));
    co_await gather(std::move(all));
    BOOST_TEST(calls == 10);
  });
}

// C++ has no keywords: all arguments are passed by their places.
BOOST_AUTO_TEST_CASE(test_to_thread_args_kwargs) {
  using call = std::tuple<std::string, bool>;
  testing::run_virtual([]() -> awaitable<void> {
    std::vector<call> calls;
    const auto record = [](std::vector<call>* into, std::string text, bool something) {
      into->emplace_back(std::move(text), something);
    };
    const std::string text = "test";
    co_await to_thread(record, &calls, text, true);
    BOOST_REQUIRE(calls.size() == 1U);
    BOOST_CHECK(calls[0] == call("test", true));
  });
}

BOOST_AUTO_TEST_CASE(test_to_thread_contextvars) {
  testing::run_virtual([]() -> awaitable<void> {
    test_ctx.set("parrot");
    const std::string result = co_await to_thread([] { return test_ctx.get(); });
    BOOST_TEST(result == "parrot");
  });
}
