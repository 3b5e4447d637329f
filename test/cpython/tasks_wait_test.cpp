// CPython's test_tasks: wait.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/futures.hpp"
#include "tasks.hpp"

#include <rondo/rondo.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using cpython::sleeper;
using cpython::text_of;
using support::contains;
using support::new_future;
using support::now_is;
using support::value_of;
using support::waiters_of;

namespace {

using tasks = std::vector<task<void>>;

wait_options until(return_when when) { return wait_options().return_when(when); }

} // namespace

BOOST_AUTO_TEST_CASE(test_wait) {
  testing::run_virtual([]() -> awaitable<void> {
    auto a = create_task(sleeper(100ms));
    auto b = create_task(sleeper(150ms));
    const auto foo = [&]() -> awaitable<int> {
      auto r = co_await wait(b, a);
      BOOST_TEST((r.done == tasks{b, a}));
      BOOST_TEST(r.pending.empty());
      co_return 42;
    };
    auto first = create_task(foo);
    int res = co_await first.get();
    BOOST_TEST(res == 42);
    BOOST_TEST(now_is(150ms));

    auto again = create_task(foo); // takes no time
    res = co_await again.get();
    BOOST_TEST(now_is(150ms));
    BOOST_TEST(res == 42);
  });
}

BOOST_AUTO_TEST_CASE(test_wait_duplicate_coroutines) {
  testing::run_virtual([]() -> awaitable<void> {
    auto c = create_task(text_of("test"));
    auto spam = create_task(text_of("spam"));
    auto t = create_task(wait(c, c, spam));
    const auto r = co_await t.get();
    BOOST_TEST(r.pending.empty());
    BOOST_REQUIRE(r.done.size() == 2u);
    std::set<std::string> results;
    for (const auto& f : r.done)
      results.insert(f.result());
    BOOST_TEST((results == std::set<std::string>{"test", "spam"}));
  });
}

BOOST_AUTO_TEST_CASE(test_wait_errors) {
  // A wrong return_when does not compile: it is an enumeration.
  testing::run_virtual([]() -> awaitable<void> {
    const auto body = []() -> awaitable<void> { co_await wait(std::set<task<void>>()); };
    auto s = co_await settle(body);
    BOOST_TEST((s.error_as<std::invalid_argument>() != nullptr));
  });
}

BOOST_AUTO_TEST_CASE(test_wait_invalid_args) {
  // A coroutine instead of tasks does not compile; a single task is a set of one here.
  testing::run_virtual([]() -> awaitable<void> {
    const auto body = []() -> awaitable<void> { co_await wait(tasks()); };
    auto s = co_await settle(body);
    BOOST_TEST((s.error_as<std::invalid_argument>() != nullptr));
  });
}

BOOST_AUTO_TEST_CASE(test_wait_first_completed) {
  testing::run_virtual([]() -> awaitable<void> {
    auto a = create_task(sleeper(10s));
    auto b = create_task(sleeper(100ms));
    auto t = create_task(wait(b, a, until(return_when::first_completed)));
    const auto r = co_await t.get();
    BOOST_TEST((r.done == tasks{b}));
    BOOST_TEST((r.pending == tasks{a}));
    BOOST_TEST(!a.done());
    BOOST_TEST(b.done());
    BOOST_TEST(!b.exception());
    BOOST_TEST(now_is(100ms));
    co_await wait(a, b);
    BOOST_TEST(now_is(10s));
  });
}

BOOST_AUTO_TEST_CASE(test_wait_discards_awaited_by_for_pending) {
  testing::run_virtual([]() -> awaitable<void> {
    auto immortal = new_future();
    auto done = create_task(sleeper(0s));
    const auto r = co_await wait(any_futures(done, immortal), until(return_when::first_completed));
    BOOST_TEST(r.contains(done));
    BOOST_TEST(!r.contains(immortal));
    BOOST_TEST(waiters_of(immortal) == 0u);
  });
}

BOOST_AUTO_TEST_CASE(test_wait_really_done) {
  // Who is done in the same pass, though its end was not announced yet, is in the set.
  testing::run_virtual([]() -> awaitable<void> {
    auto a = create_task(testing::passes(1));
    auto b = create_task(testing::passes(2));
    auto t = create_task(wait(b, a, until(return_when::first_completed)));
    const auto r = co_await t.get();
    BOOST_TEST((r.done == tasks{b, a}));
    BOOST_TEST(a.done());
    BOOST_TEST(!a.exception());
    BOOST_TEST(b.done());
    BOOST_TEST(!b.exception());
  });
}

BOOST_AUTO_TEST_CASE(test_wait_first_exception) {
  testing::run_virtual([]() -> awaitable<void> {
    auto a = create_task(sleeper(10s));
    auto b = create_task(support::raise("err"));
    auto t = create_task(wait(b, a, until(return_when::first_exception)));
    const auto r = co_await t.get();
    BOOST_TEST((r.done == tasks{b}));
    BOOST_TEST((r.pending == tasks{a}));
    BOOST_TEST(now_is(0s));
    co_await wait(a, b);
    BOOST_TEST(now_is(10s));
    BOOST_CHECK_THROW(b.result(), std::runtime_error);
  });
}

BOOST_AUTO_TEST_CASE(test_wait_first_exception_in_wait) {
  testing::run_virtual([]() -> awaitable<void> {
    auto a = create_task(sleeper(10s));
    const auto exc = []() -> awaitable<void> {
      co_await sleep(10ms);
      throw std::runtime_error("err");
    };
    auto b = create_task(exc);
    const auto r = co_await wait(b, a, until(return_when::first_exception));
    BOOST_TEST((r.done == tasks{b}));
    BOOST_TEST((r.pending == tasks{a}));
    BOOST_TEST(now_is(10ms));
    co_await wait(a, b);
    BOOST_TEST(now_is(10s));
    BOOST_CHECK_THROW(b.result(), std::runtime_error);
  });
}

BOOST_AUTO_TEST_CASE(test_wait_with_exception) {
  testing::run_virtual([]() -> awaitable<void> {
    auto a = create_task(sleeper(100ms));
    const auto fails = []() -> awaitable<void> {
      co_await sleep(150ms);
      throw std::runtime_error("really");
    };
    auto b = create_task(fails);
    const auto foo = [&]() -> awaitable<void> {
      const auto r = co_await wait(b, a);
      BOOST_TEST(r.done.size() == 2u);
      BOOST_TEST(r.pending.empty());
      BOOST_TEST(std::ranges::count_if(r.done, [](const auto& f) { return f.exception() != nullptr; }) == 1);
    };
    auto first = create_task(foo);
    co_await first.get();
    BOOST_TEST(now_is(150ms));
    auto again = create_task(foo);
    co_await again.get();
    BOOST_TEST(now_is(150ms));
  });
}

BOOST_AUTO_TEST_CASE(test_wait_with_timeout) {
  testing::run_virtual([]() -> awaitable<void> {
    auto a = create_task(sleeper(100ms));
    auto b = create_task(sleeper(150ms));
    const auto foo = [&]() -> awaitable<void> {
      const auto r = co_await wait(b, a, wait_options().timeout(110ms));
      BOOST_TEST((r.done == tasks{a}));
      BOOST_TEST((r.pending == tasks{b}));
    };
    auto t = create_task(foo);
    co_await t.get();
    BOOST_TEST(now_is(110ms));
    co_await wait(a, b);
    BOOST_TEST(now_is(150ms));
  });
}

BOOST_AUTO_TEST_CASE(test_wait_concurrent_complete) {
  // The time limit and the end of a task at the same time.
  testing::run_virtual([]() -> awaitable<void> {
    auto a = create_task(sleeper(100ms));
    auto b = create_task(sleeper(150ms));
    auto t = create_task(wait(b, a, wait_options().timeout(100ms)));
    const auto r = co_await t.get();
    BOOST_TEST((r.done == tasks{a}));
    BOOST_TEST((r.pending == tasks{b}));
    BOOST_TEST(now_is(100ms));
    co_await wait(a, b);
    BOOST_TEST(now_is(150ms));
  });
}

BOOST_AUTO_TEST_CASE(test_wait_with_iterator_of_tasks) {
  testing::run_virtual([]() -> awaitable<void> {
    auto a = create_task(sleeper(100ms));
    auto b = create_task(sleeper(150ms));
    const tasks set{b, a};
    const auto foo = [&]() -> awaitable<int> {
      const auto r = co_await wait(std::ranges::subrange(set.begin(), set.end()));
      BOOST_TEST((r.done == set));
      BOOST_TEST(r.pending.empty());
      co_return 42;
    };
    auto t = create_task(foo);
    const int res = co_await t.get();
    BOOST_TEST(res == 42);
    BOOST_TEST(now_is(150ms));
  });
}

BOOST_AUTO_TEST_CASE(test_wait_generator) {
  // The tasks are made while wait goes through the range.
  testing::run_virtual([]() -> awaitable<void> {
    const auto make = [](int i) { return create_task(value_of(i)); };
    auto lazy = std::views::iota(0, 10) | std::views::transform(make);
    const auto r = co_await wait(lazy, until(return_when::all_completed));
    BOOST_TEST(r.done.size() == 10u);
    BOOST_TEST(r.pending.size() == 0u);
  });
}
