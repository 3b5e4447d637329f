// After CPython's test_runners: RunnerTests. On real time, with real signals, since both are what is tested.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/expect.hpp"

#include <rondo/context.hpp>
#include <rondo/errors.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/future.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <csignal>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::thrown;

namespace {

void interrupt_self() { ::raise(SIGINT); }

awaitable<std::string> say_done() {
  co_await sleep(0s);
  co_return "done";
}

void check_closed(const runner& r, const event_loop& loop) {
  BOOST_TEST(thrown<std::runtime_error>([&] { r.loop(); }) == "Runner is closed");
  BOOST_TEST(loop.is_closed());
}

} // namespace

BOOST_AUTO_TEST_CASE(test_non_debug) {
  const runner r(run_options().debug(false));
  BOOST_TEST(!r.loop().get_debug());
}

BOOST_AUTO_TEST_CASE(test_debug) {
  const runner r(run_options().debug(true));
  BOOST_TEST(r.loop().get_debug());
}

BOOST_AUTO_TEST_CASE(test_run) {
  runner r;
  BOOST_TEST(r.run(say_done()) == "done");
  const event_loop loop = r.loop();
  r.close();
  check_closed(r, loop);
}

BOOST_AUTO_TEST_CASE(test_run_future) {
  runner r;
  const auto f = r.loop().create_future<std::string>();
  f.set_result("done");
  BOOST_TEST(r.run(f) == "done");
}

BOOST_AUTO_TEST_CASE(test_run_awaitable) {
  struct my_awaitable { // what a class needs to be awaited: a call that gives a coroutine
    awaitable<std::string> operator()() { return say_done(); }
  };
  runner r;
  BOOST_TEST(r.run(my_awaitable()) == "done");
}

BOOST_AUTO_TEST_CASE(test_explicit_close) {
  runner r;
  const event_loop loop = r.loop();
  r.close();
  check_closed(r, loop);
}

BOOST_AUTO_TEST_CASE(test_double_close) {
  runner r;
  const event_loop loop = r.loop();
  r.close();
  BOOST_TEST(loop.is_closed());
  r.close();
  BOOST_TEST(loop.is_closed());
}

BOOST_AUTO_TEST_CASE(test_second_with_block_raises) {
  std::vector<int> ran;
  const auto body = [&](int i) -> awaitable<void> {
    ran.push_back(i);
    co_return;
  };
  runner r;
  r.run(body(1));
  r.close();
  BOOST_TEST(thrown<std::runtime_error>([&] { r.run(body(2)); }) == "Runner is closed");
  BOOST_TEST(ran == std::vector<int>{1}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(test_run_keeps_context) {
  context_var<int> variable("variable", -1);
  const auto replace = [&](int value) -> awaitable<int> {
    const int old = variable.get();
    co_await sleep(0s);
    variable.set(value);
    co_return old;
  };
  const auto get_context = []() -> awaitable<context> { co_return copy_context(); };
  runner r;
  BOOST_TEST(r.run(replace(1)) == -1);
  BOOST_TEST(r.run(replace(2)) == 1);
  BOOST_TEST(r.run(get_context).run([&] { return variable.get(); }) == 2);
  BOOST_TEST(variable.get() == -1);
}

BOOST_AUTO_TEST_CASE(test_recursive_run) {
  runner r;
  const auto outer = [&]() -> awaitable<void> {
    r.run(say_done());
    co_return;
  };
  BOOST_TEST(
      contains(thrown<std::runtime_error>([&] { r.run(outer); }), "run() cannot be called from a running event loop"));
}

BOOST_AUTO_TEST_CASE(test_interrupt_call_soon) {
  bool cancelled = false;
  const auto busy = [&]() -> awaitable<void> {
    try {
      for (;;)
        co_await sleep(0s);
    } catch (const cancelled_error&) {
      cancelled = true;
    }
    throw cancelled_error();
  };
  runner r;
  r.loop().call_later(10ms, interrupt_self);
  BOOST_CHECK_THROW(r.run(busy), keyboard_interrupt);
  BOOST_TEST(cancelled);
}

BOOST_AUTO_TEST_CASE(test_interrupt_wait) {
  runner r;
  const auto f = r.loop().create_future();
  bool cancelled = false;
  const auto waits = [&]() -> awaitable<void> {
    try {
      co_await f.get();
    } catch (const cancelled_error&) {
      cancelled = true;
    }
    throw cancelled_error();
  };
  r.loop().call_later(10ms, interrupt_self);
  BOOST_CHECK_THROW(r.run(waits), keyboard_interrupt);
  BOOST_TEST(cancelled);
  BOOST_TEST(f.cancelled());
}

// A main task that is cancelled already when Ctrl-C comes ends as that.
BOOST_AUTO_TEST_CASE(test_interrupt_cancelled_task) {
  const auto sub_task = [](any_task main) -> awaitable<void> {
    co_await sleep(0s);
    main.cancel();
    interrupt_self();
  };
  const auto body = [&]() -> awaitable<void> {
    create_task(sub_task(current_task()));
    co_await sleep(10s);
  };
  runner r;
  BOOST_CHECK_THROW(r.run(body), cancelled_error);
}

// Where Ctrl-C cannot be handled, on a thread that is not the main one, a runner does without.
BOOST_AUTO_TEST_CASE(test_signal_install_not_supported_ok) {
  std::string result;
  bool handled = true;
  std::thread other([&] {
    runner r;
    result = r.run([&]() -> awaitable<std::string> {
      struct sigaction now = {};
      ::sigaction(SIGINT, nullptr, &now);
      handled = now.sa_handler != SIG_DFL;
      co_return "done";
    });
  });
  other.join();
  BOOST_TEST(result == "done");
  BOOST_TEST(!handled);
}
