// Names of tasks (C12), current_task and all_tasks (C14).
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/children.hpp"
#include "../support/trace.hpp"

#include <rondo/diagnostics.hpp>
#include <rondo/loop_thread.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <future>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::refuses;
using support::trace;
using support::value_of;

// --- C12 ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(C12_names_count_up_and_a_dump_shows_the_cancel_requests) {
  testing::run_virtual([]() -> awaitable<void> {
    auto a = create_task(refuses(5));
    auto b = create_task(refuses(5));
    const std::string x = a.name();
    const std::string y = b.name();
    BOOST_REQUIRE(x.starts_with("Task-"));
    BOOST_REQUIRE(y.starts_with("Task-"));
    BOOST_TEST(std::stoi(y.substr(5)) == std::stoi(x.substr(5)) + 1);
    b.set_name("renamed");
    BOOST_TEST(b.name() == "renamed");
    co_await testing::passes(1);
    b.cancel();
    std::ostringstream out;
    dump_tasks(out);
    const std::string text = out.str();
    const auto line = text.find("'renamed'");
    BOOST_REQUIRE(line != std::string::npos);
    BOOST_TEST(text.substr(line, text.find('\n', line) - line).find("cancelled 1 time(s)") != std::string::npos);
    a.cancel();
    co_await a.get();
    co_await b.get();
  });
}

// --- C14 ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(C14_current_task_is_set_only_during_a_step) {
  BOOST_TEST(!current_task());
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const any_task main = current_task();
    BOOST_TEST(main.name() == "main");
    task<void> t;
    t = create_task([&]() -> awaitable<void> {
      log.push_back(current_task() == t ? "step" : "not itself");
      co_await sleep(0s);
      log.push_back(current_task() == t ? "step" : "not itself");
    });
    get_running_loop().call_soon([&] { log.push_back(current_task() ? "a task" : "none"); });
    t.add_done_callback([&] { log.push_back(current_task() ? "a task" : "none"); });
    co_await t.get();
    BOOST_CHECK(current_task() == main);
  });
  BOOST_TEST(!current_task());
  CHECK_TRACE(log, "step", "none", "step", "none");
}

BOOST_AUTO_TEST_CASE(C14_a_plain_coroutine_runs_in_the_task_that_awaits_it) {
  testing::run_virtual([]() -> awaitable<void> {
    const any_task main = current_task();
    const auto inner = [&]() -> awaitable<bool> {
      co_await sleep(0s);
      co_return current_task() == main;
    };
    bool same = co_await inner();
    BOOST_TEST(same);
  });
}

BOOST_AUTO_TEST_CASE(C14_a_second_loop_inside_a_step_is_refused) {
  testing::run_virtual([]() -> awaitable<void> {
    BOOST_CHECK_THROW(rondo::run(value_of(1)), std::runtime_error);
    BOOST_CHECK_THROW(testing::run_virtual(value_of(1)), std::runtime_error);
    co_return;
  });
}

BOOST_AUTO_TEST_CASE(C14_all_tasks_are_the_live_ones_in_the_order_of_creation) {
  testing::run_virtual([]() -> awaitable<void> {
    const any_task main = current_task();
    auto a = create_task(sleep(1s));
    auto b = create_task(sleep(0s));
    auto c = create_task(sleep(1s), task_options().eager(true));
    const auto before = all_tasks();
    const std::vector<any_task> all{main, a, b, c};
    BOOST_CHECK(before == all);
    co_await testing::passes(2); // b has ended
    a.cancel();                  // a has not
    const auto after = all_tasks(get_running_loop());
    const std::vector<any_task> left{main, a, c};
    BOOST_CHECK(after == left);
    co_await settle(a);
    co_await c.get();
    const auto end = all_tasks();
    const std::vector<any_task> last{main};
    BOOST_CHECK(end == last);
  });
  BOOST_CHECK_THROW(all_tasks(), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(C14_all_tasks_of_a_loop_on_another_thread) {
  loop_thread other;
  std::promise<void> started;
  auto f = other.submit([&]() -> awaitable<void> {
    current_task().set_name("busy elsewhere");
    started.set_value();
    co_await sleep(std::nullopt);
  });
  started.get_future().get();
  const auto tasks = all_tasks(other.loop());
  BOOST_REQUIRE(tasks.size() == 1u);
  BOOST_TEST(tasks[0].name() == "busy elsewhere");
  tasks[0].cancel_threadsafe("from outside");
  BOOST_CHECK_THROW(f.result(), future_cancelled);
}
