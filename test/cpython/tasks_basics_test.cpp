// CPython's test_tasks: how tasks are made, what they are, and which one is current.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/futures.hpp"
#include "tasks.hpp"

#include <rondo/rondo.hpp>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <charconv>
#include <chrono>
#include <concepts>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

using namespace rondo;
using namespace std::chrono_literals;
using cpython::noop;
using cpython::run_briefly;
using cpython::text_of;
using support::await_future;
using support::contains;
using support::new_future;
using support::place;
using support::thrown;
using support::waiters_of;

namespace {

/// An awaitable that is no coroutine, and nothing of rondo's: an operation of Asio that gives 42.
auto answer() {
  const auto initiate = [](auto handler) {
    const auto executor = boost::asio::get_associated_executor(handler);
    boost::asio::post(executor, [h = std::move(handler)]() mutable { std::move(h)(42); });
  };
  return boost::asio::async_initiate<const boost::asio::deferred_t&, void(int)>(initiate, boost::asio::deferred);
}

std::string dump() {
  std::ostringstream out;
  dump_tasks(out);
  return out.str();
}

/// The number behind the dash of "Task-12".
int number_in(const std::string& name) {
  const std::string start = "Task-";
  BOOST_REQUIRE(name.compare(0, start.size(), start) == 0);
  int number = 0;
  const auto end = name.data() + name.size();
  BOOST_REQUIRE(std::from_chars(name.data() + start.size(), end, number).ptr == end);
  return number;
}

} // namespace

// --- making tasks ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(test_task_class) {
  testing::virtual_runner r;
  auto t = r.loop().create_task(text_of("ok"));
  r.loop().run_until_complete(t);
  BOOST_TEST(t.done());
  BOOST_TEST(t.result() == "ok");
  BOOST_TEST((t.loop() == r.loop()));

  testing::virtual_runner other;
  t = other.loop().create_task(text_of("ok"));
  BOOST_TEST((t.loop() == other.loop()));
  BOOST_TEST((t.loop() != r.loop()));
  other.loop().run_until_complete(t);
  BOOST_TEST(t.done());
}

BOOST_AUTO_TEST_CASE(test_task_basics) {
  testing::virtual_runner r;
  const auto inner1 = []() -> awaitable<int> { co_return 42; };
  const auto inner2 = []() -> awaitable<int> { co_return 1000; };
  const auto outer = [&]() -> awaitable<int> {
    const int a = co_await inner1();
    const int b = co_await inner2();
    co_return a + b;
  };
  BOOST_TEST(r.loop().run_until_complete(outer) == 1042);
}

BOOST_AUTO_TEST_CASE(test_ensure_future_coroutine) {
  testing::virtual_runner r;
  auto t = r.loop().create_task(text_of("ok"));
  BOOST_TEST((t.loop() == r.loop()));
  r.loop().run_until_complete(t);
  BOOST_TEST(t.done());
  BOOST_TEST(t.result() == "ok");

  BOOST_TEST(thrown<std::runtime_error>([] { create_task(text_of("ok")); }) == "no running event loop");

  const auto test = []() -> awaitable<task<std::string>> { co_return create_task(text_of("ok")); };
  t = r.loop().run_until_complete(test);
  BOOST_TEST((t.loop() == r.loop()));
  r.loop().run_until_complete(t);
  BOOST_TEST(t.done());
  BOOST_TEST(t.result() == "ok");
}

BOOST_AUTO_TEST_CASE(test_ensure_future_awaitable) {
  // A class of one's own instead of a coroutine: something that gives one when it is called.
  struct aw {
    awaitable<std::string> operator()() const { return text_of(text); }
    std::string text;
  };
  testing::virtual_runner r;
  auto t = r.loop().create_task(aw{"ok"});
  r.loop().run_until_complete(t);
  BOOST_TEST(t.result() == "ok");
}

BOOST_AUTO_TEST_CASE(test_ensure_future_task_awaitable) {
  testing::virtual_runner r;
  auto t = r.loop().create_task(sleep(0s, std::string("ok")));
  static_assert(std::same_as<decltype(t), task<std::string>>);
  r.loop().run_until_complete(t);
  BOOST_TEST(t.done());
  BOOST_TEST(t.result() == "ok");
}

BOOST_AUTO_TEST_CASE(test_create_task_with_async_function) {
  testing::virtual_runner r;
  for (int i = 0; i < 2; ++i) {
    auto t = r.loop().create_task(noop());
    static_assert(std::same_as<decltype(t), task<void>>);
    r.loop().run_until_complete(t);
    BOOST_TEST(t.done());
  }
}

BOOST_AUTO_TEST_CASE(test_create_task_with_asynclike_function) {
  testing::virtual_runner r;
  for (int i = 0; i < 2; ++i) {
    auto t = r.loop().create_task(answer());
    static_assert(std::same_as<decltype(t), task<int>>);
    BOOST_TEST(r.loop().run_until_complete(t) == 42);
  }
}

BOOST_AUTO_TEST_CASE(test_bare_create_task) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(support::value_of(1));
    static_assert(std::same_as<decltype(t), task<int>>);
    const int ret = co_await t.get();
    BOOST_TEST(ret == 1);
  });
}

BOOST_AUTO_TEST_CASE(test_bare_create_named_task) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(noop(), task_options().name("No-op"));
    BOOST_TEST(t.name() == "No-op");
    co_await t.get();
  });
}

BOOST_AUTO_TEST_CASE(test_coroutine_non_gen_function) {
  testing::virtual_runner r;
  const auto func = []() -> awaitable<std::string> { co_return "test"; };
  auto coro = func();
  static_assert(std::same_as<decltype(coro), awaitable<std::string>>);
  BOOST_TEST(r.loop().run_until_complete(std::move(coro)) == "test");
}

BOOST_AUTO_TEST_CASE(test_coroutine_non_gen_function_return_future) {
  // A coroutine that gives a future gives the future, not its result.
  testing::virtual_runner r;
  auto fut = r.loop().create_future<std::string>();
  const auto func = [&]() -> awaitable<future<std::string>> { co_return fut; };
  const auto coro = [&]() -> awaitable<void> {
    fut.set_result("test");
    co_return;
  };
  auto t1 = r.loop().create_task(func);
  auto t2 = r.loop().create_task(coro);
  const future<std::string> res = r.loop().run_until_complete(t1);
  BOOST_TEST((res == fut));
  r.loop().run_until_complete(t2);
  BOOST_TEST(!t2.exception());
  BOOST_TEST(res.result() == "test");
}

BOOST_AUTO_TEST_CASE(test_future_subclass) {
  static_assert(std::derived_from<any_task, any_future>);
  static_assert(std::derived_from<task<int>, any_task>);
  testing::virtual_runner r;
  auto t = r.loop().create_task(support::value_of(1));
  const any_future f = t;
  BOOST_TEST((f == t));
  r.loop().run_until_complete(t);
  BOOST_TEST(f.done());
}

// --- what a task waits for -------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(test_other_loop_future) {
  testing::virtual_runner other;
  auto fut = other.loop().create_future<int>();
  testing::virtual_runner r;
  const auto text = thrown<std::runtime_error>([&] { r.loop().run_until_complete(await_future(fut)); });
  BOOST_TEST(contains(text, "task '"));
  BOOST_TEST(contains(text, " got "));
  BOOST_TEST(contains(text, "attached to a different loop"));
}

BOOST_AUTO_TEST_CASE(test_task_awaits_on_itself) {
  testing::virtual_runner r;
  task<void> t;
  const auto test = [&]() -> awaitable<void> { co_await t.get(); };
  t = r.loop().create_task(test);
  BOOST_TEST(
      contains(thrown<std::runtime_error>([&] { r.loop().run_until_complete(t); }), "Task cannot await on itself"));
}

BOOST_AUTO_TEST_CASE(test_step_result_future) {
  testing::run_virtual([]() -> awaitable<void> {
    auto fut = new_future();
    int result = 0;
    const auto wait_for_future = [&]() -> awaitable<void> { result = co_await fut.get(); };
    auto t = create_task(wait_for_future);
    co_await run_briefly();
    BOOST_TEST(waiters_of(fut) == 1u);
    fut.set_result(7);
    co_await run_briefly();
    BOOST_TEST(result == 7);
    BOOST_TEST(t.done());
    BOOST_TEST(!t.exception());
  });
}

BOOST_AUTO_TEST_CASE(test_task_repr_wait_for) {
  testing::run_virtual([]() -> awaitable<void> {
    auto fut = new_future();
    auto t = create_task(await_future(fut), task_options().name("reader"));
    co_await run_briefly();
    const std::string all = dump();
    const std::string line = all.substr(all.find("'reader'"));
    BOOST_TEST(contains(line.substr(0, line.find('\n')), "waits for a future"));
    fut.set_result(0);
    co_await t.get();
    BOOST_TEST(!contains(dump(), "'reader'"));
  });
}

// --- names and places ------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(test_task_repr_autogenerated) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t1 = create_task(noop());
    auto t2 = create_task(noop());
    BOOST_TEST(t1.name() != t2.name());
    BOOST_TEST(number_in(t1.name()) < number_in(t2.name()));
    co_await t1.get();
    co_await t2.get();
  });
}

BOOST_AUTO_TEST_CASE(test_task_source_traceback) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(noop(), task_options().name("here"));
    BOOST_TEST(contains(dump(), "'here' created at " + place(__LINE__ - 1)));
    co_await t.get();
  });
}

// --- current_task ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(test_current_task) {
  testing::virtual_runner r;
  BOOST_TEST(!current_task());
  task<void> t;
  const auto coro = [&]() -> awaitable<void> {
    BOOST_TEST((current_task() == t));
    co_return;
  };
  t = r.loop().create_task(coro);
  r.loop().run_until_complete(t);
  BOOST_TEST(!current_task());
}

BOOST_AUTO_TEST_CASE(test_current_task_with_interleaving_tasks) {
  testing::virtual_runner r;
  BOOST_TEST(!current_task());
  auto fut1 = r.loop().create_future<bool>();
  auto fut2 = r.loop().create_future<bool>();
  task<void> task1;
  task<void> task2;
  const auto coro1 = [&]() -> awaitable<void> {
    BOOST_TEST((current_task() == task1));
    co_await fut1.get();
    BOOST_TEST((current_task() == task1));
    fut2.set_result(true);
  };
  const auto coro2 = [&]() -> awaitable<void> {
    BOOST_TEST((current_task() == task2));
    fut1.set_result(true);
    co_await fut2.get();
    BOOST_TEST((current_task() == task2));
  };
  task1 = r.loop().create_task(coro1);
  task2 = r.loop().create_task(coro2);
  r.loop().run_until_complete(wait(task1, task2));
  BOOST_TEST(!task1.exception());
  BOOST_TEST(!task2.exception());
  BOOST_TEST(!current_task());
}

BOOST_AUTO_TEST_CASE(test_current_task_no_running_loop) {
  testing::virtual_runner r;
  BOOST_TEST(!current_task()); // there is a loop, but it does not run
}

BOOST_AUTO_TEST_CASE(test_current_task_with_implicit_loop) {
  testing::virtual_runner r;
  any_task seen;
  const auto coro = [&]() -> awaitable<void> {
    seen = current_task();
    co_await sleep(0s);
    BOOST_TEST((current_task() == seen));
  };
  auto t = r.loop().create_task(coro);
  r.loop().run_until_complete(t);
  BOOST_TEST((seen == t));
  BOOST_TEST(!current_task());
}
