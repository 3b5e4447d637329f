// with_task_group: values, the hop table, rules TG1 and TG2, many tasks, the end of the loop.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/ticker.hpp"
#include "../support/trace.hpp"

#include <rondo/sleep.hpp>
#include <rondo/task_group.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::for_ever;
using support::hold;
using support::raise;
using support::shape;
using support::text_in;
using support::thrown;
using support::ticker;
using support::trace;
using support::value_of;
using support::with_ticker;

// --- values ------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(the_value_of_the_body_is_the_value_of_the_block) {
  testing::run_virtual([]() -> awaitable<void> {
    int sum = co_await with_task_group([](task_group& g) -> awaitable<int> {
      auto a = g.create_task(value_of(1));
      auto b = g.create_task(value_of(2));
      int x = co_await a.get();
      int y = co_await b.get();
      co_return x + y;
    });
    BOOST_TEST(sum == 3);
    auto moved =
        co_await with_task_group([]() -> awaitable<std::unique_ptr<int>> { co_return std::make_unique<int>(4); });
    BOOST_TEST(*moved == 4);
  });
}

BOOST_AUTO_TEST_CASE(a_body_may_be_a_plain_function_and_may_leave_out_the_group) {
  testing::run_virtual([]() -> awaitable<void> {
    task<int> t;
    int five = co_await with_task_group([&](task_group& g) {
      t = g.create_task(value_of(4));
      return 5;
    });
    BOOST_TEST(five == 5);
    BOOST_TEST(t.result() == 4);
    co_await with_task_group([] {});
    auto empty = co_await with_task_group([]() -> std::optional<int> { return std::nullopt; });
    BOOST_TEST(!empty);
  });
}

BOOST_AUTO_TEST_CASE(the_block_waits_for_all_its_tasks) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const auto work = [&](int n) -> awaitable<void> { // its coroutines refer to it, and outlive the body
      co_await sleep(std::chrono::seconds(n));
      log.push_back("task " + std::to_string(n));
    };
    co_await with_task_group([&](task_group& g) -> awaitable<void> {
      g.create_task(work(3));
      g.create_task(work(1), task_options().name("one"));
      BOOST_TEST(g.size() == 2u);
      log.push_back("body");
      co_return;
    });
    log.push_back("after");
    BOOST_TEST(clock::now().time_since_epoch() == 3s);
  });
  CHECK_TRACE(log, "body", "task 1", "task 3", "after");
}

// --- hops --------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(hops_an_empty_group_takes_none) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    const int start = tick.now();
    co_await with_task_group([](task_group&) -> awaitable<void> { co_return; });
    BOOST_TEST(tick.now() - start == 0);
  });
}

BOOST_AUTO_TEST_CASE(hops_a_task_that_ends_at_t_ends_the_block_at_t_plus_2) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    int done = 0;
    co_await with_task_group([&](task_group& g) -> awaitable<void> {
      g.create_task([&]() -> awaitable<void> {
        co_await testing::passes(3);
        done = tick.now();
      });
      co_return;
    });
    BOOST_TEST(tick.now() - done == 2);
  });
}

BOOST_AUTO_TEST_CASE(hops_a_task_that_fails_at_t_interrupts_the_body_at_t_plus_2) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    int failed = 0, body = 0;
    auto s = co_await settle(with_task_group([&](task_group& g) -> awaitable<void> {
      g.create_task([&]() -> awaitable<void> {
        co_await testing::passes(3);
        failed = tick.now();
        throw std::runtime_error("boom");
      });
      try {
        co_await for_ever();
      } catch (const cancelled_error&) {
        body = tick.now();
        throw;
      }
    }));
    BOOST_TEST(shape(s.error()) == "Group[boom]");
    BOOST_TEST(body - failed == 2);
    BOOST_TEST(tick.now() - failed == 2);
  });
}

BOOST_AUTO_TEST_CASE(hops_with_a_sibling_the_block_ends_at_t_plus_4) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    int failed = 0, sibling = 0;
    auto s = co_await settle(with_task_group([&](task_group& g) -> awaitable<void> {
      g.create_task([&]() -> awaitable<void> {
        try {
          co_await for_ever();
        } catch (const cancelled_error&) {
          sibling = tick.now();
          throw;
        }
      });
      g.create_task([&]() -> awaitable<void> {
        co_await testing::passes(3);
        failed = tick.now();
        throw std::runtime_error("boom");
      });
      co_return;
    }));
    BOOST_TEST(shape(s.error()) == "Group[boom]");
    BOOST_TEST(sibling - failed == 2);
    BOOST_TEST(tick.now() - failed == 4);
  });
}

BOOST_AUTO_TEST_CASE(hops_an_eager_task_that_ends_in_create_task_takes_two_passes) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    const int start = tick.now();
    co_await with_task_group([](task_group& g) {
      const auto t = g.create_task(value_of(1), task_options().eager(true));
      BOOST_TEST(t.done());
      BOOST_TEST(g.size() == 1u);
    });
    BOOST_TEST(tick.now() - start == 2);
  });
}

// --- TG1 ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(TG1_trap_40_a_group_needs_a_task) {
  std::exception_ptr error;
  bool entered = false;
  testing::run_virtual([&]() -> awaitable<void> {
    get_running_loop().call_soon([&] {
      boost::asio::co_spawn(
          get_running_loop().get_executor(),
          [&]() -> awaitable<void> { co_await with_task_group([&](task_group&) { entered = true; }); },
          [&](std::exception_ptr e) { error = e; });
    });
    co_await sleep(1s);
  });
  BOOST_TEST(!entered);
  const auto text = text_in<std::runtime_error>(error);
  BOOST_TEST(contains(text, "cannot determine the parent task"));
  BOOST_TEST(contains(text, "inside a task"));
}

BOOST_AUTO_TEST_CASE(TG1_trap_33_a_finished_group_refuses_and_destroys_what_it_is_given) {
  testing::run_virtual([]() -> awaitable<void> {
    auto token = std::make_shared<int>(1);
    const std::weak_ptr<int> seen = token;
    std::string text;
    co_await with_task_group([&](task_group& g) {
      auto t = g.create_task(value_of(1));
      // Called after the group has seen the end of its only task, before the block goes on.
      t.add_done_callback([&] {
        auto c = hold(std::move(token));
        text = thrown<std::runtime_error>([&] { g.create_task(std::move(c)); });
        BOOST_TEST(seen.expired());
      });
    });
    BOOST_TEST(text.starts_with("TaskGroup <TaskGroup entered> is finished"));
  });
}

BOOST_AUTO_TEST_CASE(TG1_trap_32_a_group_that_shuts_down_refuses_and_destroys_what_it_is_given) {
  testing::run_virtual([]() -> awaitable<void> {
    auto token = std::make_shared<int>(1);
    const std::weak_ptr<int> seen = token;
    std::string coroutine, callable;
    auto s = co_await settle(with_task_group([&](task_group& g) -> awaitable<void> {
      g.create_task([&]() -> awaitable<void> {
        try {
          co_await for_ever();
        } catch (const cancelled_error&) {
          auto c = hold(token);
          coroutine = thrown<std::runtime_error>([&] { g.create_task(std::move(c)); });
          const auto f = [t = std::move(token)]() -> awaitable<void> { co_return; };
          auto g2 = f;
          callable = thrown<std::runtime_error>([&] { g.create_task(std::move(g2)); });
          BOOST_TEST(seen.use_count() == 1);
        }
      });
      g.create_task(raise("boom"));
      co_return;
    }));
    BOOST_TEST(seen.expired());
    BOOST_TEST(shape(s.error()) == "Group[boom]");
    BOOST_TEST(coroutine.starts_with("TaskGroup <TaskGroup tasks=1 errors=1 cancelling> is shutting down"));
    BOOST_TEST(contains(coroutine, "rondo::create_task"));
    BOOST_TEST(callable == coroutine);
  });
}

// --- TG2 ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(TG2_a_task_may_create_others_while_the_block_waits_for_it) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    co_await with_task_group([&](task_group& g) {
      g.create_task([&]() -> awaitable<void> {
        co_await sleep(1s);
        log.push_back("first");
        g.create_task([&]() -> awaitable<void> {
          co_await sleep(1s);
          log.push_back("second");
        });
      });
    });
    log.push_back("after");
  });
  CHECK_TRACE(log, "first", "second", "after");
}

// --- many tasks, and the end of the loop -------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_group_with_many_tasks_ends_and_so_does_one_in_which_all_fail) {
  testing::run_virtual([]() -> awaitable<void> {
    constexpr int n = 20000;
    int sum = 0;
    co_await with_task_group([&](task_group& g) {
      for (int i = 0; i < n; ++i)
        g.create_task([&]() -> awaitable<void> {
          co_await sleep(0s);
          ++sum;
        });
    });
    BOOST_TEST(sum == n);
    auto s = co_await settle(with_task_group([&](task_group& g) {
      for (int i = 0; i < 1000; ++i)
        g.create_task(raise("x"));
    }));
    const auto* group = s.error_as<exception_group>();
    BOOST_REQUIRE(group);
    BOOST_TEST(group->size() == 1000u);
  });
}

BOOST_AUTO_TEST_CASE(groups_nest_deeply) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto nest = [](auto& self, int depth) -> awaitable<int> {
      if (depth == 0) co_return 0;
      int below = co_await with_task_group([&](task_group& g) -> awaitable<int> {
        auto t = g.create_task([&]() -> awaitable<int> { co_return co_await self(self, depth - 1); });
        co_return co_await t.get();
      });
      co_return below + 1;
    };
    int depth = co_await nest(nest, 200);
    BOOST_TEST(depth == 200);
  });
}

BOOST_AUTO_TEST_CASE(the_end_of_the_loop_destroys_a_group_whose_tasks_refuse_to_end) {
  support::log_capture log;
  const auto token = std::make_shared<int>(1);
  bool after = false;
  testing::run_virtual(
      [&]() -> awaitable<void> {
        create_task([&, token]() -> awaitable<void> {
          co_await with_task_group([&, &t = token](task_group& g) -> awaitable<void> {
            g.create_task([t]() -> awaitable<void> {
              for (;;) {
                try {
                  co_await sleep(std::nullopt);
                } catch (const cancelled_error&) {
                }
              }
            });
            g.create_task(hold(t));
            co_await g.join();
          });
          after = true;
        });
        co_await testing::passes(3);
      },
      run_options().shutdown_timeout(1s));
  BOOST_TEST(!after);
  BOOST_TEST(token.use_count() == 1);
  BOOST_TEST(contains(log.text(), "did not end within the shutdown timeout"));
}
