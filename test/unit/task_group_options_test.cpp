// task_group_options and task_group::join: on_error, max_concurrency, waiting in the middle of a block.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/ticker.hpp"
#include "../support/trace.hpp"

#include <rondo/context.hpp>
#include <rondo/task_group.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using namespace support;

// --- on_error ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(on_error_gets_the_failed_task_and_its_siblings_live) {
  trace log;
  log_capture reports;
  testing::run_virtual([&]() -> awaitable<void> {
    const auto note = [&](const any_task& t) { log.push_back(t.name() + ": " + shape(t.exception())); };
    co_await with_task_group(task_group_options().on_error(note), [&](task_group& g) -> awaitable<void> {
      g.create_task(raise("boom"), task_options().name("a"));
      auto cancelled = g.create_task(for_ever(), task_options().name("cancelled, so not failed"));
      g.create_task(raise_after(3, "bang"), task_options().name("b"));
      g.create_task([&]() -> awaitable<void> {
        co_await sleep(1s);
        log.push_back("sibling");
      });
      co_await testing::passes(2);
      cancelled.cancel();
    });
    BOOST_TEST(current_task().cancelling() == 0);
  });
  CHECK_TRACE(log, "a: boom", "b: bang", "sibling");
  BOOST_TEST(reports.text() == "");
}

BOOST_AUTO_TEST_CASE(on_error_may_take_nothing_and_may_replace_the_task) {
  testing::run_virtual([]() -> awaitable<void> {
    int attempts = 0;
    task_group* group = nullptr;
    const auto flaky = [&]() -> awaitable<void> {
      if (++attempts < 3) throw std::runtime_error("again");
      co_return;
    };
    const auto retry = [&] {
      BOOST_TEST(group->size() == 1u); // the failed one still counts
      group->create_task(flaky);
    };
    co_await with_task_group(task_group_options().on_error(retry), [&](task_group& g) {
      group = &g;
      g.create_task(flaky);
    });
    BOOST_TEST(attempts == 3);
  });
}

BOOST_AUTO_TEST_CASE(on_error_that_throws_is_an_error_of_the_group) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto pass_on = [](const any_task& t) { std::rethrow_exception(t.exception()); };
    auto s = co_await settle(with_task_group(task_group_options().on_error(pass_on), [&](task_group& g) {
      g.create_task(for_ever());
      g.create_task(raise("boom"));
    }));
    BOOST_TEST(shape(s.error()) == "Group[boom]");
  });
}

BOOST_AUTO_TEST_CASE(on_error_does_not_see_exceptions_of_the_body_or_a_keyboard_interrupt) {
  trace log;
  const auto note = [&](const any_task& t) { log.push_back(shape(t.exception())); };
  const auto run = [&] {
    testing::run_virtual([&]() -> awaitable<void> {
      auto end = co_await end_of(with_task_group(task_group_options().on_error(note), [&](task_group& g) {
        g.create_task(for_ever());
        throw std::runtime_error("body");
      }));
      log.push_back(end);
      end = co_await end_of(with_task_group(task_group_options().on_error(note), [&](task_group& g) {
        g.create_task([]() -> awaitable<void> {
          throw keyboard_interrupt();
          co_return;
        });
      }));
      log.push_back(end);
    });
  };
  BOOST_CHECK_THROW(run(), keyboard_interrupt);
  CHECK_TRACE(log, "Group[body]", "KeyboardInterrupt");
}

BOOST_AUTO_TEST_CASE(on_error_is_called_in_the_pass_after_the_end_in_the_context_of_the_group) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    context_var<int> v("v", 0);
    v.set(1);
    int failed = 0, called = 0, seen = 0;
    const auto note = [&] {
      called = tick.now();
      seen = v.get();
    };
    co_await with_task_group(task_group_options().on_error(note), [&](task_group& g) {
      v.set(2);
      g.create_task([&]() -> awaitable<void> {
        v.set(3);
        co_await testing::passes(1);
        failed = tick.now();
        throw std::runtime_error("boom");
      });
    });
    BOOST_TEST(called - failed == 1);
    BOOST_TEST(seen == 1);
  });
}

BOOST_AUTO_TEST_CASE(on_error_keeps_its_function_object_which_need_not_be_copyable) {
  struct counter {
    explicit counter(int& n) : called(&n) {}
    counter(counter&&) = default;
    void operator()() const { ++*called; }
    int* called;
  };
  int called = 0;
  const auto token = std::make_shared<int>(1);
  {
    task_group_options options;
    options.on_error(counter(called));
    testing::run_virtual([&]() -> awaitable<void> {
      co_await with_task_group(options, [](task_group& g) { g.create_task(raise("x")); });
    });
    const auto owner = [token] {};
    options.on_error(owner);
  }
  BOOST_TEST(called == 1);
  BOOST_TEST(token.use_count() == 1);
}

// --- max_concurrency ---------------------------------------------------------------------------------------------

namespace {

struct crowd {
  int now = 0;
  int most = 0;
  trace log;

  awaitable<void> visit(std::string name, int turns) {
    log.push_back(name);
    most = std::max(most, ++now);
    const auto leave = [](int* n) { --*n; };
    const std::unique_ptr<int, decltype(leave)> leaving(&now, leave);
    co_await testing::passes(turns);
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(max_concurrency_limits_the_running_tasks_first_come_first_served) {
  testing::run_virtual([]() -> awaitable<void> {
    crowd c;
    co_await with_task_group(task_group_options().max_concurrency(2), [&](task_group& g) {
      for (const char* name : {"a", "b", "c", "d", "e"})
        g.create_task(c.visit(name, 3));
      BOOST_TEST(g.size() == 5u); // create_task does not block
    });
    BOOST_TEST(c.most == 2);
    CHECK_TRACE(c.log, "a", "b", "c", "d", "e");
  });
}

BOOST_AUTO_TEST_CASE(max_concurrency_places_are_free_in_the_pass_after_an_end) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    int ended = 0, began = 0;
    co_await with_task_group(task_group_options().max_concurrency(1), [&](task_group& g) {
      g.create_task([&]() -> awaitable<void> {
        co_await testing::passes(3);
        ended = tick.now();
      });
      g.create_task([&]() -> awaitable<void> {
        began = tick.now();
        co_return;
      });
    });
    BOOST_TEST(began - ended == 2); // the place is given in the next pass, the task runs in the one after it
  });
}

BOOST_AUTO_TEST_CASE(max_concurrency_a_task_that_is_cancelled_while_it_waits_never_runs_and_takes_no_place) {
  testing::run_virtual([]() -> awaitable<void> {
    crowd c;
    co_await with_task_group(task_group_options().max_concurrency(1), [&](task_group& g) -> awaitable<void> {
      g.create_task(c.visit("a", 5));
      auto queued = g.create_task(c.visit("never", 1));
      auto unstarted = g.create_task(c.visit("never", 1));
      g.create_task(c.visit("b", 1));
      unstarted.cancel();
      co_await testing::passes(2);
      queued.cancel();
      co_await g.join();
      g.create_task(c.visit("c", 1));
    });
    CHECK_TRACE(c.log, "a", "b", "c");
    BOOST_TEST(c.most == 1);
  });
}

BOOST_AUTO_TEST_CASE(max_concurrency_a_cancel_between_the_place_and_the_first_step_gives_the_place_on) {
  testing::run_virtual([]() -> awaitable<void> {
    for (int turns = 0; turns < 8; ++turns) {
      crowd c;
      co_await with_task_group(task_group_options().max_concurrency(1), [&](task_group& g) -> awaitable<void> {
        g.create_task(c.visit("a", 2));
        auto b = g.create_task(c.visit("b", 1));
        g.create_task(c.visit("c", 1));
        co_await testing::passes(turns);
        b.cancel();
      });
      BOOST_TEST(c.most == 1);
      BOOST_TEST(c.log.front() == "a");
      BOOST_TEST(c.log.back() == "c");
    }
  });
}

BOOST_AUTO_TEST_CASE(max_concurrency_a_group_that_fails_or_is_cancelled_starts_nothing_more) {
  testing::run_virtual([]() -> awaitable<void> {
    crowd c;
    auto token = std::make_shared<int>(1);
    auto s = co_await settle(with_task_group(task_group_options().max_concurrency(1), [&](task_group& g) {
      g.create_task(raise_after(3, "boom"));
      g.create_task(c.visit("never", 1));
      g.create_task(hold(token));
    }));
    BOOST_TEST(shape(s.error()) == "Group[boom]");
    co_await with_task_group(task_group_options().max_concurrency(1), [&](task_group& g) -> awaitable<void> {
      g.create_task(for_ever());
      g.create_task(c.visit("never", 1));
      co_await testing::passes(3);
      g.cancel();
    });
    BOOST_TEST(c.log.empty());
    BOOST_TEST(token.use_count() == 1);
  });
}

BOOST_AUTO_TEST_CASE(max_concurrency_gives_values_and_counts_eager_tasks) {
  testing::run_virtual([]() -> awaitable<void> {
    crowd c;
    co_await with_task_group(task_group_options().max_concurrency(2), [&](task_group& g) -> awaitable<void> {
      std::vector<task<int>> tasks;
      for (int i = 0; i < 5; ++i)
        tasks.push_back(g.create_task(value_after_passes(2, i)));
      int sum = 0;
      for (auto& t : tasks)
        sum += co_await t.get();
      BOOST_TEST(sum == 10);
      for (int i = 0; i < 4; ++i)
        g.create_task(c.visit("eager", 2), task_options().eager(true));
      BOOST_TEST(c.now == 2);
    });
    BOOST_TEST(c.most == 2);
    BOOST_TEST(c.log.size() == 4u);
  });
}

BOOST_AUTO_TEST_CASE(max_concurrency_below_1_is_refused) {
  for (const int n : {0, -1}) {
    const auto text = thrown<std::invalid_argument>([&] { task_group_options().max_concurrency(n); });
    BOOST_TEST(contains(text, "max_concurrency must be at least 1, not " + std::to_string(n)));
    BOOST_TEST(contains(text, "leave it out for no limit"));
  }
}

// --- join --------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(join_in_a_group_waits_for_its_tasks_and_more_may_follow) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    co_await with_task_group([&](task_group& g) -> awaitable<void> {
      int start = tick.now();
      co_await g.join();
      BOOST_TEST(tick.now() == start);
      int done = 0;
      for (int n : {1, 3})
        g.create_task([&, n]() -> awaitable<void> {
          co_await testing::passes(n);
          done = tick.now();
        });
      co_await g.join();
      BOOST_TEST(tick.now() - done == 2);
      BOOST_TEST(g.size() == 0u);
      auto t = g.create_task(value_of(5));
      co_await g.join();
      BOOST_TEST(t.result() == 5);
    });
  });
}

BOOST_AUTO_TEST_CASE(join_in_a_group_that_is_cancelled_leaves_the_tasks_alone) {
  testing::run_virtual([]() -> awaitable<void> {
    bool ended = false;
    co_await with_task_group([&](task_group& g) -> awaitable<void> {
      g.create_task([&]() -> awaitable<void> {
        co_await sleep(2s);
        ended = true;
      });
      auto user = create_task([&]() -> awaitable<void> { co_await g.join(); });
      co_await sleep(1s);
      user.cancel("why");
      auto s = co_await settle(user);
      BOOST_TEST(message_of(s) == "why");
      BOOST_TEST(!ended);
    });
    BOOST_TEST(ended);
  });
}

BOOST_AUTO_TEST_CASE(join_in_a_group_is_interrupted_when_the_group_fails) {
  testing::run_virtual([]() -> awaitable<void> {
    bool after = false;
    auto s = co_await settle(with_task_group([&](task_group& g) -> awaitable<void> {
      g.create_task(for_ever());
      g.create_task(raise("boom"));
      co_await g.join();
      after = true;
    }));
    BOOST_TEST(shape(s.error()) == "Group[boom]");
    BOOST_TEST(!after);
  });
}

BOOST_AUTO_TEST_CASE(join_by_a_task_of_the_group_itself_is_an_error) {
  testing::run_virtual([]() -> awaitable<void> {
    auto s = co_await settle(
        with_task_group([&](task_group& g) { g.create_task([&]() -> awaitable<void> { co_await g.join(); }); }));
    const auto* group = s.error_as<exception_group>();
    BOOST_REQUIRE(group);
    BOOST_TEST(contains(text_in<std::runtime_error>(group->exceptions().front()), "it would wait for itself"));
  });
}
