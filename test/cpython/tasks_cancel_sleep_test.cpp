// CPython's test_tasks: the message of a cancellation, and cancelled and other sleeps.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/futures.hpp"
#include "../support/trace.hpp"
#include "tasks.hpp"

#include <rondo/rondo.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using cpython::run_briefly;
using cpython::sleeper;
using support::await_future;
using support::log_capture;
using support::message_of;
using support::new_future;
using support::now_is;
using support::thrown;
using support::waiters_of;

namespace {

/// asyncio's None and "my message"; other types than text are no messages here.
const std::vector<std::string> messages{"", "my message"};

/// Cancels a task that sleeps, waits for it without awaiting it, and asks for its outcome.
template <class Ask>
void ask_after_cancel(const std::string& message, Ask ask) {
  testing::run_virtual([&]() -> awaitable<void> {
    const auto body = [&]() -> awaitable<void> {
      auto t = create_task(sleeper(10s));
      co_await sleep(0s);
      t.cancel(message);
      co_await wait(t);
      ask(t);
      BOOST_ERROR("the outcome of a cancelled task was given");
    };
    auto outer = create_task(body);
    auto s = co_await settle(outer);
    BOOST_TEST(message_of(s) == message);
    BOOST_TEST(outer.cancelled());
  });
}

} // namespace

BOOST_AUTO_TEST_CASE(test_task_cancel_message_getter) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(cpython::noop());
    t.cancel("my message");
    auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "my message");
  });
}

BOOST_AUTO_TEST_CASE(test_cancel_with_message_then_future_result) {
  for (const std::string& message : messages)
    ask_after_cancel(message, [](const task<void>& t) { t.result(); });
}

BOOST_AUTO_TEST_CASE(test_cancel_with_message_then_future_exception) {
  for (const std::string& message : messages)
    ask_after_cancel(message, [](const task<void>& t) { (void)t.exception(); });
}

BOOST_AUTO_TEST_CASE(test_cancellation_exception_context) {
  testing::run_virtual([]() -> awaitable<void> {
    auto fut = new_future();
    const auto sleeps = [&]() -> awaitable<void> {
      fut.set_result(0);
      co_await sleep(10s);
    };
    const auto body = [&]() -> awaitable<void> {
      auto inner = create_task(sleeps);
      co_await fut.get();
      get_running_loop().call_soon([&] { inner.cancel("msg"); });
      try {
        co_await inner.get();
      } catch (const cancelled_error&) {
        std::throw_with_nested(std::invalid_argument("cancelled"));
      }
    };
    auto t = create_task(body);
    auto s = co_await settle(t);
    const auto* error = s.error_as<std::invalid_argument>();
    BOOST_REQUIRE(error);
    BOOST_TEST(error->what() == std::string("cancelled"));
    BOOST_TEST(thrown<cancelled_error>([&] { std::rethrow_if_nested(*error); }) == "msg");
  });
}

BOOST_AUTO_TEST_CASE(test_cancel_with_message_before_starting_task) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto body = []() -> awaitable<void> {
      auto t = create_task(sleeper(10s));
      t.cancel("my message"); // it has not begun
      co_await wait(t);
      (void)t.exception();
    };
    auto outer = create_task(body);
    auto s = co_await settle(outer);
    BOOST_TEST(message_of(s) == "my message");
    BOOST_TEST(now_is(0s));
  });
}

BOOST_AUTO_TEST_CASE(test_cancel_gather_2) {
  // A gather that settles its children does not swallow the cancellation of the task that awaits it.
  for (const std::string& message : messages) {
    testing::run_virtual([&]() -> awaitable<void> {
      const auto test = []() -> awaitable<void> {
        for (auto time = 0ms; time <= 1s; time += 50ms)
          co_await gather_settled(sleep(50ms));
      };
      const auto body = [&]() -> awaitable<void> {
        auto qwe = create_task(test);
        co_await sleep(200ms);
        qwe.cancel(message);
        co_await qwe.get();
      };
      auto s = co_await settle(body);
      BOOST_TEST(message_of(s) == message);
      BOOST_TEST(now_is(200ms));
    });
  }
}

BOOST_AUTO_TEST_CASE(test_yield_wait_does_not_shield_cancel) {
  // The cancel ends the wait and leaves the inner task alone.
  testing::run_virtual([]() -> awaitable<void> {
    int proof = 0;
    auto waiter = new_future();
    const auto inner = [&]() -> awaitable<void> {
      co_await waiter.get();
      proof += 1;
    };
    const auto outer = [&]() -> awaitable<void> {
      auto t = create_task(inner);
      co_await wait(t);
      proof += 100;
    };
    auto f = create_task(outer);
    co_await run_briefly();
    f.cancel();
    auto s = co_await settle(f);
    BOOST_TEST(message_of(s) == "");
    waiter.set_result(0);
    co_await run_briefly();
    BOOST_TEST(proof == 1);
  });
}

BOOST_AUTO_TEST_CASE(test_stop_while_run_in_complete) {
  int x = 0;
  testing::virtual_runner r;
  const event_loop loop = r.loop();
  const auto body = [&]() -> awaitable<void> {
    while (x < 10) {
      co_await sleep(100ms);
      ++x;
      if (x == 2) loop.stop();
    }
  };
  auto t = loop.create_task(body);
  BOOST_TEST(thrown<std::runtime_error>([&] { loop.run_until_complete(t); }) ==
             "Event loop stopped before Future completed.");
  BOOST_TEST(!t.done());
  BOOST_TEST(x == 2);
  BOOST_TEST((loop.time().time_since_epoch() == 200ms));

  t.cancel();
  BOOST_CHECK_THROW(loop.run_until_complete(t), cancelled_error);
}

BOOST_AUTO_TEST_CASE(test_sleep) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto body = [](std::chrono::milliseconds dt, std::string arg) -> awaitable<std::string> {
      co_await sleep(dt / 2);
      co_return co_await sleep(dt / 2, arg);
    };
    auto t = create_task(body(100ms, "yeah"));
    co_await t.get();
    BOOST_TEST(t.done());
    BOOST_TEST(t.result() == "yeah");
    BOOST_TEST(now_is(100ms));
  });
}

BOOST_AUTO_TEST_CASE(test_sleep_when_delay_is_nan) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto body = []() -> awaitable<void> {
      co_await sleep(std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN()));
    };
    auto t = create_task(body);
    auto s = co_await settle(t);
    BOOST_TEST((s.error_as<std::invalid_argument>() != nullptr));
  });
}

BOOST_AUTO_TEST_CASE(test_sleep_cancel) {
  // What shows that the timer is gone: when nothing else is left, the clock does not go on to its time.
  testing::virtual_runner r;
  const event_loop loop = r.loop();
  auto t = loop.create_task(sleep(10s, std::string("yeah")));
  loop.run_until_complete(run_briefly());
  BOOST_TEST(!t.done());

  t.cancel();
  loop.run_until_complete(run_briefly());
  BOOST_TEST(t.cancelled());
  const future<int> never = loop.create_future<int>();
  BOOST_CHECK_THROW(loop.run_until_complete(never), testing::deadlock_error);
  BOOST_TEST((loop.time().time_since_epoch() == 0s));
}

BOOST_AUTO_TEST_CASE(test_task_cancel_sleeping_task) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(sleeper(5000s));
    get_running_loop().call_later(100ms, [&] { t.cancel(); });
    std::string end = "slept in";
    try {
      co_await t.get();
    } catch (const cancelled_error&) {
      end = "cancelled";
    }
    BOOST_TEST(end == "cancelled");
    BOOST_TEST(now_is(100ms));
  });
}

BOOST_AUTO_TEST_CASE(test_task_cancel_waiter_future) {
  testing::run_virtual([]() -> awaitable<void> {
    auto fut = new_future();
    auto t = create_task(await_future(fut));
    co_await run_briefly();
    BOOST_TEST(waiters_of(fut) == 1u);
    t.cancel();
    co_await run_briefly();
    auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "");
    BOOST_TEST(waiters_of(fut) == 0u);
    BOOST_TEST(fut.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(test_tb_logger_not_called_after_cancel) {
  // A cancel, though it comes too late, says that nobody is interested in the outcome.
  log_capture log;
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(support::raise("unheard"));
    co_await sleep(50ms);
    BOOST_TEST(!t.cancel());
    t = {};
  });
  BOOST_TEST(log.text() == "");
}

BOOST_AUTO_TEST_CASE(test_sleep_zero) {
  testing::run_virtual([]() -> awaitable<void> {
    int result = 0;
    get_running_loop().call_soon([&] { result += 1; });
    BOOST_TEST(result == 0);
    const int num = co_await sleep(0s, 10);
    BOOST_TEST(result == 1);
    result += num;
    BOOST_TEST(result == 11);
  });
}
