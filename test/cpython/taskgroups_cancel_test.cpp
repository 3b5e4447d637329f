// Ports of CPython's test_taskgroups.py, BaseTestTaskGroup: TaskGroup.cancel of Python 3.15.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/trace.hpp"
#include "taskgroups.hpp"

#include <rondo/event.hpp>
#include <rondo/task_group.hpp>
#include <rondo/timeout.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>

using namespace rondo;
using namespace std::chrono_literals;
using namespace cpython;
using support::contains;
using support::message_of;
using support::now_is;
using support::thrown;
using support::trace;

BOOST_AUTO_TEST_CASE(test_taskgroup_cancel_children) {
  in_both_modes([]() -> awaitable<void> {
    const auto block = []() -> awaitable<void> {
      co_await with_task_group([](task_group& g) -> awaitable<void> {
        g.create_task(sleep(10s));
        g.create_task(sleep(10s));
        co_await sleep(0s);
        g.cancel();
      });
    };
    auto outcome = co_await settle(with_timeout(1s, block));
    BOOST_TEST(type_of(outcome) == "none");
    BOOST_TEST(now_is(0s));
  });
}

namespace {

/// How far a body comes whose group is cancelled so many times.
awaitable<int> count_of_cancelled_body(int cancels) {
  int count = 0;
  co_await with_task_group([&](task_group& g) -> awaitable<void> {
    for (int i = 0; i < cancels; ++i)
      g.cancel();
    ++count;
    co_await sleep(0s);
    ++count;
  });
  co_return count;
}

} // namespace

BOOST_AUTO_TEST_CASE(test_taskgroup_cancel_body) {
  in_both_modes([]() -> awaitable<void> {
    int count = co_await count_of_cancelled_body(1);
    BOOST_TEST(count == 1);
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_cancel_idempotent) {
  in_both_modes([]() -> awaitable<void> {
    int count = co_await count_of_cancelled_body(2);
    BOOST_TEST(count == 1);
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_cancel_after_exit) {
  in_both_modes([]() -> awaitable<void> {
    // A reference to a group ends with the block, so this cancels in between: when the group has seen the end of its
    // only task and of the body, and the block has not been left yet.
    bool cancelled = false;
    auto outcome = co_await settle(with_task_group([&](task_group& g) {
      auto last = g.create_task(sleep(0s));
      last.add_done_callback([&] {
        BOOST_TEST(g.size() == 0u);
        BOOST_CHECK_NO_THROW(g.cancel());
        cancelled = true;
      });
    }));
    BOOST_TEST(cancelled);
    BOOST_TEST(type_of(outcome) == "none");
    BOOST_TEST(current_task().cancelling() == 0);
    BOOST_CHECK_NO_THROW(co_await sleep(0s));
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_cancel_before_create_task) {
  in_both_modes([]() -> awaitable<void> {
    std::string refused;
    co_await with_task_group([&](task_group& g) {
      g.cancel();
      refused = thrown<std::runtime_error>([&] { g.create_task(sleep(1s)); });
    });
    BOOST_TEST(contains(refused, "is shutting down"));
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_cancel_from_child_before_first_suspension) {
  in_both_modes([]() -> awaitable<void> {
    bool after_sleep = false;
    task<void> t;
    co_await with_task_group([&](task_group& g) {
      t = g.create_task([&]() -> awaitable<void> {
        g.cancel();
        co_await sleep(10s);
        after_sleep = true;
      });
    });
    BOOST_TEST(t.cancelled());
    BOOST_TEST(!after_sleep);
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_cancel_keeps_outer_cancellation) {
  in_both_modes([]() -> awaitable<void> {
    event cancelling, release;
    const auto child = [&]() -> awaitable<void> {
      std::exception_ptr cancelled;
      try {
        co_await sleep(10s);
      } catch (const cancelled_error&) {
        cancelled = std::current_exception();
      }
      // The group has cancelled its body and waits for the end of this task.
      cancelling.set();
      co_await release.wait();
      if (cancelled) std::rethrow_exception(cancelled);
    };
    const auto body = [&]() -> awaitable<void> {
      co_await with_task_group([&](task_group& g) -> awaitable<void> {
        g.create_task(child);
        co_await sleep(0s);
        g.cancel();
      });
    };
    auto t = create_task(body);
    co_await cancelling.wait();
    t.cancel("message");
    release.set();
    auto outcome = co_await settle(t);
    BOOST_TEST(type_of(outcome) == "CancelledError");
    BOOST_TEST(message_of(outcome) == "message");
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_cancel_before_exception) {
  in_both_modes([]() -> awaitable<void> {
    auto outcome = co_await settle(with_task_group([](task_group& g) -> awaitable<void> {
      g.create_task([&]() -> awaitable<void> {
        g.cancel();
        throw cpython::runtime_error();
        co_return;
      });
      co_await sleep(1s);
    }));
    BOOST_TEST(error_types(outcome) == "{RuntimeError}");
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_cancel_after_exception) {
  in_both_modes([]() -> awaitable<void> {
    auto outcome = co_await settle(with_task_group([](task_group& g) -> awaitable<void> {
      g.create_task([&]() -> awaitable<void> {
        try {
          throw cpython::runtime_error();
        } catch (...) {
          g.cancel();
          throw;
        }
        co_return;
      });
      co_await sleep(1s);
    }));
    BOOST_TEST(error_types(outcome) == "{RuntimeError}");
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_body_cancel_before_exception) {
  in_both_modes([]() -> awaitable<void> {
    auto outcome = co_await settle(with_task_group([](task_group& g) {
      g.cancel();
      throw cpython::runtime_error();
    }));
    BOOST_TEST(error_types(outcome) == "{RuntimeError}");
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_body_cancel_after_exception) {
  in_both_modes([]() -> awaitable<void> {
    auto outcome = co_await settle(with_task_group([](task_group& g) {
      try {
        throw cpython::runtime_error();
      } catch (...) {
        g.cancel();
        throw;
      }
    }));
    BOOST_TEST(error_types(outcome) == "{RuntimeError}");
  });
}

BOOST_AUTO_TEST_CASE(test_taskgroup_cancel_one_winner) {
  in_both_modes([]() -> awaitable<void> {
    event released;
    trace record;
    const auto waits = [&](int n) -> awaitable<int> {
      record.push_back(std::to_string(n) + " started");
      co_await released.wait();
      record.push_back(std::to_string(n) + " finished");
      co_return n;
    };
    const auto releases = [&](int n) -> awaitable<int> {
      record.push_back(std::to_string(n) + " started");
      released.set();
      co_await sleep(10s);
      record.push_back(std::to_string(n) + " finished");
      co_return n;
    };
    int winner = 0;
    task_group* group = nullptr;
    const auto compete = [&](awaitable<int> competitor) -> awaitable<void> {
      winner = co_await std::move(competitor);
      group->cancel();
    };
    co_await with_task_group([&](task_group& g) {
      group = &g;
      g.create_task(compete(waits(1)));
      g.create_task(compete(waits(2)));
      g.create_task(compete(releases(3)));
    });
    BOOST_TEST(winner == 1);
    CHECK_TRACE(record, "1 started", "2 started", "3 started", "1 finished");
  });
}
