// CPython's test_eager_task_factory: tasks of a loop whose task factory makes them eager.
// SPDX-License-Identifier: BSL-1.0
#include "../support/trace.hpp"
#include "tasks.hpp"

#include <rondo/rondo.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using cpython::among;
using cpython::note_name;
using cpython::text_of;
using support::message_of;

namespace {

/// Runs `body(loop)` in a loop with the eager factory; the main task itself is not eager.
template <class Body>
void run_eagerly(Body body) {
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    loop.set_task_factory(eager_task_factory);
    co_await body(loop);
  });
}

awaitable<std::string> text_after_blocking() {
  co_await sleep(100ms);
  co_return "finished after blocking";
}

} // namespace

BOOST_AUTO_TEST_CASE(test_eager_task_factory_set) {
  run_eagerly([](event_loop loop) -> awaitable<void> {
    bool ran = false;
    const auto body = [&]() -> awaitable<void> {
      ran = true;
      co_return;
    };
    auto t = loop.create_task(body);
    BOOST_TEST(ran);
    co_await t.get();
  });
}

BOOST_AUTO_TEST_CASE(test_await_future_during_eager_step) {
  run_eagerly([](event_loop loop) -> awaitable<void> {
    auto fut = loop.create_future<std::string>();
    const auto set_result = [](future<std::string> f, std::string val) -> awaitable<void> {
      f.set_result(val);
      co_return;
    };
    auto t = loop.create_task(set_result(fut, "my message"));
    BOOST_TEST(t.done());
    const auto result = co_await fut.get();
    BOOST_TEST(result == "my message");
  });
}

BOOST_AUTO_TEST_CASE(test_eager_completion) {
  run_eagerly([](event_loop loop) -> awaitable<void> {
    auto t = loop.create_task(text_of("hello"));
    BOOST_TEST(t.done());
    const auto result = co_await t.get();
    BOOST_TEST(result == "hello");
  });
}

BOOST_AUTO_TEST_CASE(test_block_after_eager_step) {
  run_eagerly([](event_loop loop) -> awaitable<void> {
    auto t = loop.create_task(text_after_blocking());
    BOOST_TEST(!t.done());
    const auto result = co_await t.get();
    BOOST_TEST(t.done());
    BOOST_TEST(result == "finished after blocking");
  });
}

BOOST_AUTO_TEST_CASE(test_cancellation_after_eager_completion) {
  run_eagerly([](event_loop loop) -> awaitable<void> {
    auto t = loop.create_task(text_of("finished without blocking"));
    t.cancel();
    const auto result = co_await t.get();
    BOOST_TEST(!t.cancelled());
    BOOST_TEST(result == "finished without blocking");
  });
}

BOOST_AUTO_TEST_CASE(test_cancellation_after_eager_step_blocks) {
  run_eagerly([](event_loop loop) -> awaitable<void> {
    auto t = loop.create_task(text_after_blocking());
    t.cancel("cancellation message");
    BOOST_TEST(t.cancelling() > 0);
    const auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "cancellation message");
  });
}

BOOST_AUTO_TEST_CASE(test_current_task) {
  run_eagerly([](event_loop loop) -> awaitable<void> {
    any_task captured;
    const auto coro = [&]() -> awaitable<void> {
      captured = current_task();
      co_await sleep(100ms);
      BOOST_TEST((current_task() == captured));
    };
    auto t = loop.create_task(coro);
    BOOST_TEST((captured == t));
    co_await t.get();
  });
}

BOOST_AUTO_TEST_CASE(test_all_tasks_with_eager_completion) {
  run_eagerly([](event_loop loop) -> awaitable<void> {
    std::vector<any_task> captured;
    const auto coro = [&]() -> awaitable<void> {
      captured = all_tasks();
      co_return;
    };
    auto t = loop.create_task(coro);
    BOOST_TEST(among(t, captured));
    BOOST_TEST(!among(t, all_tasks()));
    co_return;
  });
}

BOOST_AUTO_TEST_CASE(test_all_tasks_with_blocking) {
  run_eagerly([](event_loop loop) -> awaitable<void> {
    std::vector<any_task> captured;
    auto fut1 = loop.create_future<void>();
    auto fut2 = loop.create_future<void>();
    const auto coro = [&]() -> awaitable<void> {
      captured = all_tasks();
      co_await fut1.get();
      fut2.set_result();
    };
    auto t = loop.create_task(coro);
    BOOST_TEST(among(t, captured));
    BOOST_TEST(among(t, all_tasks()));
    fut1.set_result();
    co_await fut2.get();
    BOOST_TEST(!among(t, all_tasks()));
  });
}

BOOST_AUTO_TEST_CASE(test_context_vars) {
  run_eagerly([](event_loop loop) -> awaitable<void> {
    context_var<int> cv("cv", 0);
    bool first_step_ran = false;
    bool second_step_ran = false;
    const auto coro = [&]() -> awaitable<void> {
      BOOST_TEST(cv.get() == 1);
      cv.set(2);
      BOOST_TEST(cv.get() == 2);
      first_step_ran = true;
      co_await sleep(100ms);
      BOOST_TEST(cv.get() == 2);
      cv.set(3);
      BOOST_TEST(cv.get() == 3);
      second_step_ran = true;
    };
    cv.set(1);
    auto t = loop.create_task(coro);
    BOOST_TEST(first_step_ran);
    BOOST_TEST(!second_step_ran);
    BOOST_TEST(cv.get() == 1);
    co_await t.get();
    BOOST_TEST(second_step_ran);
    BOOST_TEST(cv.get() == 1);
  });
}

BOOST_AUTO_TEST_CASE(test_eager_start_false) {
  run_eagerly([](event_loop loop) -> awaitable<void> {
    std::string name;
    auto t = loop.create_task(note_name(name), task_options().eager(false).name("example"));
    BOOST_TEST(!t.done());
    BOOST_TEST(name == "");
    co_await t.get();
    BOOST_TEST(name == "example");
  });
}

BOOST_AUTO_TEST_CASE(test_name) {
  run_eagerly([](event_loop loop) -> awaitable<void> {
    std::string name;
    auto t = loop.create_task(note_name(name), task_options().name("test name"));
    BOOST_TEST(name == "test name");
    co_await t.get();
  });
}

BOOST_AUTO_TEST_CASE(test_eager_start_true_with_default_factory) {
  testing::run_virtual([]() -> awaitable<void> {
    std::string name;
    auto t = get_running_loop().create_task(note_name(name), task_options().eager(true).name("example"));
    BOOST_TEST(t.done());
    BOOST_TEST(name == "example");
    co_await t.get();
  });
}

// --- how many tasks are not eager ------------------------------------------------------------------------------------

namespace {

awaitable<int> awaitable_chain(int depth) {
  if (depth == 0) co_return 0;
  const int below = co_await awaitable_chain(depth - 1);
  co_return 1 + below;
}

awaitable<void> recursive_taskgroups(int width, int depth) {
  if (depth == 0) co_return;
  co_await with_task_group([&](task_group& group) {
    for (int i = 0; i < width; ++i)
      group.create_task(recursive_taskgroups(width, depth - 1));
  });
}

awaitable<void> recursive_gather(int width, int depth) {
  if (depth == 0) co_return;
  std::vector<awaitable<void>> children;
  for (int i = 0; i < width; ++i)
    children.push_back(recursive_gather(width, depth - 1));
  co_await gather(std::move(children));
}

/// Runs `make()` as a task, with a factory that makes all tasks eager or none, and counts those that are not.
template <class Make>
int count_tasks(bool eager, Make make) {
  int count = 0;
  testing::run_virtual([&]() -> awaitable<void> {
    get_running_loop().set_task_factory([&](task_options& options) {
      if (eager) eager_task_factory(options);
      if (!options.eager().value_or(false)) ++count;
    });
    auto t = create_task(make());
    co_await t.get();
    get_running_loop().set_task_factory({});
  });
  return count;
}

constexpr int tree = 1 + 5 + 5 * 5 + 5 * 5 * 5 + 5 * 5 * 5 * 5;

} // namespace

BOOST_AUTO_TEST_CASE(test_awaitables_chain) {
  int observed_depth = 0;
  const auto chain = [&]() -> awaitable<void> { observed_depth = co_await awaitable_chain(100); };
  BOOST_TEST(count_tasks(false, chain) == 1);
  BOOST_TEST(observed_depth == 100);
  observed_depth = 0;
  BOOST_TEST(count_tasks(true, chain) == 0);
  BOOST_TEST(observed_depth == 100);
}

BOOST_AUTO_TEST_CASE(test_recursive_taskgroups) {
  const auto groups = [] { return recursive_taskgroups(5, 4); };
  BOOST_TEST(count_tasks(false, groups) == tree);
  BOOST_TEST(count_tasks(true, groups) == 0);
}

BOOST_AUTO_TEST_CASE(test_recursive_gather) {
  const auto gathers = [] { return recursive_gather(5, 4); };
  BOOST_TEST(count_tasks(false, gathers) == tree);
  BOOST_TEST(count_tasks(true, gathers) == 0);
}
