// task_group::start: a task that reports when it is ready, and everything that can happen before it does.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/ticker.hpp"
#include "../support/trace.hpp"

#include <rondo/task_group.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

using namespace rondo;
using namespace std::chrono_literals;
using namespace support;

// --- the report --------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(start_gives_the_value_and_the_task_goes_on) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    co_await with_task_group([&](task_group& g) -> awaitable<void> {
      const auto server = [&](task_status<int>& status) -> awaitable<void> {
        co_await sleep(1s);
        status.started(8080);
        log.push_back("serving");
        co_await sleep(1s);
        log.push_back("served");
      };
      int port = co_await g.start(server, task_options().name("server"));
      BOOST_TEST(port == 8080);
      log.push_back("started");
      BOOST_TEST(g.size() == 1u);
      const auto of_nothing = [](task_status<>& status) -> awaitable<void> {
        status.started();
        co_return;
      };
      co_await g.start(of_nothing);
      const auto generic = [](auto& status) -> awaitable<void> {
        status.started(std::make_unique<int>(3));
        co_return;
      };
      auto moved = co_await g.start<std::unique_ptr<int>>(generic);
      BOOST_TEST(*moved == 3);
    });
    BOOST_TEST((clock::now() == clock::time_point(2s)));
  });
  CHECK_TRACE(log, "serving", "started", "served");
}

BOOST_AUTO_TEST_CASE(start_keeps_the_function_object_until_its_task_has_ended) {
  testing::run_virtual([]() -> awaitable<void> {
    auto token = std::make_shared<int>(5);
    const std::weak_ptr<int> seen = token;
    co_await with_task_group([&](task_group& g) -> awaitable<void> {
      auto f = [token](task_status<>& status) -> awaitable<void> {
        status.started();
        co_await sleep(1s);
        BOOST_TEST(*token == 5);
      };
      auto starting = g.start(f);
      token.reset();
      co_await std::move(starting);
    });
    BOOST_TEST(seen.expired());
  });
}

BOOST_AUTO_TEST_CASE(start_takes_one_report) {
  testing::run_virtual([]() -> awaitable<void> {
    std::string text;
    co_await with_task_group([&](task_group& g) -> awaitable<void> {
      int v = co_await g.start([&](task_status<int>& status) -> awaitable<void> {
        status.started(1);
        text = thrown<std::runtime_error>([&] { status.started(2); });
        co_return;
      });
      BOOST_TEST(v == 1);
    });
    BOOST_TEST(text == "task_status: started() was called twice");
  });
}

BOOST_AUTO_TEST_CASE(hops_start_returns_in_the_pass_after_the_report) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    co_await with_task_group([&](task_group& g) -> awaitable<void> {
      int reported = 0;
      co_await g.start([&](task_status<>& status) -> awaitable<void> {
        co_await testing::passes(2);
        reported = tick.now();
        status.started();
      });
      BOOST_TEST(tick.now() - reported == 1);
    });
  });
}

BOOST_AUTO_TEST_CASE(start_of_an_eager_task_and_in_a_group_with_a_limit) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto at_once = [](task_status<int>& status) -> awaitable<void> {
      status.started(2);
      co_await sleep(1s);
    };
    co_await with_task_group(task_group_options().max_concurrency(1), [&](task_group& g) -> awaitable<void> {
      int v = co_await g.start(at_once);
      v += co_await g.start(at_once); // waits for the place of the first
      BOOST_TEST(v == 4);
      BOOST_TEST((clock::now() == clock::time_point(1s)));
    });
    co_await with_task_group([&](task_group& g) -> awaitable<void> {
      int v = co_await g.start(at_once, task_options().eager(true));
      BOOST_TEST(v == 2);
    });
  });
}

BOOST_AUTO_TEST_CASE(start_by_several_tasks_at_once_and_inside_of_a_started_one) {
  testing::run_virtual([]() -> awaitable<void> {
    int sum = 0;
    co_await with_task_group([&](task_group& g) {
      for (int i = 1; i <= 3; ++i)
        g.create_task([&, i]() -> awaitable<void> {
          sum += co_await g.start([&, i](task_status<int>& outer) -> awaitable<void> {
            const int inner = co_await g.start([&, i](task_status<int>& status) -> awaitable<void> {
              co_await testing::passes(i);
              status.started(i);
            });
            outer.started(10 * inner);
          });
        });
    });
    BOOST_TEST(sum == 60);
  });
}

// --- an end before the report ------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(start_throws_what_its_task_fails_with_and_the_group_lives) {
  testing::run_virtual([]() -> awaitable<void> {
    bool sibling = false;
    co_await with_task_group([&](task_group& g) -> awaitable<void> {
      g.create_task([&]() -> awaitable<void> {
        co_await sleep(2s);
        sibling = true;
      });
      const auto fails_first = [](task_status<int>&) -> awaitable<void> {
        co_await sleep(1s);
        throw std::logic_error("no port");
      };
      auto s = co_await settle(g.start(fails_first));
      BOOST_TEST(text_in<std::logic_error>(s.error()) == "no port");
    });
    BOOST_TEST(sibling);
  });
}

BOOST_AUTO_TEST_CASE(start_of_a_task_that_ends_or_is_cancelled_without_a_report_is_an_error) {
  testing::run_virtual([]() -> awaitable<void> {
    co_await with_task_group([&](task_group& g) -> awaitable<void> {
      const auto returns = [](task_status<int>&) -> awaitable<void> { co_return; };
      auto s = co_await settle(g.start(returns, task_options().name("lazy")));
      BOOST_TEST(text_in<std::runtime_error>(s.error()) ==
                 "task_group.start: task 'lazy' ended without calling started() on its task_status");
      any_task child;
      const auto waits = [&](task_status<int>&) -> awaitable<void> {
        child = current_task();
        co_await for_ever();
      };
      get_running_loop().call_later(1s, [&] { child.cancel(); });
      s = co_await settle(g.start(waits, task_options().name("gone")));
      BOOST_TEST(text_in<std::runtime_error>(s.error()) ==
                 "task_group.start: task 'gone' was cancelled without calling started() on its task_status");
    });
  });
}

BOOST_AUTO_TEST_CASE(start_of_a_task_that_fails_after_its_report_is_an_error_of_the_group) {
  testing::run_virtual([]() -> awaitable<void> {
    int v = 0;
    auto s = co_await settle(with_task_group([&](task_group& g) -> awaitable<void> {
      v = co_await g.start([](task_status<int>& status) -> awaitable<void> {
        status.started(1);
        co_await sleep(1s);
        throw std::runtime_error("later");
      });
      co_await for_ever();
    }));
    BOOST_TEST(v == 1);
    BOOST_TEST(shape(s.error()) == "Group[later]");
  });
}

BOOST_AUTO_TEST_CASE(start_is_refused_by_a_group_that_shuts_down_and_destroys_the_function) {
  testing::run_virtual([]() -> awaitable<void> {
    auto token = std::make_shared<int>(1);
    std::string end;
    co_await with_task_group([&](task_group& g) -> awaitable<void> {
      g.cancel();
      const auto f = [&, token](task_status<>&) -> awaitable<void> { co_return; };
      end = co_await end_of(g.start(f));
    });
    BOOST_TEST(end.starts_with("TaskGroup <TaskGroup cancelling> is shutting down"));
    BOOST_TEST(token.use_count() == 1);
  });
}

// --- cancellation ------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(start_that_is_cancelled_cancels_its_task_and_waits_for_it) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    co_await with_task_group([&](task_group& g) -> awaitable<void> {
      g.create_task([&]() -> awaitable<void> {
        co_await sleep(3s);
        log.push_back("the group lives");
      });
      const auto slow = [&](task_status<int>& status) -> awaitable<void> {
        std::exception_ptr error;
        try {
          co_await for_ever();
        } catch (...) {
          error = std::current_exception();
        }
        co_await sleep(1s);
        status.started(1); // too late: nothing happens
        log.push_back("slow");
        std::rethrow_exception(error);
      };
      auto user = create_task([&]() -> awaitable<void> { co_await g.start(slow); });
      co_await testing::passes(3);
      user.cancel("enough");
      auto s = co_await settle(user);
      BOOST_TEST(message_of(s) == "enough");
      BOOST_TEST(user.cancelling() == 1);
      BOOST_TEST((clock::now() == clock::time_point(1s)));
    });
  });
  CHECK_TRACE(log, "slow", "the group lives");
}

BOOST_AUTO_TEST_CASE(start_that_is_cancelled_leaves_an_error_of_its_task_to_the_group) {
  testing::run_virtual([]() -> awaitable<void> {
    task<void> user;
    auto s = co_await settle(with_task_group([&](task_group& g) -> awaitable<void> {
      const auto f = [](task_status<>&) -> awaitable<void> { co_await fails_instead("clean-up"); };
      user = create_task([&]() -> awaitable<void> { co_await g.start(f); });
      co_await testing::passes(3);
      user.cancel();
      co_await settle(user);
      co_await for_ever();
    }));
    BOOST_TEST(user.cancelled());
    BOOST_TEST(shape(s.error()) == "Group[clean-up]");
  });
}

BOOST_AUTO_TEST_CASE(start_loses_no_report_to_a_cancel_that_comes_with_it) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    task<void> user;
    co_await with_task_group([&](task_group& g) -> awaitable<void> {
      const auto f = [&](task_status<int>& status) -> awaitable<void> {
        co_await testing::passes(2);
        status.started(7);
        user.cancel("why"); // before the one that waits goes on
      };
      const auto uses = [&]() -> awaitable<void> {
        int v = co_await g.start(f);
        log.push_back(std::to_string(v));
        auto end = co_await end_of(sleep(1s));
        log.push_back(end);
      };
      user = create_task(uses);
      co_await user.get();
    });
    CHECK_TRACE(log, "7", "Cancelled(why)");
    BOOST_TEST(user.cancelling() == 1);
  });
}

BOOST_AUTO_TEST_CASE(start_in_the_body_of_a_group_that_fails_is_cancelled_with_it) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto s = co_await settle(with_task_group([&](task_group& g) -> awaitable<void> {
      g.create_task(raise_after(3, "boom"));
      const auto never_ready = [&](task_status<>&) -> awaitable<void> { co_await note_cancel(&log, "starting"); };
      auto end = co_await end_of(g.start(never_ready));
      log.push_back(end);
    }));
    BOOST_TEST(shape(s.error()) == "Group[boom]");
    BOOST_TEST(current_task().cancelling() == 0);
  });
  BOOST_TEST(log.front() == "starting cancelled");
}

BOOST_AUTO_TEST_CASE(trap_82_a_started_task_that_is_cancelled_cancels_neither_group_and_leaves_no_count) {
  testing::run_virtual([]() -> awaitable<void> {
    const any_task host = current_task();
    bool outer_lives = false, inner_lives = false;
    co_await with_task_group([&](task_group& outer) -> awaitable<void> {
      outer.create_task([&]() -> awaitable<void> {
        co_await sleep(5s);
        outer_lives = true;
      });
      co_await with_task_group([&](task_group& inner) -> awaitable<void> {
        inner.create_task([&]() -> awaitable<void> {
          co_await sleep(5s);
          inner_lives = true;
        });
        any_task child;
        const auto f = [&](task_status<>& status) -> awaitable<void> {
          child = current_task();
          status.started();
          co_await for_ever();
        };
        co_await outer.start(f);
        child.cancel();
        co_await sleep(1s);
        BOOST_TEST(child.cancelled());
        BOOST_TEST(host.cancelling() == 0);
        const auto without_report = [&](task_status<>&) -> awaitable<void> {
          child = current_task();
          co_await for_ever();
        };
        get_running_loop().call_later(1s, [&] { child.cancel(); });
        auto end = co_await end_of(outer.start(without_report));
        BOOST_TEST(contains(end, "was cancelled without calling started()"));
        BOOST_TEST(host.cancelling() == 0);
      });
    });
    BOOST_TEST(outer_lives);
    BOOST_TEST(inner_lives);
    BOOST_TEST(host.cancelling() == 0);
    co_await sleep(1s);
  });
}
