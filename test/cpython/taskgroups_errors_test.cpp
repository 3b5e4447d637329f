// Ports of CPython's test_taskgroups.py, BaseTestTaskGroup: nested groups, what a body throws, counts of cancellations, and
// wrong use.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "taskgroups.hpp"

#include <rondo/task_group.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

using namespace rondo;
using namespace std::chrono_literals;
using namespace cpython;
using support::contains;
using support::hold;
using support::text_in;
using support::thrown;

// --- nested groups -----------------------------------------------------------------------------------------------

namespace {

/// Two groups, one in the other, whose tasks fail after so long.
awaitable<void> crash_after(clock::duration outer, clock::duration inner) {
  co_await with_task_group([&](task_group& g1) -> awaitable<void> {
    g1.create_task(raise_after<value_error>(outer));
    co_await with_task_group([&](task_group& g2) { g2.create_task(raise_after<value_error>(inner)); });
  });
}

} // namespace

BOOST_AUTO_TEST_CASE(test_taskgroup_13) {
  in_both_modes([]() -> awaitable<void> {
    auto r = create_task(crash_after(100ms, 10s));
    auto outcome = co_await settle(r);
    BOOST_TEST(error_types(outcome) == "{ValueError}");
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_14) {
  in_both_modes([]() -> awaitable<void> {
    auto r = create_task(crash_after(10s, 100ms));
    auto outcome = co_await settle(r);
    BOOST_REQUIRE(error_types(outcome) == "{ExceptionGroup}");
    BOOST_TEST(error_types(members_of(outcome.error()).front()) == "{ValueError}");
  });
}

BOOST_AUTO_TEST_CASE(test_nested_groups_both_cancelled) {
  in_both_modes([]() -> awaitable<void> {
    bool reached = false;
    auto outcome = co_await settle(with_task_group([&](task_group& outer) -> awaitable<void> {
      auto inner_outcome = co_await settle(with_task_group([&](task_group& inner) {
        inner.create_task(raise_after<cpython::runtime_error>(0s));
        outer.create_task(raise_after<value_error>(0s));
      }));
      BOOST_TEST(error_types(inner_outcome) == "{RuntimeError}");
      BOOST_TEST(current_task().cancelling() == 1);
      reached = true;
    }));
    BOOST_TEST(reached);
    BOOST_TEST(error_types(outcome) == "{ValueError}");
    BOOST_TEST(current_task().cancelling() == 0);
  });
}

// --- what bodies and tasks throw ---------------------------------------------------------------------------------

namespace {

/// A task that raises a `Task` after a tenth of a second, and a body that raises a `Body` when that cancels it.
template <class Task, class Body>
awaitable<void> task_and_body_raise() {
  co_await with_task_group([](task_group& g) -> awaitable<void> {
    g.create_task(raise_after<Task>(100ms));
    co_await sleep_finally_raise<Body>(10s);
  });
}

} // namespace

BOOST_AUTO_TEST_CASE(test_taskgroup_19) {
  in_both_modes([]() -> awaitable<void> {
    auto r = create_task(task_and_body_raise<zero_division_error, my_exc>());
    auto outcome = co_await settle(r);
    BOOST_TEST(error_types(outcome) == "{MyExc, ZeroDivisionError}");
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_20) {
  in_both_modes([]() -> awaitable<void> {
    support::log_capture log; // the error of the task, which is not thrown, is reported
    auto outcome = co_await settle(task_and_body_raise<zero_division_error, keyboard_interrupt>());
    BOOST_TEST(type_of(outcome) == "KeyboardInterrupt");
    BOOST_TEST(contains(log.text(), "division by zero"));
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_20a) {
  in_both_modes([]() -> awaitable<void> {
    auto outcome = co_await settle(task_and_body_raise<zero_division_error, my_base_exc>());
    BOOST_TEST(error_types(outcome) == "{MyBaseExc, ZeroDivisionError}");
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_21a) {
  in_both_modes([]() -> awaitable<void> {
    auto outcome = co_await settle(task_and_body_raise<my_base_exc, type_error>());
    BOOST_TEST(error_types(outcome) == "{MyBaseExc, TypeError}");
  });
}

// --- counts of cancellations -------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(test_cancelling_level_preserved) {
  in_both_modes([]() -> awaitable<void> {
    auto outcome =
        co_await settle(with_task_group([](task_group& g) { g.create_task(raise_after<cpython::runtime_error>(0s)); }));
    BOOST_TEST(error_types(outcome) == "{RuntimeError}");
    BOOST_TEST(current_task().cancelling() == 0);
  });
}

BOOST_AUTO_TEST_CASE(test_cancellation_does_not_leak_out_of_tg) {
  in_both_modes([]() -> awaitable<void> {
    auto outcome = co_await settle(with_task_group([](task_group& g) { g.create_task(raise_at_once<my_exc>()); }));
    BOOST_TEST(error_types(outcome) == "{MyExc}");
    BOOST_CHECK_NO_THROW(co_await sleep(0s));
  });
}

// --- wrong use ---------------------------------------------------------------------------------------------------

namespace {

/// The error of `create_task` in a group that has finished. A reference to a group ends with the block, so this asks
/// in between: when the group has seen the end of its only task, and the block has not been left yet.
awaitable<std::string> create_in_finished_group(std::shared_ptr<int> token) {
  std::string text;
  co_await with_task_group([&](task_group& g) {
    auto last = g.create_task(sleep(0s));
    last.add_done_callback([&] {
      auto coroutine = hold(std::move(token));
      text = thrown<std::runtime_error>([&] { g.create_task(std::move(coroutine)); });
    });
  });
  co_return text;
}

} // namespace

BOOST_AUTO_TEST_CASE(test_taskgroup_finished) {
  in_both_modes([]() -> awaitable<void> {
    auto text = co_await create_in_finished_group(nullptr);
    BOOST_TEST(contains(text, "is finished"));
  });
}

BOOST_AUTO_TEST_CASE(test_coro_closed_when_tg_closed) {
  in_both_modes([]() -> awaitable<void> {
    auto token = std::make_shared<int>(1);
    auto text = co_await create_in_finished_group(token);
    BOOST_TEST(contains(text, "is finished"));
    BOOST_TEST(token.use_count() == 1); // the coroutine that held the other share has been destroyed
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_without_parent_task) {
  in_both_modes([]() -> awaitable<void> {
    bool entered = false;
    std::exception_ptr error;
    const auto without_task = [&]() -> awaitable<void> { co_await with_task_group([&] { entered = true; }); };
    get_running_loop().call_soon([&] {
      boost::asio::co_spawn(get_running_loop().get_executor(), without_task, [&](std::exception_ptr e) { error = e; });
    });
    co_await sleep(1s);
    BOOST_TEST(contains(text_in<std::runtime_error>(error), "parent task"));
    BOOST_TEST(!entered);
  });
}
