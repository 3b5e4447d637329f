// CPython's test_tasks: contexts, eager starts, debug mode by the environment.
// SPDX-License-Identifier: BSL-1.0
#include "../support/futures.hpp"
#include "tasks.hpp"

#include <rondo/rondo.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdlib>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using cpython::note_name;
using support::new_future;

namespace {

using values = std::vector<std::optional<int>>;

/// The variable's value in a context, if it has one there.
std::optional<int> value_in(const context& where, const context_var<int>& variable) {
  context c = where;
  try {
    return c.run([&] { return variable.get(); });
  } catch (const std::out_of_range&) {
    return std::nullopt;
  }
}

/// Two tasks, made by `make(coroutine, options)`, set a variable in a context that is given to both.
template <class Make>
awaitable<values> set_in_a_shared_context(Make make) {
  context_var<int> cvar("cvar");
  const auto coro = [&](int value) -> awaitable<void> {
    co_await sleep(0s);
    cvar.set(value);
  };
  values ret;
  const context ctx = copy_context();
  ctx.share();
  ret.push_back(value_in(ctx, cvar));
  auto t1 = make(coro(1), task_options().context(ctx));
  co_await t1.get();
  ret.push_back(value_in(ctx, cvar));
  auto t2 = make(coro(2), task_options().context(ctx));
  co_await t2.get();
  ret.push_back(value_in(ctx, cvar));
  co_return ret;
}

} // namespace

BOOST_AUTO_TEST_CASE(test_context_1) {
  // A task gets a copy of its creator's context, and keeps what it sets there to itself.
  testing::run_virtual([]() -> awaitable<void> {
    context_var<std::string> cvar("cvar", "nope");
    const auto sub = [&]() -> awaitable<void> {
      co_await sleep(10ms);
      BOOST_TEST(cvar.get() == "nope");
      cvar.set("something else");
    };
    BOOST_TEST(cvar.get() == "nope");
    auto subtask = create_task(sub);
    cvar.set("yes");
    BOOST_TEST(cvar.get() == "yes");
    co_await subtask.get();
    BOOST_TEST(cvar.get() == "yes");
  });
}

BOOST_AUTO_TEST_CASE(test_context_2) {
  // A done callback runs in a copy, too.
  context_var<std::string> cvar("cvar", "nope");
  testing::run_virtual([&]() -> awaitable<void> {
    BOOST_TEST(cvar.get() == "nope");
    for (int j = 0; j < 2; ++j) {
      const std::string outer = "yes" + std::to_string(j);
      auto fut = new_future();
      fut.add_done_callback([&] { cvar.set("something else"); });
      cvar.set(outer);
      get_running_loop().call_soon([&] { fut.set_result(0); });
      co_await fut.get();
      BOOST_TEST(cvar.get() == outer);

      for (int i = 0; i < 3; ++i) {
        const std::string inner = "yes" + std::to_string(i) + "-" + std::to_string(j);
        cvar.set(inner);
        co_await sleep(1ms);
        BOOST_TEST(cvar.get() == inner);
      }
    }
  });
  BOOST_TEST(cvar.get() == "nope");
}

BOOST_AUTO_TEST_CASE(test_context_3) {
  // A hundred tasks at once, each of which changes the variable.
  context_var<int> cvar("cvar", -1);
  testing::run_virtual([&]() -> awaitable<void> {
    std::mt19937 random(3);
    std::uniform_int_distribution<int> number(0, 10);
    std::uniform_int_distribution<int> micros(1000, 50000);
    const auto sub = [&](int num) -> awaitable<void> {
      for (int i = 0; i < 10; ++i) {
        cvar.set(num + i);
        co_await sleep(std::chrono::microseconds(micros(random)));
        BOOST_TEST(cvar.get() == num + i);
      }
    };
    std::vector<task<void>> tasks;
    for (int i = 0; i < 100; ++i) {
      auto t = create_task(sub(number(random)));
      tasks.push_back(t);
    }
    co_await gather(tasks);
  });
  BOOST_TEST(cvar.get() == -1);
}

BOOST_AUTO_TEST_CASE(test_context_4) {
  // A context that is given is shared, not copied: here by an option that changes afterwards.
  testing::run_virtual([]() -> awaitable<void> {
    const auto make = [](awaitable<void> coro, task_options options) {
      options.name("TestTask");
      return get_running_loop().create_task(std::move(coro), std::move(options));
    };
    const values ret = co_await set_in_a_shared_context(make);
    BOOST_TEST((ret == values{std::nullopt, 1, 2}));
  });
}

BOOST_AUTO_TEST_CASE(test_context_5) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto make = [](awaitable<void> coro, task_options options) {
      return create_task(std::move(coro), std::move(options));
    };
    const values ret = co_await set_in_a_shared_context(make);
    BOOST_TEST((ret == values{std::nullopt, 1, 2}));
  });
}

BOOST_AUTO_TEST_CASE(test_context_6) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto make = [](awaitable<void> coro, task_options options) {
      return get_running_loop().create_task(std::move(coro), std::move(options));
    };
    const values ret = co_await set_in_a_shared_context(make);
    BOOST_TEST((ret == values{std::nullopt, 1, 2}));
  });
}

BOOST_AUTO_TEST_CASE(test_get_context) {
  testing::virtual_runner r;
  const context mine = copy_context();
  mine.share(); // otherwise all empty contexts are the same
  auto t = r.loop().create_task(cpython::noop(), task_options().context(mine));
  r.loop().run_until_complete(t);
  BOOST_TEST((t.context() == mine));
  BOOST_TEST((t.context() != mine.copy()));
}

// --- eager starts ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(test_eager_start_true) {
  testing::run_virtual([]() -> awaitable<void> {
    std::string name;
    auto t = get_running_loop().create_task(note_name(name), task_options().eager(true).name("example"));
    BOOST_TEST(t.done());
    BOOST_TEST(name == "example");
    co_await t.get();
  });
}

BOOST_AUTO_TEST_CASE(test_eager_start_true_no_loop) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(support::await_future(support::future_with(42)), task_options().eager(true));
    BOOST_TEST(t.done());
    const int value = co_await t.get();
    BOOST_TEST(value == 42);
  });
}

BOOST_AUTO_TEST_CASE(test_eager_start_false) {
  testing::run_virtual([]() -> awaitable<void> {
    std::string name;
    auto t = get_running_loop().create_task(note_name(name), task_options().eager(false).name("example"));
    BOOST_TEST(!t.done());
    BOOST_TEST(name == "");
    co_await t.get();
    BOOST_TEST(name == "example");
  });
}

// --- debug mode ------------------------------------------------------------------------------------------------------

namespace {

/// Sets or removes an environment variable for the time of a test.
class environment {
public:
  explicit environment(const char* name) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
  }
  environment(const environment&) = delete;
  environment& operator=(const environment&) = delete;
  ~environment() { set(old_ ? old_->c_str() : nullptr); }

  void set(const char* value) const {
    if (value)
      ::setenv(name_, value, 1);
    else
      ::unsetenv(name_);
  }

private:
  const char* name_;
  std::optional<std::string> old_;
};

bool debug_mode(run_options options = {}) { return testing::virtual_runner(options).loop().get_debug(); }

} // namespace

BOOST_AUTO_TEST_CASE(test_env_var_debug) {
  const environment variable("RONDO_DEBUG");
  variable.set(nullptr);
  BOOST_TEST(!debug_mode());
  variable.set("");
  BOOST_TEST(!debug_mode());
  variable.set("1");
  BOOST_TEST(debug_mode());
  // The options go before the environment, as Python's -E and -X dev do.
  BOOST_TEST(!debug_mode(run_options().debug(false)));
  variable.set(nullptr);
  BOOST_TEST(debug_mode(run_options().debug(true)));
}
