// CPython's test_tasks: cancelling, uncancelling, and what a cancelled task was waiting for.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/futures.hpp"
#include "../support/trace.hpp"
#include "tasks.hpp"

#include <rondo/rondo.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>

using namespace rondo;
using namespace std::chrono_literals;
using cpython::run_briefly;
using cpython::sleeper;
using support::await_future;
using support::message_of;
using support::new_future;
using support::now_is;
using support::waiters_of;

BOOST_AUTO_TEST_CASE(test_cancelling) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(sleeper(10s));
    BOOST_TEST(t.cancelling() == 0);
    BOOST_TEST(t.cancel());
    BOOST_TEST(t.cancelling() == 1);
    BOOST_TEST(t.cancel());
    auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "");
    BOOST_TEST(now_is(0s));
  });
}

BOOST_AUTO_TEST_CASE(test_uncancel_basic) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto body = []() -> awaitable<void> {
      bool again = false;
      try {
        co_await sleep(10s);
      } catch (const cancelled_error&) {
        current_task().uncancel();
        again = true;
      }
      if (again) co_await sleep(10s);
    };
    auto t = create_task(body);
    co_await sleep(10ms);

    BOOST_TEST(t.cancel()); // of the first sleep
    BOOST_TEST(t.cancelling() == 1);
    BOOST_TEST(!t.cancelled());
    co_await sleep(10ms);

    BOOST_TEST(t.cancelling() == 0);
    BOOST_TEST(!t.cancelled());
    BOOST_TEST(!t.done());

    BOOST_TEST(t.cancel()); // of the second
    BOOST_TEST(t.cancelling() == 1);
    BOOST_TEST(!t.cancelled());
    auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "");
    BOOST_TEST(t.cancelled());
    BOOST_TEST(t.done());

    t.uncancel(); // a task that is done stays cancelled
    BOOST_TEST(t.cancelled());
    BOOST_TEST(t.done());
  });
}

namespace {

struct request {
  bool timed_out = false;
  bool block_finished = false;
  bool outer_code_reached = false;
};

/// A time limit as a user would write it with cancel and uncancel.
awaitable<request> make_request_with_timeout(time_limit duration, time_limit timeout) {
  const any_task self = current_task();
  request r;
  auto limit = self.loop().call_later(timeout, [&] {
    r.timed_out = true;
    self.cancel();
  });
  std::exception_ptr error;
  try {
    co_await sleep(duration);
    r.block_finished = true;
  } catch (...) {
    error = std::current_exception();
  }
  limit.cancel();
  // The order matters: the count must go down whatever the block ended with.
  if (r.timed_out && self.uncancel() == 0 && error && is_cancellation(error))
    error = std::make_exception_ptr(timeout_error());
  try {
    if (error) std::rethrow_exception(error);
  } catch (const timeout_error&) {
    BOOST_TEST(r.timed_out);
  }
  r.outer_code_reached = true;
  co_await sleep(0s);
  co_return r;
}

} // namespace

BOOST_AUTO_TEST_CASE(test_uncancel_structured_blocks) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t1 = create_task(make_request_with_timeout(10s, 100ms));
    const request late = co_await t1.get();
    BOOST_TEST(late.timed_out);
    BOOST_TEST(!late.block_finished);
    BOOST_TEST(late.outer_code_reached);
    BOOST_TEST(t1.cancelling() == 0);
    BOOST_TEST(now_is(100ms));

    auto t2 = create_task(make_request_with_timeout(0s, 10s));
    const request in_time = co_await t2.get();
    BOOST_TEST(!in_time.timed_out);
    BOOST_TEST(in_time.block_finished);
    BOOST_TEST(in_time.outer_code_reached);
    BOOST_TEST(t2.cancelling() == 0);
  });
}

BOOST_AUTO_TEST_CASE(test_uncancel_resets_must_cancel) {
  testing::run_virtual([]() -> awaitable<void> {
    auto fut = new_future();
    const auto body = [&]() -> awaitable<int> {
      co_await fut.get();
      co_return 42;
    };
    auto t = create_task(body);
    co_await sleep(0s); // now it waits
    fut.set_result(0);  // now it is ready to run
    t.cancel();
    BOOST_TEST(t.cancelling() == 1);
    t.uncancel();
    BOOST_TEST(t.cancelling() == 0);
    const int res = co_await t.get();
    BOOST_TEST(res == 42);
  });
}

BOOST_AUTO_TEST_CASE(test_cancel) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto body = []() -> awaitable<int> {
      co_await sleep(10s);
      co_return 12;
    };
    auto t = create_task(body);
    get_running_loop().call_soon([&] { t.cancel(); });
    auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "");
    BOOST_TEST(t.done());
    BOOST_TEST(t.cancelled());
    BOOST_TEST(!t.cancel());
    BOOST_TEST(now_is(0s));
  });
}

BOOST_AUTO_TEST_CASE(test_cancel_yield) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto body = []() -> awaitable<int> {
      co_await sleep(0s);
      co_await sleep(0s);
      co_return 12;
    };
    auto t = create_task(body);
    co_await run_briefly();
    t.cancel();
    auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "");
    BOOST_TEST(t.done());
    BOOST_TEST(t.cancelled());
    BOOST_TEST(!t.cancel());
  });
}

BOOST_AUTO_TEST_CASE(test_cancel_inner_future) {
  testing::run_virtual([]() -> awaitable<void> {
    auto f = new_future();
    auto t = create_task(await_future(f));
    co_await run_briefly();
    f.cancel();
    auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "");
    BOOST_TEST(f.cancelled());
    BOOST_TEST(t.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(test_cancel_both_task_and_inner_future) {
  testing::run_virtual([]() -> awaitable<void> {
    auto f = new_future();
    auto t = create_task(await_future(f));
    co_await run_briefly();
    f.cancel();
    t.cancel();
    auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "");
    BOOST_TEST(t.done());
    BOOST_TEST(f.cancelled());
    BOOST_TEST(t.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(test_cancel_task_catching) {
  testing::run_virtual([]() -> awaitable<void> {
    auto fut1 = new_future();
    auto fut2 = new_future();
    const auto body = [&]() -> awaitable<int> {
      co_await fut1.get();
      try {
        co_await fut2.get();
      } catch (const cancelled_error&) {
        co_return 42;
      }
      co_return 0;
    };
    auto t = create_task(body);
    co_await run_briefly();
    BOOST_TEST(waiters_of(fut1) == 1u);
    fut1.set_result(0);
    co_await run_briefly();
    BOOST_TEST(waiters_of(fut2) == 1u);
    t.cancel();
    BOOST_TEST(fut2.cancelled());
    const int res = co_await t.get();
    BOOST_TEST(res == 42);
    BOOST_TEST(!t.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(test_cancel_task_ignoring) {
  testing::run_virtual([]() -> awaitable<void> {
    auto fut1 = new_future();
    auto fut2 = new_future();
    auto fut3 = new_future();
    const auto body = [&]() -> awaitable<int> {
      co_await fut1.get();
      try {
        co_await fut2.get();
      } catch (const cancelled_error&) {
      }
      co_return co_await fut3.get();
    };
    auto t = create_task(body);
    co_await run_briefly();
    BOOST_TEST(waiters_of(fut1) == 1u);
    fut1.set_result(0);
    co_await run_briefly();
    BOOST_TEST(waiters_of(fut2) == 1u);
    t.cancel();
    BOOST_TEST(fut2.cancelled());
    co_await run_briefly();
    BOOST_TEST(waiters_of(fut3) == 1u);
    fut3.set_result(42);
    const int res = co_await t.get();
    BOOST_TEST(res == 42);
    BOOST_TEST(!fut3.cancelled());
    BOOST_TEST(!t.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(test_cancel_current_task) {
  testing::run_virtual([]() -> awaitable<void> {
    task<int> t;
    const auto body = [&]() -> awaitable<int> {
      BOOST_TEST(t.cancel());
      co_await sleep(100s); // cancelled at once
      co_return 12;
    };
    t = create_task(body);
    BOOST_TEST(!t.cancelled());
    auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "");
    BOOST_TEST(t.done());
    BOOST_TEST(t.cancelled());
    BOOST_TEST(!t.cancel());
    BOOST_TEST(now_is(0s));
  });
}

BOOST_AUTO_TEST_CASE(test_cancel_at_end) {
  testing::run_virtual([]() -> awaitable<void> {
    task<int> t;
    const auto body = [&]() -> awaitable<int> {
      BOOST_TEST(t.cancel());
      co_return 12;
    };
    t = create_task(body);
    BOOST_TEST(!t.cancelled());
    auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "");
    BOOST_TEST(t.done());
    BOOST_TEST(t.cancelled());
    BOOST_TEST(!t.cancel());
  });
}

BOOST_AUTO_TEST_CASE(test_cancel_awaited_task) {
  testing::run_virtual([]() -> awaitable<void> {
    auto fut = new_future();
    task<void> outer;
    task<int> nested;
    const auto body = [&]() -> awaitable<void> {
      nested = create_task(await_future(fut));
      co_await sleep(0s);
      outer.cancel();
      co_await nested.get(); // cancelled at once, and with it what it waits for
    };
    outer = create_task(body);
    auto s = co_await settle(outer);
    BOOST_TEST(message_of(s) == "");
    BOOST_TEST(outer.cancelled());
    BOOST_TEST(nested.cancelled());
    BOOST_TEST(fut.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(test_baseexception_during_cancel) {
  const std::exception_ptr base = std::make_exception_ptr(keyboard_interrupt());
  testing::virtual_runner r;
  const event_loop loop = r.loop();
  const auto body = [&]() -> awaitable<void> {
    try {
      co_await sleep(10s);
    } catch (const cancelled_error&) {
      std::rethrow_exception(base);
    }
  };
  auto t = loop.create_task(body);
  loop.run_until_complete(testing::passes(1));
  t.cancel();
  BOOST_TEST(!t.done());
  BOOST_CHECK_THROW(loop.run_until_complete(testing::passes(1)), keyboard_interrupt);
  BOOST_TEST(t.done());
  BOOST_TEST(!t.cancelled());
  BOOST_TEST((t.exception() == base));
}

BOOST_AUTO_TEST_CASE(test_yield_future_passes_cancel) {
  // The cancel goes from the outer task to the inner coroutine and to what it waits for.
  testing::run_virtual([]() -> awaitable<void> {
    int proof = 0;
    auto waiter = new_future();
    const auto inner = [&]() -> awaitable<void> {
      try {
        co_await waiter.get();
      } catch (const cancelled_error&) {
        proof += 1;
        throw;
      }
      BOOST_ERROR("got past the wait");
    };
    const auto outer = [&]() -> awaitable<void> {
      try {
        co_await inner();
      } catch (const cancelled_error&) {
        proof += 100;
        co_return;
      }
      proof += 10;
    };
    auto f = create_task(outer);
    co_await run_briefly();
    f.cancel();
    co_await f.get();
    BOOST_TEST(proof == 101);
    BOOST_TEST(waiter.cancelled());
  });
}
