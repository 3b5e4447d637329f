// Coroutines that co_spawn starts, inside a task and outside of the library, on every kind of loop.
// Timers of the operating system and threads: in real time.
// SPDX-License-Identifier: BSL-1.0
// labels: short threads
#include "../support/expect.hpp"
#include "../support/loop_kinds.hpp"

#include <rondo/errors.hpp>
#include <rondo/future.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/task_group.hpp>
#include <rondo/timeout.hpp>
#include <rondo/use_task.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace support;
using rondo::awaitable;

namespace {

awaitable<void> plain_timer(std::chrono::microseconds d) {
  asio::steady_timer timer(rondo::get_running_loop().get_executor(), d);
  co_await timer.async_wait(asio::deferred);
}

} // namespace

BOOST_AUTO_TEST_CASE(raw_coroutine_does_not_inherit_the_cancellation_of_its_task) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    auto child_ended = rondo::get_running_loop().create_future<std::string>();
    auto child = [child_ended]() -> awaitable<void> {
      try {
        co_await plain_timer(5ms);
        co_await rondo::sleep(1ms);
        child_ended.set_result("completed");
      } catch (...) {
        child_ended.set_result("cancelled");
      }
    };
    auto body = [&]() -> awaitable<void> {
      const auto executor = co_await asio::this_coro::executor;
      asio::co_spawn(executor, child, asio::detached);
      co_await rondo::sleep(1min);
    };
    auto t = rondo::create_task(body);
    co_await rondo::sleep(1ms);
    t.cancel();
    co_await rondo::settle(t);
    BOOST_TEST(t.cancelled());
    const std::string end = co_await child_ended.get();
    BOOST_TEST(end == "completed");
  });
}

BOOST_AUTO_TEST_CASE(raw_coroutine_cannot_use_blocks_that_would_cancel_its_task) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    auto body = [] { return rondo::sleep(1min); };
    auto limited = [&] { return rondo::with_timeout(1us, body); };
    auto waits = [&] { return rondo::wait_for(rondo::sleep(1min), 1us); };
    auto groups = [&] { return rondo::with_task_group(body); };
    const std::vector<std::function<awaitable<void>()>> blocks{limited, waits, groups};
    for (const std::function<awaitable<void>()>& block : blocks) {
      std::string error;
      try {
        co_await asio::co_spawn(executor, block, asio::use_awaitable);
      } catch (const std::runtime_error& e) {
        error = e.what();
      }
      BOOST_TEST(contains(error, "this coroutine was started inside of task"));
    }
    co_await rondo::sleep(2ms); // nobody has cancelled the task
    BOOST_TEST(rondo::current_task().cancelling() == 0);
  });
}

BOOST_AUTO_TEST_CASE(raw_coroutine_and_its_task_wait_for_futures_at_once) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    const rondo::event_loop loop = rondo::get_running_loop();
    for (bool cancel : {false, true}) {
      std::vector<std::string> trace;
      auto for_child = loop.create_future<int>();
      auto for_parent = loop.create_future<int>();
      auto ready = loop.create_future<int>();
      auto child_ended = loop.create_future<void>();
      ready.set_result(1);
      auto child = [&]() -> awaitable<void> {
        co_await ready.get(); // is over before it begins, while the parent's slice goes on
        trace.push_back("child ready");
        const int n = co_await for_child.get();
        trace.push_back("child " + std::to_string(n));
        child_ended.set_result();
      };
      auto body = [&]() -> awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        asio::co_spawn(executor, child, asio::detached);
        try {
          const int n = co_await for_parent.get();
          trace.push_back("parent " + std::to_string(n));
        } catch (const rondo::cancelled_error&) {
          trace.push_back("parent cancelled");
        }
      };
      auto t = rondo::create_task(body);
      co_await rondo::sleep(1ms);
      if (cancel)
        t.cancel();
      else
        for_parent.set_result(2);
      co_await t.get();
      for_child.set_result(3);
      co_await child_ended.get();
      const std::vector<std::string> expected = {"child ready", cancel ? "parent cancelled" : "parent 2", "child 3"};
      BOOST_TEST(trace == expected, boost::test_tools::per_element());
    }
  });
}

BOOST_AUTO_TEST_CASE(raw_coroutine_is_cancelled_through_its_own_slot_only) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    asio::cancellation_signal stop;
    std::string end;
    auto ended = rondo::get_running_loop().create_future<void>();
    auto child = [&]() -> awaitable<void> {
      asio::steady_timer timer(rondo::get_running_loop().get_executor(), 1h);
      try {
        co_await timer.async_wait(rondo::use_task);
        end = "result";
      } catch (const rondo::cancelled_error&) {
        end = "cancelled";
      }
      ended.set_result();
    };
    auto body = [&]() -> awaitable<void> {
      const auto executor = co_await asio::this_coro::executor;
      auto on_end = [](std::exception_ptr) {};
      asio::co_spawn(executor, child, asio::bind_cancellation_slot(stop.slot(), on_end));
      co_await rondo::sleep(2ms);
      BOOST_TEST(end == "");
      stop.emit(asio::cancellation_type::terminal);
      co_await ended.get();
    };
    auto t = rondo::create_task(body);
    co_await t.get();
    BOOST_TEST(end == "cancelled");
  });
}

BOOST_AUTO_TEST_CASE(current_task_in_a_raw_coroutine_is_the_task_while_that_lives) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    std::vector<std::string> trace;
    auto seen = rondo::get_running_loop().create_future<void>();
    auto ended = rondo::get_running_loop().create_future<void>();
    auto name = [] { return rondo::current_task() ? rondo::current_task().name() : std::string("none"); };
    auto child = [&]() -> awaitable<void> {
      trace.push_back(name());
      co_await plain_timer(1ms);
      trace.push_back(name());
      seen.set_result();
      co_await plain_timer(10ms);
      trace.push_back(name());
      co_await rondo::sleep(1ms);
      trace.push_back(name());
      ended.set_result();
    };
    auto body = [&]() -> awaitable<void> {
      const auto executor = co_await asio::this_coro::executor;
      asio::co_spawn(executor, child, asio::detached);
      co_await seen.get();
    };
    auto t = rondo::create_task(body, rondo::task_options().name("parent"));
    co_await t.get();
    // Tasks that come now must not be taken for the old one.
    auto later = [] { return plain_timer(15ms); };
    for (int i = 0; i < 5; ++i)
      rondo::create_task(later, rondo::task_options().name("later"));
    co_await ended.get();
    const std::vector<std::string> expected = {"parent", "parent", "none", "none"};
    BOOST_TEST(trace == expected, boost::test_tools::per_element());
  });
}

BOOST_AUTO_TEST_CASE(executor_kept_beyond_the_end_of_its_task_shows_no_other_task) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    asio::any_io_executor kept;
    auto body = [&]() -> awaitable<void> { kept = co_await asio::this_coro::executor; };
    auto t = rondo::create_task(body);
    co_await t.get();
    auto other = [] { return plain_timer(5ms); };
    std::vector<rondo::task<void>> others;
    for (int i = 0; i < 5; ++i)
      others.push_back(rondo::create_task(other));
    co_await rondo::sleep(1ms);
    auto seen = rondo::get_running_loop().create_future<bool>();
    asio::post(kept, [seen] { seen.set_result(static_cast<bool>(rondo::current_task())); });
    const bool a_task = co_await seen.get();
    BOOST_TEST(!a_task);
    for (auto& o : others)
      co_await o.get();
  });
}

namespace {

/// A task that leaves a raw coroutine behind, which waits for something from another thread.
template <class Context>
void raw_coroutine_outlives_its_task(Context& context, asio::any_io_executor executor, void (*run)(Context&)) {
  rondo::event_loop loop(executor);
  bool child_ended = false;
  std::thread other;
  auto child = [&]() -> awaitable<void> {
    auto f = loop.create_future<void>();
    other = std::thread([&loop, f] {
      std::this_thread::sleep_for(20ms);
      loop.call_soon_threadsafe([f] { f.set_result(); });
    });
    co_await f.get();
    child_ended = true;
  };
  auto body = [&]() -> awaitable<void> {
    const auto e = co_await asio::this_coro::executor;
    asio::co_spawn(e, child, asio::detached);
  };
  asio::post(executor, [&] { loop.create_task(body); });
  run(context);
  BOOST_TEST(child_ended);
  other.join();
}

} // namespace

BOOST_AUTO_TEST_CASE(raw_coroutine_keeps_an_attached_context_running) {
  asio::io_context a(1);
  raw_coroutine_outlives_its_task<asio::io_context>(a, a.get_executor(), [](asio::io_context& c) { c.run(); });
  asio::io_context b(1);
  raw_coroutine_outlives_its_task<asio::io_context>(b, asio::make_strand(b), [](asio::io_context& c) { c.run(); });
  asio::thread_pool p(4);
  raw_coroutine_outlives_its_task<asio::thread_pool>(p, asio::make_strand(p), [](asio::thread_pool& c) { c.join(); });
}

namespace {

/// A coroutine that plain Asio runs on the executor of a loop awaits a future of that loop, and then a sleep.
template <class Context>
void plain_coroutine_awaits(Context& context, asio::any_io_executor executor, void (*run)(Context&)) {
  rondo::event_loop loop(executor);
  int value = 0;
  std::string problem;
  auto body = [&]() -> awaitable<void> {
    auto f = loop.create_future<int>();
    loop.call_later(1ms, [f] { f.set_result(42); });
    value = co_await f.get();
    BOOST_TEST(!rondo::current_task());
    co_await asio::post(asio::deferred); // out of the loop's turn again
    try {
      co_await rondo::sleep(1ms);
    } catch (const std::runtime_error& e) {
      problem = e.what();
    }
  };
  asio::co_spawn(executor, body, [](std::exception_ptr error) { BOOST_TEST(!error); });
  run(context);
  BOOST_TEST(value == 42);
  BOOST_TEST(problem == "no running event loop");
}

} // namespace

BOOST_AUTO_TEST_CASE(plain_coroutine_on_the_executor_of_a_loop_awaits_its_futures) {
  asio::io_context a(1);
  plain_coroutine_awaits<asio::io_context>(a, a.get_executor(), [](asio::io_context& c) { c.run(); });
  asio::io_context b(1);
  plain_coroutine_awaits<asio::io_context>(b, asio::make_strand(b), [](asio::io_context& c) { c.run(); });
  asio::thread_pool p(4);
  plain_coroutine_awaits<asio::thread_pool>(p, asio::make_strand(p), [](asio::thread_pool& c) { c.join(); });
}
