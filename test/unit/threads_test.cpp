// Between threads and loops: run_coroutine_threadsafe, concurrent_future, to_thread, blocking, loop_thread.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <future>
#include <latch>
#include <string>
#include <thread>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;

namespace {

awaitable<int> number(int i) {
  co_await sleep(0ms);
  co_return i;
}

awaitable<int> failing() {
  co_await sleep(0ms);
  throw std::runtime_error("from the loop");
}

/// Sleeps until it is cancelled, then takes its time to clean up.
awaitable<int> slow_to_end(std::atomic<int>& state) {
  state = 1;
  bool cancelled = false;
  try {
    co_await sleep(std::nullopt);
  } catch (const cancelled_error&) {
    cancelled = true;
  }
  co_await sleep(2ms);
  state = 2;
  if (cancelled) throw cancelled_error("cleaned up");
  co_return 0;
}

template <class F>
bool eventually(F&& condition) {
  for (int i = 0; i < 5000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(1ms);
  }
  return false;
}

} // namespace

BOOST_AUTO_TEST_CASE(TH2_result_exception_and_cancellation_arrive) {
  loop_thread thread;
  BOOST_TEST(thread.submit(number(7)).result(10s) == 7);
  BOOST_CHECK_EXCEPTION(thread.submit(failing()).result(10s), std::runtime_error,
                        [](const auto& e) { return std::string(e.what()) == "from the loop"; });
  // a task that is cancelled on the loop's side cancels the future
  auto self_cancelled = thread.submit([]() -> awaitable<void> {
    throw cancelled_error("by hand");
    co_return;
  });
  BOOST_CHECK_THROW(self_cancelled.result(10s), future_cancelled);
  BOOST_TEST(self_cancelled.cancelled());
}

BOOST_AUTO_TEST_CASE(TH2_a_cancelled_result_throws_at_once_and_the_task_cleans_up_later) {
  loop_thread thread;
  std::atomic<int> state{0};
  auto f = thread.submit(slow_to_end(state));
  BOOST_REQUIRE(eventually([&] { return state == 1; }));
  BOOST_TEST(f.cancel());
  BOOST_CHECK_THROW(f.result(10s), future_cancelled);
  BOOST_TEST(eventually([&] { return state == 2; }));
}

BOOST_AUTO_TEST_CASE(TH2_a_failing_factory_is_the_result_and_is_reported) {
  loop_thread thread;
  std::promise<std::string> reported;
  thread.loop().call_soon_threadsafe([&] {
    get_running_loop().set_exception_handler(
        [&](event_loop, const exception_context& c) { reported.set_value(c.message); });
    // The loop cannot make a task: that is an error of the submission, not of the coroutine.
    get_running_loop().set_task_factory([](task_options&) { throw std::logic_error("no tasks today"); });
  });
  auto f = thread.submit(number(1));
  BOOST_CHECK_THROW(f.result(10s), std::logic_error);
  BOOST_TEST(reported.get_future().get() == "run_coroutine_threadsafe could not start the coroutine");
  thread.loop().call_soon_threadsafe([] { get_running_loop().set_task_factory({}); });
}

BOOST_AUTO_TEST_CASE(TH2_the_callable_is_kept_until_its_coroutine_has_ended) {
  loop_thread thread;
  auto owner = std::make_shared<int>(5);
  std::weak_ptr<int> watch = owner;
  auto f = thread.submit([owner = std::move(owner)]() -> awaitable<int> {
    co_await sleep(1ms);
    co_return *owner;
  });
  BOOST_TEST(f.result(10s) == 5);
  BOOST_TEST(eventually([&] { return watch.expired(); }));
}

BOOST_AUTO_TEST_CASE(TH2_a_loop_that_ends_completes_what_was_submitted) {
  concurrent_future<int> f;
  {
    boost::asio::io_context io(1);
    event_loop loop(io.get_executor());
    f = run_coroutine_threadsafe(number(1), loop);
  }
  BOOST_TEST(f.done());
  BOOST_CHECK_THROW(f.result(), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(TH2_a_closed_loop_refuses) {
  std::optional<event_loop> loop;
  {
    runner r;
    loop = r.loop();
  }
  BOOST_CHECK_EXCEPTION(run_coroutine_threadsafe(number(1), *loop), std::runtime_error,
                        [](const auto& e) { return std::string(e.what()) == "Event loop is closed"; });
}

BOOST_AUTO_TEST_CASE(the_last_handle_of_a_pending_future_with_callbacks_may_go_on_any_thread) {
  loop_thread thread;
  auto held = std::make_shared<int>(1);
  std::weak_ptr<int> watch = held;
  {
    std::promise<future<int>> made;
    thread.loop().call_soon_threadsafe([&, held = std::move(held)]() mutable {
      future<int> f = get_running_loop().create_future<int>();
      f.add_done_callback([held = std::move(held)] {});
      made.set_value(f);
    });
    const future<int> f = made.get_future().get();
    for (int i = 0; i < 100; ++i)
      thread.loop().call_soon_threadsafe([] {}); // keeps the loop's lists busy
  }
  BOOST_TEST(eventually([&] { return watch.expired(); }));
}

BOOST_AUTO_TEST_CASE(TH3_wrap_future_copies_and_cancels) {
  concurrent_future<int> ready, refused, waiting;
  ready.set_result(3);
  std::thread later;
  run([&]() -> awaitable<void> {
    BOOST_TEST(co_await wrap_future(ready).get() == 3);
    later = std::thread([&] { waiting.set_result(4); });
    BOOST_TEST(co_await wrap_future(waiting).get() == 4);
    auto wrapped = wrap_future(refused);
    wrapped.cancel();
    co_await testing::passes(2);
    BOOST_TEST(refused.cancelled());
  });
  later.join();
}

BOOST_AUTO_TEST_CASE(TH3_cancelling_a_running_concurrent_future_has_no_effect) {
  concurrent_future<int> f;
  BOOST_TEST(f.set_running_or_notify_cancel());
  run([&]() -> awaitable<void> {
    auto wrapped = wrap_future(f);
    wrapped.cancel();
    co_await testing::passes(2);
  });
  BOOST_TEST(!f.cancelled());
  f.set_result(1);
  BOOST_TEST(f.result() == 1);
}

BOOST_AUTO_TEST_CASE(TH3_a_completion_after_the_loop_was_closed_is_ignored) {
  concurrent_future<int> f;
  run([&]() -> awaitable<void> {
    wrap_future(f);
    co_return;
  });
  f.set_result(1);
  BOOST_TEST(f.result() == 1);
}

BOOST_AUTO_TEST_CASE(TH4_to_thread_runs_elsewhere_in_a_copy_of_the_context) {
  static context_var<int> var("TH4", 0);
  run([]() -> awaitable<void> {
    auto token = var.set(5);
    const auto here = std::this_thread::get_id();
    auto there = co_await to_thread([] {
      const int seen = var.get();
      var.set(6); // a copy: the caller does not see it
      return std::pair(seen, std::this_thread::get_id());
    });
    BOOST_TEST(there.first == 5);
    BOOST_CHECK(there.second != here);
    BOOST_TEST(var.get() == 5);
    var.reset(token);
  });
}

BOOST_AUTO_TEST_CASE(TH4_a_cancelled_to_thread_returns_at_once_and_its_exception_is_dropped) {
  static std::atomic<int> state;
  state = 0;
  static std::latch* release;
  std::latch gate(1);
  release = &gate;
  std::vector<std::string> log;
  set_log_sink([&](std::string_view text) { log.emplace_back(text); });
  run([]() -> awaitable<void> {
    auto t = create_task(to_thread([] {
      state = 1;
      release->wait();
      state = 2;
      throw std::runtime_error("late");
    }));
    while (state == 0)
      co_await sleep(1ms);
    t.cancel();
    auto outcome = co_await settle(t);
    BOOST_TEST(outcome.cancelled());
    BOOST_TEST(state == 1);
    release->count_down();
  });
  BOOST_TEST(state == 2); // run waited for the thread
  set_log_sink({});
  BOOST_TEST(log.empty());
}

BOOST_AUTO_TEST_CASE(TH5_the_default_executor_refuses_after_its_shutdown) {
  boost::asio::io_context io(1);
  event_loop loop(io.get_executor());
  loop.create_task([]() -> awaitable<void> {
    BOOST_TEST(co_await to_thread([] { return 1; }) == 1);
    co_await get_running_loop().shutdown(1s);
    BOOST_CHECK_EXCEPTION(co_await to_thread([] { return 1; }), std::runtime_error,
                          [](const auto& e) { return std::string(e.what()) == "Executor shutdown has been called"; });
  });
  io.run();
}

BOOST_AUTO_TEST_CASE(blocking_waits_for_the_end_and_passes_a_stop_request) {
  run([]() -> awaitable<void> {
    std::atomic<bool> begun{false}, ended{false};
    auto body = [&]() -> awaitable<void> {
      co_await blocking([&](std::stop_token stop) {
        begun = true;
        while (!stop.stop_requested())
          std::this_thread::sleep_for(1ms);
        ended = true;
      });
    };
    auto t = create_task(body);
    while (!begun)
      co_await sleep(1ms);
    t.cancel();
    auto outcome = co_await settle(t);
    BOOST_TEST(outcome.cancelled());
    BOOST_TEST(ended);
  });
}

BOOST_AUTO_TEST_CASE(blocking_gives_results_and_exceptions) {
  run([]() -> awaitable<void> {
    int local = 1;
    BOOST_TEST(co_await blocking([&] { return ++local; }) == 2);
    BOOST_CHECK_THROW(co_await blocking([] { throw std::logic_error("x"); }), std::logic_error);
    auto move_only = co_await blocking([] { return std::make_unique<int>(4); });
    BOOST_TEST(*move_only == 4);
  });
}

BOOST_AUTO_TEST_CASE(run_in_executor_before_the_loop_runs) {
  rondo::runner r;
  const auto f = r.loop().run_in_executor(nullptr, [] { return 7; });
  BOOST_TEST(r.run(f) == 7);
}

BOOST_AUTO_TEST_CASE(run_in_executor_is_bounded_and_a_queued_job_can_be_cancelled) {
  auto pool = std::make_shared<thread_pool_executor>(2);
  std::atomic<int> running{0}, most{0}, calls{0};
  run([&]() -> awaitable<void> {
    auto job = [&] {
      ++calls;
      int now = ++running;
      int seen = most;
      while (now > seen && !most.compare_exchange_weak(seen, now)) {
      }
      std::this_thread::sleep_for(2ms);
      --running;
      return now;
    };
    std::vector<future<int>> all;
    const event_loop loop = get_running_loop();
    for (int i = 0; i < 10; ++i)
      all.push_back(loop.run_in_executor(pool, job));
    auto queued = loop.run_in_executor(pool, job);
    queued.cancel();
    for (auto& f : all)
      co_await f.get();
  });
  BOOST_TEST(most <= 2);
  pool->shutdown();
  BOOST_TEST(calls == 10);
  BOOST_CHECK_THROW(pool->submit([] {}), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(thread_pool_executor_refuses_zero_threads) {
  BOOST_CHECK_THROW(thread_pool_executor(0), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(concurrent_future_states) {
  concurrent_future<int> f;
  BOOST_TEST(!f.done());
  BOOST_CHECK_THROW(f.result(1ms), timeout_error);
  int calls = 0;
  f.add_done_callback([&](const concurrent_future<int>& done) { calls += done.result(); });
  f.set_result(2);
  BOOST_TEST(calls == 2);
  f.add_done_callback([&] { calls += 10; }); // done already: at once
  BOOST_TEST(calls == 12);
  BOOST_CHECK_THROW(f.set_result(3), invalid_state_error);
  BOOST_TEST(!f.cancel());
  BOOST_TEST((f.exception() == nullptr));

  concurrent_future<> c;
  BOOST_TEST(c.cancel());
  BOOST_CHECK_THROW(c.set_result(), invalid_state_error);
  BOOST_TEST(!c.set_running_or_notify_cancel());
  BOOST_CHECK_THROW(c.exception(), future_cancelled);

  concurrent_future<> e;
  BOOST_CHECK_THROW(e.set_exception(nullptr), std::invalid_argument);
  e.set_exception(std::make_exception_ptr(std::logic_error("x")));
  BOOST_CHECK_THROW(e.result(), std::logic_error);
}

BOOST_AUTO_TEST_CASE(waiting_for_a_concurrent_future_on_a_loop_is_refused_at_once) {
  concurrent_future<int> f;
  run([&]() -> awaitable<void> {
    BOOST_CHECK_EXCEPTION(f.result(), std::runtime_error, [](const auto& e) {
      return std::string(e.what()).find("co_await wrap_future") != std::string::npos;
    });
    co_return;
  });
}

BOOST_AUTO_TEST_CASE(loop_thread_stops_twice_cancels_its_tasks_and_refuses_its_own_thread) {
  loop_thread thread;
  std::atomic<int> state{0};
  auto f = thread.submit(slow_to_end(state));
  auto own = thread.submit([&]() -> awaitable<bool> {
    try {
      thread.stop();
    } catch (const std::runtime_error&) {
      co_return true;
    }
    co_return false;
  });
  BOOST_TEST(own.result(10s));
  BOOST_REQUIRE(eventually([&] { return state == 1; }));
  thread.stop();
  BOOST_TEST(state == 2);
  BOOST_TEST(f.done());
  thread.stop();
}

BOOST_AUTO_TEST_CASE(a_virtual_clock_waits_for_threads) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto begin = rondo::clock::now();
    co_await to_thread([] { std::this_thread::sleep_for(5ms); });
    BOOST_CHECK(rondo::clock::now() == begin);
    co_await sleep(1h);
    BOOST_CHECK(rondo::clock::now() - begin == 1h);
  });
}
