// After CPython's test_futures: done callbacks. They are removed by the id that add_done_callback gives.
// SPDX-License-Identifier: BSL-1.0
#include "../support/futures.hpp"

#include <rondo/event_loop.hpp>
#include <rondo/future.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rondo;
using boost::test_tools::per_element;
using testing::passes;

namespace {

using numbers = std::vector<int>;

/// A future, and the numbers of its callbacks that were called.
struct fixture {
  future<std::string> f = get_running_loop().create_future<std::string>();
  numbers bag;

  callback_id add(int number) {
    return f.add_done_callback([this, number] { bag.push_back(number); });
  }

  /// Sets the result and compares the callbacks that are called then.
  awaitable<void> finish(numbers expected) {
    BOOST_TEST(bag.empty());
    f.set_result("foo");
    BOOST_TEST(bag.empty());
    co_await passes(1);
    BOOST_TEST(bag == expected, per_element());
    BOOST_TEST(f.result() == "foo");
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(test_callbacks_remove_first_callback) {
  testing::run_virtual([]() -> awaitable<void> {
    fixture x;
    const auto first = x.add(42);
    x.add(17);
    x.add(100);
    BOOST_TEST(x.f.remove_done_callback(first));
    BOOST_TEST(!x.f.remove_done_callback(first));
    const numbers expected{17, 100};
    co_await x.finish(expected);
  });
}

BOOST_AUTO_TEST_CASE(test_callbacks_remove_first_and_second_callback) {
  testing::run_virtual([]() -> awaitable<void> {
    fixture x;
    const auto first = x.add(42);
    const auto second = x.add(17);
    x.add(100);
    BOOST_TEST(x.f.remove_done_callback(first));
    BOOST_TEST(x.f.remove_done_callback(second));
    BOOST_TEST(!x.f.remove_done_callback(first));
    const numbers expected{100};
    co_await x.finish(expected);
  });
}

BOOST_AUTO_TEST_CASE(test_callbacks_remove_third_callback) {
  testing::run_virtual([]() -> awaitable<void> {
    fixture x;
    x.add(42);
    x.add(17);
    const auto third = x.add(100);
    BOOST_TEST(x.f.remove_done_callback(third));
    BOOST_TEST(!x.f.remove_done_callback(third));
    const numbers expected{42, 17};
    co_await x.finish(expected);
  });
}

BOOST_AUTO_TEST_CASE(test_callbacks_invoked_on_set_result) {
  testing::run_virtual([]() -> awaitable<void> {
    fixture x;
    x.add(42);
    x.add(17);
    const numbers expected{42, 17};
    co_await x.finish(expected);
  });
}

BOOST_AUTO_TEST_CASE(test_callbacks_invoked_on_set_exception) {
  testing::run_virtual([]() -> awaitable<void> {
    fixture x;
    x.add(100);
    BOOST_TEST(x.bag.empty());
    const std::exception_ptr error = std::make_exception_ptr(std::runtime_error("broken"));
    x.f.set_exception(error);
    co_await passes(1);
    BOOST_TEST(x.bag == (numbers{100}), per_element());
    BOOST_CHECK(x.f.exception() == error);
  });
}

// Callbacks that are equal have ids of their own.
BOOST_AUTO_TEST_CASE(test_remove_done_callback) {
  testing::run_virtual([]() -> awaitable<void> {
    fixture x;
    std::vector<callback_id> ones{x.add(1)};
    const auto removed = x.add(2);
    BOOST_TEST(x.f.remove_done_callback(removed));
    BOOST_TEST(!x.f.remove_done_callback(removed));
    x.add(2);
    for (int i = 0; i < 5; ++i)
      ones.push_back(x.add(1));
    for (const callback_id id : ones)
      BOOST_TEST(x.f.remove_done_callback(id));
    const numbers expected{2};
    co_await x.finish(expected);
  });
}

// Once the future is done its callbacks are on their way and cannot be removed, also not by one of them.
BOOST_AUTO_TEST_CASE(test_schedule_callbacks_list_mutation_1) {
  testing::run_virtual([]() -> awaitable<void> {
    fixture x;
    std::vector<callback_id> others;
    x.f.add_done_callback([&](const future<std::string>& f) {
      for (const callback_id id : others)
        BOOST_TEST(!f.remove_done_callback(id));
      x.bag.push_back(0);
    });
    others.push_back(x.add(1));
    others.push_back(x.add(2));
    const numbers expected{0, 1, 2};
    co_await x.finish(expected);
  });
}
