// Ports of CPython's test_waitfor.py: AsyncioWaitForTest and WaitForShieldTests.
// SPDX-License-Identifier: BSL-1.0
#include "errors.hpp"

#include <rondo/event_loop.hpp>
#include <rondo/shield.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/timeout.hpp>
#include <rondo/wait.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <string>

using namespace rondo;
using namespace std::chrono_literals;
using namespace cpython;
using rondo::testing::run_virtual;

namespace {

constexpr clock::duration epsilon = 100us;

/// Runs for its time and ignores requests to cancel it.
class slow_task {
public:
  static constexpr clock::duration task_timeout = 200ms;

  bool exited = false;

  awaitable<void> run() {
    const auto exit_at = clock::now() + task_timeout;
    while (clock::now() < exit_at) {
      try {
        co_await sleep(exit_at - clock::now());
      } catch (const cancelled_error&) {
      }
    }
    exited = true;
  }
};

awaitable<std::string> done() { co_return "done"; }

awaitable<std::string> done_after(time_limit d) {
  co_await sleep(d);
  co_return "done";
}

/// Tells whether it is running, until somebody cancels it.
awaitable<std::string> foo(bool* running, future<void> started) {
  *running = true;
  started.set_result();
  try {
    co_await sleep(1h);
  } catch (...) {
    *running = false;
    throw;
  }
  *running = false;
  co_return "done";
}

/// Needs a moment to end when it is cancelled.
awaitable<void> inner(bool* task_done) {
  std::exception_ptr cancelled;
  try {
    co_await sleep(10s);
  } catch (const cancelled_error&) {
    cancelled = std::current_exception();
  }
  if (cancelled) co_await sleep(epsilon);
  *task_done = true;
  if (cancelled) std::rethrow_exception(cancelled);
}

} // namespace

// --- AsyncioWaitForTest ------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(test_asyncio_wait_for_cancelled) {
  run_virtual([]() -> awaitable<void> {
    slow_task t;
    auto wait_for_task = create_task(wait_for(t.run(), slow_task::task_timeout * 2));
    co_await sleep(0s);
    wait_for_task.cancel();
    co_await rondo::wait(wait_for_task);
    BOOST_TEST(t.exited);
  });
}

BOOST_AUTO_TEST_CASE(test_asyncio_wait_for_timeout) {
  run_virtual([]() -> awaitable<void> {
    slow_task t;
    try {
      co_await wait_for(t.run(), slow_task::task_timeout / 2);
    } catch (const timeout_error&) {
    }
    BOOST_TEST(t.exited);
  });
}

BOOST_AUTO_TEST_CASE(test_wait_for_timeout_less_then_0_or_0_future_done) {
  run_virtual([]() -> awaitable<void> {
    auto fut = get_running_loop().create_future<std::string>();
    fut.set_result("done");
    auto ret = co_await wait_for(fut, 0s);
    BOOST_TEST(ret == "done");
    BOOST_TEST(fut.done());
  });
}

BOOST_AUTO_TEST_CASE(test_wait_for_timeout_less_then_0_or_0_coroutine_do_not_started) {
  run_virtual([]() -> awaitable<void> {
    bool foo_started = false;
    const auto starts = [&]() -> awaitable<void> {
      foo_started = true;
      co_return;
    };
    auto outcome = co_await settle(wait_for(starts(), 0s));
    BOOST_TEST(type_of(outcome) == "TimeoutError");
    BOOST_TEST(!foo_started);
  });
}

BOOST_AUTO_TEST_CASE(test_wait_for_timeout_less_then_0_or_0) {
  for (const clock::duration timeout : {0s, -1s})
    run_virtual([&]() -> awaitable<void> {
      bool foo_running = false;
      auto started = get_running_loop().create_future();
      auto fut = create_task(foo(&foo_running, started));
      co_await started.get();
      BOOST_TEST(foo_running);
      auto outcome = co_await settle(wait_for(fut, timeout));
      BOOST_TEST(type_of(outcome) == "TimeoutError");
      BOOST_TEST(fut.done());
      BOOST_TEST(fut.cancelled()); // because of the time limit
      BOOST_TEST(!foo_running);
    });
}

BOOST_AUTO_TEST_CASE(test_wait_for) {
  run_virtual([]() -> awaitable<void> {
    bool foo_running = false;
    auto started = get_running_loop().create_future();
    auto fut = create_task(foo(&foo_running, started));
    auto outcome = co_await settle(wait_for(fut, 100ms));
    BOOST_TEST(started.done());
    BOOST_TEST(type_of(outcome) == "TimeoutError");
    BOOST_TEST(fut.done());
    BOOST_TEST(fut.cancelled()); // because of the time limit
    BOOST_TEST(!foo_running);
  });
}

BOOST_AUTO_TEST_CASE(test_wait_for_blocking) {
  run_virtual([]() -> awaitable<void> {
    auto res = co_await wait_for(done(), std::nullopt);
    BOOST_TEST(res == "done");
  });
}

BOOST_AUTO_TEST_CASE(test_wait_for_race_condition) {
  run_virtual([]() -> awaitable<void> {
    auto fut = get_running_loop().create_future<std::string>();
    auto waiting = wait_for(fut, 200ms);
    get_running_loop().call_soon([fut] { fut.set_result("ok"); });
    auto res = co_await std::move(waiting);
    BOOST_TEST(res == "ok");
  });
}

BOOST_AUTO_TEST_CASE(test_wait_for_cancellation_race_condition) {
  run_virtual([]() -> awaitable<void> {
    bool cancelled = false;
    const auto suppresses = [&]() -> awaitable<int> {
      try {
        co_await sleep(1s);
      } catch (const cancelled_error&) {
        cancelled = true;
      }
      co_return 1;
    };
    int result = co_await wait_for(suppresses(), 10ms);
    BOOST_TEST(cancelled);
    BOOST_TEST(result == 1);
  });
}

BOOST_AUTO_TEST_CASE(test_wait_for_waits_for_task_cancellation) {
  run_virtual([]() -> awaitable<void> {
    bool task_done = false;
    auto inner_task = create_task(inner(&task_done));
    auto outcome = co_await settle(wait_for(inner_task, epsilon));
    BOOST_TEST(type_of(outcome) == "TimeoutError");
    BOOST_TEST(task_done);
  });
}

BOOST_AUTO_TEST_CASE(test_wait_for_waits_for_task_cancellation_w_timeout_0) {
  run_virtual([]() -> awaitable<void> {
    bool task_done = false;
    const auto waits = [&]() -> awaitable<void> {
      auto inner_task = create_task(inner(&task_done));
      co_await sleep(epsilon);
      co_await wait_for(inner_task, 0s);
    };
    auto outcome = co_await settle(waits());
    BOOST_TEST(type_of(outcome) == "TimeoutError");
    BOOST_TEST(task_done);
  });
}

BOOST_AUTO_TEST_CASE(test_wait_for_reraises_exception_during_cancellation) {
  run_virtual([]() -> awaitable<void> {
    auto inner_task = create_task(sleep_finally_raise<my_exc>(200ms));
    auto outcome = co_await settle(wait_for(inner_task, epsilon));
    BOOST_TEST(type_of(outcome) == "MyExc");
  });
}

namespace {

void cancel_wait_for(time_limit timeout) {
  run_virtual([&]() -> awaitable<void> {
    const auto blocking_coroutine = []() -> awaitable<void> {
      auto fut = get_running_loop().create_future(); // nobody sets its result
      co_await fut.get();
    };
    auto t = create_task(blocking_coroutine);
    auto waiting = create_task(wait_for(t, timeout));
    get_running_loop().call_soon([&] { waiting.cancel(); });
    auto outcome = co_await settle(waiting);
    BOOST_TEST(type_of(outcome) == "CancelledError");
    // bpo-23219: to cancel the wait must cancel the task too
    BOOST_TEST(t.cancelled());
  });
}

} // namespace

BOOST_AUTO_TEST_CASE(test_cancel_blocking_wait_for) { cancel_wait_for(std::nullopt); }

BOOST_AUTO_TEST_CASE(test_cancel_wait_for) { cancel_wait_for(60s); }

BOOST_AUTO_TEST_CASE(test_wait_for_cancel_suppressed) {
  run_virtual([]() -> awaitable<void> {
    // gh-86296: what a task gives in spite of its cancellation is the value, as with with_timeout.
    const auto return_42 = []() -> awaitable<int> {
      try {
        co_await sleep(10s);
      } catch (const cancelled_error&) {
        co_return 42;
      }
      co_return 0;
    };
    int res = co_await wait_for(return_42(), 100ms);
    BOOST_TEST(res == 42);
  });
}

BOOST_AUTO_TEST_CASE(test_wait_for_issue86296) {
  run_virtual([]() -> awaitable<void> {
    // gh-86296: the task is cancelled, although what it waits for ends in the very pass before the cancel.
    auto inner_task = create_task(done);
    bool reached_end = false;
    const auto wait_for_coro = [&]() -> awaitable<void> {
      co_await wait_for(inner_task, 100s);
      co_await sleep(1s);
      reached_end = true;
    };
    auto t = create_task(wait_for_coro);
    BOOST_TEST(!t.done());
    co_await sleep(0s);
    t.cancel();
    auto outcome = co_await settle(t);
    BOOST_TEST(type_of(outcome) == "CancelledError");
    BOOST_TEST(inner_task.done());
    auto result = co_await inner_task.get();
    BOOST_TEST(result == "done");
    BOOST_TEST(!reached_end);
  });
}

// --- WaitForShieldTests ------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(test_zero_timeout) {
  run_virtual([]() -> awaitable<void> {
    auto t = create_task(done_after(10ms));
    auto shielded_task = shield(t);
    auto outcome = co_await settle(wait_for(shielded_task, 0s));
    BOOST_TEST(type_of(outcome) == "TimeoutError");
    // The task goes on in the background.
    BOOST_TEST(!t.done());
    BOOST_TEST(!t.cancelled());
    BOOST_TEST(shielded_task.cancelled());
    co_await sleep(100ms);
    BOOST_TEST(t.done());
  });
}

BOOST_AUTO_TEST_CASE(test_none_timeout) {
  run_virtual([]() -> awaitable<void> {
    auto t = create_task(done_after(100ms));
    co_await wait_for(shield(t), std::nullopt);
    BOOST_TEST(t.done());
    auto result = co_await t.get();
    BOOST_TEST(result == "done");
  });
}

BOOST_AUTO_TEST_CASE(test_shielded_timeout) {
  run_virtual([]() -> awaitable<void> {
    auto t = create_task(done_after(100ms));
    auto outcome = co_await settle(wait_for(shield(t), 10ms));
    BOOST_TEST(type_of(outcome) == "TimeoutError");
    BOOST_TEST(!t.done());
    BOOST_TEST(!t.cancelled());
    auto result = co_await t.get();
    BOOST_TEST(result == "done");
  });
}
