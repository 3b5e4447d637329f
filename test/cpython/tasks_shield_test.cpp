// CPython's test_tasks: shield.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/futures.hpp"
#include "../support/shields.hpp"
#include "../support/trace.hpp"
#include "tasks.hpp"

#include <rondo/rondo.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <stdexcept>
#include <tuple>

using namespace rondo;
using namespace std::chrono_literals;
using cpython::run_briefly;
using support::message_of;
using support::new_future;
using support::record_reports;
using support::text_in;
using support::thrown;
using support::value_of;
using support::waiters_of;

BOOST_AUTO_TEST_CASE(test_shield_result) {
  testing::virtual_runner r;
  auto inner = r.loop().create_future<int>();
  auto outer = shield(inner);
  inner.set_result(42);
  BOOST_TEST(r.loop().run_until_complete(outer) == 42);
}

BOOST_AUTO_TEST_CASE(test_shield_exception) {
  testing::run_virtual([]() -> awaitable<void> {
    auto inner = new_future();
    auto outer = shield(inner);
    co_await run_briefly();
    const std::exception_ptr exc = std::make_exception_ptr(std::runtime_error("expected"));
    inner.set_exception(exc);
    co_await run_briefly();
    BOOST_TEST((outer.exception() == exc));
  });
}

BOOST_AUTO_TEST_CASE(test_shield_cancel_inner) {
  testing::run_virtual([]() -> awaitable<void> {
    auto inner = new_future();
    auto outer = shield(inner);
    co_await run_briefly();
    inner.cancel();
    co_await run_briefly();
    BOOST_TEST(outer.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(test_shield_cancel_outer) {
  testing::run_virtual([]() -> awaitable<void> {
    auto inner = new_future();
    auto outer = shield(inner);
    co_await run_briefly();
    outer.cancel();
    co_await run_briefly();
    BOOST_TEST(outer.cancelled());
    BOOST_TEST(!inner.done());
    BOOST_TEST(waiters_of(outer) == 0u);
  });
}

BOOST_AUTO_TEST_CASE(test_shield_cancel_outer_result) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto reports = record_reports();
    auto inner = new_future();
    auto outer = shield(inner);
    co_await run_briefly();
    outer.cancel();
    co_await run_briefly();
    inner.set_result(1);
    co_await run_briefly();
    BOOST_TEST(reports->empty());
  });
}

BOOST_AUTO_TEST_CASE(test_shield_shortcut) {
  testing::virtual_runner r;
  auto fut = r.loop().create_future<int>();
  fut.set_result(42);
  BOOST_TEST(r.loop().run_until_complete(shield(fut)) == 42);
}

BOOST_AUTO_TEST_CASE(test_shield_effect) {
  // A cancel of the outer task does not reach the inner one.
  testing::run_virtual([]() -> awaitable<void> {
    int proof = 0;
    auto waiter = new_future();
    const auto inner = [&]() -> awaitable<void> {
      co_await waiter.get();
      proof += 1;
    };
    const auto outer = [&]() -> awaitable<void> {
      co_await shield(inner());
      proof += 100;
    };
    auto f = create_task(outer);
    co_await run_briefly();
    f.cancel();
    auto s = co_await settle(f);
    BOOST_TEST(message_of(s) == "");
    BOOST_TEST(f.cancelled());
    waiter.set_result(0);
    co_await run_briefly();
    BOOST_TEST(proof == 1);
  });
}

BOOST_AUTO_TEST_CASE(test_shield_gather) {
  testing::run_virtual([]() -> awaitable<void> {
    auto child1 = new_future();
    auto child2 = new_future();
    auto parent = gather(child1, child2);
    auto outer = shield(parent);
    co_await run_briefly();
    outer.cancel();
    co_await run_briefly();
    BOOST_TEST(outer.cancelled());
    child1.set_result(1);
    child2.set_result(2);
    co_await run_briefly();
    BOOST_TEST((parent.result() == std::tuple(1, 2)));
  });
}

BOOST_AUTO_TEST_CASE(test_gather_shield) {
  testing::run_virtual([]() -> awaitable<void> {
    auto child1 = new_future();
    auto child2 = new_future();
    auto inner1 = shield(child1);
    auto inner2 = shield(child2);
    auto parent = gather(inner1, inner2);
    co_await run_briefly();
    parent.cancel(); // of inner1 and inner2, but not of child1 and child2
    co_await run_briefly();
    BOOST_TEST(text_in<cancelled_error>(parent.exception()) == "");
    BOOST_TEST(inner1.cancelled());
    BOOST_TEST(inner2.cancelled());
    BOOST_TEST(!child1.done());
    BOOST_TEST(!child2.done());
    child1.set_result(1);
    child2.set_result(2);
    co_await run_briefly();
  });
}

BOOST_AUTO_TEST_CASE(test_shield_coroutine_without_loop) {
  BOOST_TEST(thrown<std::runtime_error>([] { shield(value_of(42)); }) == "no running event loop");
}

BOOST_AUTO_TEST_CASE(test_shield_coroutine_use_running_loop) {
  testing::virtual_runner r;
  const auto test = []() -> awaitable<future<int>> { co_return shield(value_of(42)); };
  const future<int> outer = r.loop().run_until_complete(test);
  BOOST_TEST((outer.loop() == r.loop()));
  BOOST_TEST(r.loop().run_until_complete(outer) == 42);
}
