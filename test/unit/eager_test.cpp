// Eager tasks: rules EA1 to EA6.
// SPDX-License-Identifier: BSL-1.0
#include "../support/trace.hpp"

#include <rondo/context.hpp>
#include <rondo/sleep.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::message_of;
using support::trace;

namespace {

task_options eager() { return task_options().eager(true); }

awaitable<int> value_of(int i) { co_return i; }

bool contains(const std::vector<any_task>& tasks, const any_task& t) {
  return std::find(tasks.begin(), tasks.end(), t) != tasks.end();
}

} // namespace

BOOST_AUTO_TEST_CASE(EA1_the_first_step_runs_inside_create_task_with_the_child_as_the_current_task) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const any_task main = current_task();
    any_task seen;
    const auto body = [&]() -> awaitable<void> {
      seen = current_task();
      log.push_back(contains(all_tasks(), seen) ? "first step, among all tasks" : "first step, missing");
      co_await sleep(0s);
      log.push_back(current_task() == seen ? "second step" : "another task");
    };
    log.push_back("before");
    auto t = create_task(body, eager());
    log.push_back("after");
    BOOST_CHECK(current_task() == main);
    BOOST_CHECK(seen == t);
    BOOST_CHECK(seen != main);
    BOOST_CHECK(contains(all_tasks(), t));
    co_await t.get();
    BOOST_CHECK(!contains(all_tasks(), t));
  });
  CHECK_TRACE(log, "before", "first step, among all tasks", "after", "second step");
}

BOOST_AUTO_TEST_CASE(EA1_a_callback_that_makes_an_eager_task_has_no_current_task_before_and_after) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    get_running_loop().call_soon([&] {
      log.push_back(current_task() ? "a task" : "none");
      create_task(
          [&]() -> awaitable<void> {
            log.push_back(current_task() ? "a task" : "none");
            co_return;
          },
          eager());
      log.push_back(current_task() ? "a task" : "none");
    });
    co_await testing::passes(1);
  });
  CHECK_TRACE(log, "none", "a task", "none");
}

BOOST_AUTO_TEST_CASE(EA1_an_eager_task_that_blocks_goes_on_as_any_other) {
  testing::run_virtual([]() -> awaitable<void> {
    auto f = get_running_loop().create_future<int>();
    auto t = create_task([&]() -> awaitable<int> { co_return co_await f.get(); }, eager());
    BOOST_TEST(!t.done());
    f.set_result(4);
    BOOST_TEST(!t.done());
    int v = co_await t.get();
    BOOST_TEST(v == 4);
  });
}

BOOST_AUTO_TEST_CASE(EA1_cancel_reaches_an_eager_task_that_blocks) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(sleep(1h), eager());
    BOOST_TEST(t.cancel("why"));
    auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "why");
  });
}

BOOST_AUTO_TEST_CASE(EA2_a_task_that_never_blocks_is_done_when_create_task_returns) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(value_of(3), eager());
    BOOST_TEST(t.done());
    BOOST_TEST(t.result() == 3);
    BOOST_TEST(!t.cancel());
    BOOST_TEST(all_tasks().size() == 1u);
    co_return;
  });
}

BOOST_AUTO_TEST_CASE(EA2_waits_that_are_ready_do_not_block_an_eager_task) {
  testing::run_virtual([]() -> awaitable<void> {
    auto f = get_running_loop().create_future<int>();
    f.set_result(1);
    auto t = create_task(
        [&]() -> awaitable<int> {
          int sum = 0;
          for (int i = 0; i < 10; ++i)
            sum += co_await f.get();
          co_return sum;
        },
        eager());
    BOOST_REQUIRE(t.done());
    BOOST_TEST(t.result() == 10);
    co_return;
  });
}

BOOST_AUTO_TEST_CASE(EA2_callbacks_of_an_eagerly_finished_task_go_through_the_loop) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto t = create_task(value_of(3), eager());
    t.add_done_callback([&] { log.push_back("callback"); });
    log.push_back("added");
    co_await testing::passes(1);
    log.push_back("next pass");
  });
  CHECK_TRACE(log, "added", "callback", "next pass");
}

BOOST_AUTO_TEST_CASE(EA3_exceptions_are_stored_and_not_thrown_by_create_task) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(
        []() -> awaitable<void> {
          throw std::runtime_error("stored");
          co_return;
        },
        eager());
    BOOST_REQUIRE(t.done());
    BOOST_CHECK_THROW(t.result(), std::runtime_error);
    co_return;
  });
}

BOOST_AUTO_TEST_CASE(EA3_a_callable_that_throws_without_being_a_coroutine_is_stored_too) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task([]() -> awaitable<void> { throw std::runtime_error("stored"); }, eager());
    BOOST_REQUIRE(t.done());
    BOOST_CHECK_THROW(t.result(), std::runtime_error);
    co_return;
  });
}

BOOST_AUTO_TEST_CASE(EA3_a_cancelled_error_in_the_first_step_cancels_the_task) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(
        []() -> awaitable<void> {
          throw cancelled_error("by hand");
          co_return;
        },
        eager());
    BOOST_TEST(t.cancelled());
    co_return;
  });
}

BOOST_AUTO_TEST_CASE(EA4_outside_a_running_loop_an_eager_task_starts_later) {
  boost::asio::io_context io(1);
  event_loop loop(io.get_executor());
  bool ran = false;
  const auto body = [&]() -> awaitable<void> {
    ran = true;
    co_return;
  };
  auto t = loop.create_task(body, eager());
  BOOST_TEST(!ran);
  io.run();
  BOOST_TEST(ran);
  BOOST_TEST(t.done());
}

BOOST_AUTO_TEST_CASE(EA4_a_running_loop_starts_an_eager_task_of_another_loop_later) {
  boost::asio::io_context io(1);
  event_loop other(io.get_executor());
  bool ran = false;
  const auto body = [&]() -> awaitable<void> {
    ran = true;
    co_return;
  };
  testing::run_virtual([&]() -> awaitable<void> {
    other.create_task(body, eager());
    co_return;
  });
  BOOST_TEST(!ran);
  io.run();
  BOOST_TEST(ran);
}

BOOST_AUTO_TEST_CASE(EA5_name_and_context_are_set_in_the_eager_step) {
  testing::run_virtual([]() -> awaitable<void> {
    context_var<int> number("number", 0);
    context mine = copy_context();
    mine.run([&] { number.set(7); });
    std::string name;
    int seen = -1;
    auto t = create_task(
        [&]() -> awaitable<void> {
          name = current_task().name();
          seen = number.get();
          number.set(8);
          co_return;
        },
        task_options().name("early bird").context(mine).eager(true));
    BOOST_TEST(name == "early bird");
    BOOST_TEST(seen == 7);
    BOOST_TEST(number.get() == 0);
    BOOST_TEST(mine.run([&] { return number.get(); }) == 8);
    co_return;
  });
}

BOOST_AUTO_TEST_CASE(EA5_an_eager_step_has_a_copy_of_the_context_of_its_creator) {
  testing::run_virtual([]() -> awaitable<void> {
    context_var<int> number("number", 0);
    number.set(1);
    context inside = copy_context();
    const auto body = [&]() -> awaitable<int> {
      const int seen = number.get();
      number.set(100);
      co_return seen;
    };
    task<int> t;
    inside.run([&] {
      number.set(2);
      t = create_task(body, eager());
      BOOST_TEST(number.get() == 2);
    });
    BOOST_TEST(t.result() == 2);
    BOOST_TEST(number.get() == 1);
    co_return;
  });
}

BOOST_AUTO_TEST_CASE(EA6_nested_eager_tasks_run_depth_first) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const auto inner = [&]() -> awaitable<void> {
      log.push_back("inner");
      co_return;
    };
    const auto outer = [&]() -> awaitable<void> {
      log.push_back("outer begins");
      const any_task self = current_task();
      create_task(inner, eager());
      log.push_back(current_task() == self ? "outer again" : "another task");
      co_return;
    };
    create_task(outer, eager());
    log.push_back("main");
    co_return;
  });
  CHECK_TRACE(log, "outer begins", "inner", "outer again", "main");
}

namespace {

awaitable<int> nest(int depth) {
  if (depth == 0) co_return 0;
  auto child = create_task(nest(depth - 1), task_options().eager(true));
  co_return 1 + co_await child.get();
}

} // namespace

BOOST_AUTO_TEST_CASE(EA6_eager_tasks_that_nest_too_deeply_wait_for_their_turn) {
  testing::run_virtual([]() -> awaitable<void> {
    auto shallow = create_task(nest(50), eager());
    BOOST_TEST(shallow.done());
    auto deep = create_task(nest(20000), eager());
    BOOST_TEST(!deep.done());
    int depth = co_await deep.get();
    BOOST_TEST(depth == 20000);
  });
}

BOOST_AUTO_TEST_CASE(EA_eager_task_factory_is_the_default_that_a_task_may_refuse) {
  testing::run_virtual([]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    loop.set_task_factory(eager_task_factory);
    auto by_factory = create_task(value_of(1));
    auto lazy = create_task(value_of(2), task_options().eager(false));
    BOOST_TEST(by_factory.done());
    BOOST_TEST(!lazy.done());
    loop.set_task_factory(nullptr);
    auto plain = create_task(value_of(3));
    BOOST_TEST(!plain.done());
    co_await lazy.get();
    co_await plain.get();
  });
}

BOOST_AUTO_TEST_CASE(EA_a_task_factory_sees_and_changes_the_options) {
  testing::run_virtual([]() -> awaitable<void> {
    get_running_loop().set_task_factory([](task_options& o) { o.name(o.name().value_or("?") + "!"); });
    auto a = create_task(value_of(1));
    auto b = create_task(value_of(1), task_options().name("b"));
    BOOST_TEST(a.name() == "?!");
    BOOST_TEST(b.name() == "b!");
    co_await a.get();
    co_await b.get();
  });
}

BOOST_AUTO_TEST_CASE(EA_a_captured_object_goes_when_an_eager_task_has_ended) {
  testing::run_virtual([]() -> awaitable<void> {
    auto owned = std::make_shared<int>(1);
    std::weak_ptr<int> watch = owned;
    auto body = [owned = std::move(owned)]() -> awaitable<int> { co_return *owned; };
    auto t = create_task(std::move(body), eager());
    BOOST_TEST(t.done());
    BOOST_TEST(watch.expired());
    co_return;
  });
}
