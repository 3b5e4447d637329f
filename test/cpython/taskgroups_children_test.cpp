// Ports of CPython's test_taskgroups.py, BaseTestTaskGroup: results and failures of the tasks, new tasks, names, contexts.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "taskgroups.hpp"

#include <rondo/context.hpp>
#include <rondo/task_group.hpp>
#include <rondo/with.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>

using namespace rondo;
using namespace std::chrono_literals;
using namespace cpython;
using support::contains;
using support::now_is;
using support::thrown;
using support::value_after;

BOOST_AUTO_TEST_CASE(test_taskgroup_01) {
  in_both_modes([]() -> awaitable<void> {
    task<int> t1, t2;
    co_await with_task_group([&](task_group& g) {
      t1 = g.create_task(value_after(100ms, 42));
      t2 = g.create_task(value_after(200ms, 11));
    });
    BOOST_TEST(t1.result() == 42);
    BOOST_TEST(t2.result() == 11);
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_02) {
  in_both_modes([]() -> awaitable<void> {
    task<int> t1, t2;
    co_await with_task_group([&](task_group& g) -> awaitable<void> {
      t1 = g.create_task(value_after(100ms, 42));
      co_await sleep(150ms);
      t2 = g.create_task(value_after(200ms, 11));
    });
    BOOST_TEST(t1.result() == 42);
    BOOST_TEST(t2.result() == 11);
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_03) {
  in_both_modes([]() -> awaitable<void> {
    task<int> t1, t2;
    co_await with_task_group([&](task_group& g) -> awaitable<void> {
      t1 = g.create_task(value_after(1s, 42));
      co_await sleep(150ms);
      // Somebody cancels a task by hand: the others go on.
      t1.cancel();
      t2 = g.create_task(value_after(200ms, 11));
    });
    BOOST_TEST(t1.cancelled());
    BOOST_TEST(t2.result() == 11);
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_04) {
  in_both_modes([]() -> awaitable<void> {
    int num = 0;
    bool t2_cancel = false;
    task<void> t2;
    const auto foo2 = [&]() -> awaitable<void> {
      try {
        co_await sleep(1s);
      } catch (const cancelled_error&) {
        t2_cancel = true;
        throw;
      }
      ++num;
    };
    const auto runner = [&]() -> awaitable<void> {
      co_await with_task_group([&](task_group& g) {
        g.create_task(raise_after<zero_division_error>(100ms));
        t2 = g.create_task(foo2);
      });
      num += 10;
    };
    auto r = create_task(runner);
    auto outcome = co_await settle(r);
    BOOST_TEST(error_types(outcome) == "{ZeroDivisionError}");
    BOOST_TEST(num == 0);
    BOOST_TEST(t2_cancel);
    BOOST_TEST(t2.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(test_cancel_children_on_child_error) {
  in_both_modes([]() -> awaitable<void> {
    int num = 0;
    bool t2_cancel = false;
    bool runner_cancel = false;
    const auto foo2 = [&]() -> awaitable<void> {
      try {
        co_await sleep(5s);
      } catch (const cancelled_error&) {
        t2_cancel = true;
        throw;
      }
      ++num;
    };
    const auto runner = [&]() -> awaitable<void> {
      co_await with_task_group([&](task_group& g) -> awaitable<void> {
        for (int i = 0; i < 3; ++i)
          g.create_task(raise_after<zero_division_error>(100ms));
        g.create_task(foo2);
        try {
          co_await sleep(10s);
        } catch (const cancelled_error&) {
          runner_cancel = true;
          throw;
        }
      });
      num += 10;
    };
    auto r = create_task(runner);
    auto outcome = co_await settle(r);
    BOOST_TEST(error_types(outcome) == "{ZeroDivisionError}");
    BOOST_TEST(num == 0);
    BOOST_TEST(t2_cancel);
    BOOST_TEST(runner_cancel);
  });
}

namespace {

/// A body that fails after its tasks have begun, or, without a delay, before.
awaitable<void> body_fails(std::optional<clock::duration> delay) {
  task<int> t1, t2;
  const auto runner = [&]() -> awaitable<void> {
    co_await with_task_group([&](task_group& g) -> awaitable<void> {
      t1 = g.create_task(value_after(1s, 42));
      t2 = g.create_task(value_after(2s, 11));
      if (delay) co_await sleep(*delay);
      throw zero_division_error();
    });
  };
  auto outcome = co_await settle(runner);
  BOOST_TEST(error_types(outcome) == "{ZeroDivisionError}");
  BOOST_TEST(t1.cancelled());
  BOOST_TEST(t2.cancelled());
}

} // namespace

BOOST_AUTO_TEST_CASE(test_taskgroup_09) {
  in_both_modes([] { return body_fails(100ms); });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_10) {
  in_both_modes([] { return body_fails(std::nullopt); });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_23) {
  in_both_modes([]() -> awaitable<void> {
    co_await with_task_group([](task_group& g) -> awaitable<void> {
      for (int count = 0; count < 10; ++count) {
        co_await sleep(100ms);
        g.create_task(sleep(300ms));
        if (count == 5) BOOST_TEST(g.size() < 5u);
      }
      co_await sleep(1350ms);
      BOOST_TEST(g.size() == 0u);
    });
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_24) {
  in_both_modes([]() -> awaitable<void> {
    co_await with_task_group([](task_group& g) {
      g.create_task([&]() -> awaitable<void> {
        co_await sleep(100ms);
        g.create_task(sleep(100ms));
        g.create_task(sleep(200ms));
      });
    });
    BOOST_TEST(now_is(300ms)); // the end of the last task that a task has made
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_25) {
  in_both_modes([]() -> awaitable<void> {
    int hydras = 0;
    const auto runner = [&]() -> awaitable<void> {
      co_await with_task_group([&](task_group& g) {
        // It outlives the body, as the tasks that are made of it do.
        static constexpr auto hydra = [](auto self, int* heads, task_group* group) -> awaitable<void> {
          ++*heads;
          co_await sleep(10ms);
          group->create_task(self(self, heads, group));
          group->create_task(self(self, heads, group));
        };
        g.create_task(hydra(hydra, &hydras, &g));
        g.create_task([&]() -> awaitable<void> {
          while (hydras < 10)
            co_await sleep(15ms);
          throw zero_division_error();
        });
      });
    };
    auto outcome = co_await settle(runner);
    BOOST_TEST(error_types(outcome) == "{ZeroDivisionError}");
    BOOST_TEST(hydras >= 10);
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_task_name) {
  in_both_modes([]() -> awaitable<void> {
    co_await with_task_group([](task_group& g) {
      auto t = g.create_task(sleep(0s), task_options().name("yolo"));
      BOOST_TEST(t.name() == "yolo");
    });
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_task_context) {
  in_both_modes([]() -> awaitable<void> {
    context_var<int> cvar("cvar");
    const auto set = [&](int value) -> awaitable<void> {
      co_await sleep(0s);
      cvar.set(value);
    };
    co_await with_task_group([&](task_group& g) -> awaitable<void> {
      context ctx = copy_context();
      const auto value = [&] { return ctx.run([&] { return cvar.get(); }); };
      BOOST_CHECK_THROW(value(), std::out_of_range);
      auto t1 = g.create_task(set(1), task_options().context(ctx));
      co_await t1.get();
      BOOST_TEST(value() == 1);
      auto t2 = g.create_task(set(2), task_options().context(ctx));
      co_await t2.get();
      BOOST_TEST(value() == 2);
    });
  });
}

BOOST_AUTO_TEST_CASE(test_name) {
  in_both_modes([]() -> awaitable<void> {
    std::string name;
    co_await with_task_group([&](task_group& g) {
      g.create_task(
          [&]() -> awaitable<void> {
            name = current_task().name();
            co_return;
          },
          task_options().name("example name"));
    });
    BOOST_TEST(name == "example name");
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_no_create_task_after_failure) {
  in_both_modes([]() -> awaitable<void> {
    std::string refused;
    auto outcome = co_await settle(with_task_group([&](task_group& g) {
      g.create_task(raise_after<zero_division_error>(1ms));
      g.create_task([&]() -> awaitable<void> {
        try {
          co_await sleep(1s);
        } catch (const cancelled_error&) {
          refused = thrown<std::runtime_error>([&] { g.create_task(raise_after<zero_division_error>(1ms)); });
        }
      });
    }));
    BOOST_TEST(contains(refused, "is shutting down"));
    BOOST_TEST(error_types(outcome) == "{ZeroDivisionError}");
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_context_manager_exit_raises) {
  struct database {
    awaitable<void> aexit(std::exception_ptr) {
      throw my_exc();
      co_return;
    }
  };
  in_both_modes([]() -> awaitable<void> {
    const auto main = []() -> awaitable<void> {
      auto outcome = co_await settle(with_task_group([](task_group& g) -> awaitable<void> {
        co_await with(database(), [&]() -> awaitable<void> {
          g.create_task(raise_at_once<my_exc>());
          co_await sleep(1s);
        });
      }));
      BOOST_TEST(current_task().cancelling() == 0);
      BOOST_TEST(error_types(outcome) == "{MyExc}");
      BOOST_TEST(members_of(outcome.error()).size() == 2u);
    };
    auto t = create_task(main);
    co_await t.get();
    BOOST_TEST(now_is(0s));
  });
}

BOOST_AUTO_TEST_CASE(test_cancels_task_if_created_during_creation) {
  in_both_modes([]() -> awaitable<void> {
    bool cancelled = false, ran = false;
    auto outcome = co_await settle(with_task_group([&](task_group& g) {
      g.create_task([&]() -> awaitable<void> {
        g.create_task(raise_at_once<my_exc>());
        try {
          co_await sleep(0s); // where eager tasks are cancelled
          co_await sleep(0s); // where the others are
        } catch (const cancelled_error&) {
          cancelled = true;
        }
        ran = true;
      });
    }));
    BOOST_TEST(cancelled);
    BOOST_TEST(ran);
    BOOST_TEST(error_types(outcome) == "{MyExc}");
  });
}
