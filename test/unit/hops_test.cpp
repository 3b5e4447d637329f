// How many passes of the loop each operation takes: asyncio's hop table.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/children.hpp"
#include "../support/ticker.hpp"
#include "../support/trace.hpp"

#include <rondo/sleep.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/threads.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::ticker;
using support::trace;
using support::value_of;
using support::with_ticker;

namespace {

awaitable<int> tick_of(ticker& tick) { co_return tick.now(); }

/// Awaits a future and gives the tick of its resumption, however the wait ends.
awaitable<int> tick_after(ticker& tick, future<int> f) {
  co_await settle(f);
  co_return tick.now();
}

} // namespace

BOOST_AUTO_TEST_CASE(hops_the_ticker_counts_a_yield_as_one_pass) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    for (int i = 0; i < 200; ++i) { // also across the batches in which passes are run
      const int start = tick.now();
      co_await sleep(0s);
      BOOST_REQUIRE(tick.now() - start == 1);
    }
    const int start = tick.now();
    co_await testing::passes(5);
    BOOST_TEST(tick.now() - start == 5);
  });
}

BOOST_AUTO_TEST_CASE(hops_create_task_1_to_the_first_step_and_2_to_the_awaiter) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    const int start = tick.now();
    auto t = create_task(tick_of(tick));
    BOOST_TEST(!t.done());
    int first = co_await t.get();
    BOOST_TEST(first - start == 1);
    BOOST_TEST(tick.now() - start == 2);
  });
}

BOOST_AUTO_TEST_CASE(hops_await_of_a_plain_coroutine_0) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    const int start = tick.now();
    int v = co_await value_of(1);
    const auto nested = []() -> awaitable<int> { co_return co_await value_of(2); };
    v += co_await nested();
    BOOST_TEST(v == 3);
    BOOST_TEST(tick.now() - start == 0);
  });
}

BOOST_AUTO_TEST_CASE(hops_await_of_a_done_future_or_task_0) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    auto done = get_running_loop().create_future<int>();
    done.set_result(1);
    auto failed = get_running_loop().create_future<int>();
    failed.set_exception(std::runtime_error("x"));
    auto cancelled = get_running_loop().create_future<int>();
    cancelled.cancel();
    auto t = create_task(value_of(2));
    co_await t.get();
    const int start = tick.now();
    int a = co_await done.get();
    int b = co_await t.get();
    int c = co_await t.get();
    auto d = co_await settle(failed);
    auto e = co_await settle(cancelled);
    BOOST_TEST(tick.now() - start == 0);
    BOOST_TEST(a + b + c == 5);
    BOOST_TEST((d.error() && e.cancelled()));
  });
}

BOOST_AUTO_TEST_CASE(hops_sleep_of_zero_or_less_1) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    int start = tick.now();
    co_await sleep(0s);
    BOOST_TEST(tick.now() - start == 1);
    start = tick.now();
    co_await sleep(-1s);
    BOOST_TEST(tick.now() - start == 1);
    start = tick.now();
    co_await sleep(0s, 7);
    BOOST_TEST(tick.now() - start == 1);
  });
}

BOOST_AUTO_TEST_CASE(hops_sleep_of_more_2_the_timer_and_then_the_step) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    const auto sleeps = [&]() -> awaitable<int> {
      const int start = tick.now();
      co_await sleep(1ms);
      co_return tick.now() - start;
    };
    auto t = create_task(sleeps);
    get_running_loop().call_soon([] { testing::advance(1ms); }); // due from the pass after the sleep began
    int hops = co_await t.get();
    BOOST_TEST(hops == 2);
  });
}

BOOST_AUTO_TEST_CASE(hops_sleep_whose_timer_fires_in_pass_k_resumes_in_k_plus_1) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    const auto sleeps = [&]() -> awaitable<int> {
      co_await sleep(1ms);
      co_return tick.now();
    };
    auto t = create_task(sleeps);
    co_await sleep(0s); // t has armed its timer
    int fired = -1;
    get_running_loop().call_later(1ms, [&] { fired = tick.now(); });
    co_await testing::passes(3);
    BOOST_TEST(!t.done());
    testing::advance(1ms);
    int resumed = co_await t.get();
    BOOST_TEST(resumed - fired == 1);
  });
}

BOOST_AUTO_TEST_CASE(hops_set_result_set_exception_and_cancel_1_to_the_waiter) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    for (int how = 0; how < 3; ++how) {
      auto f = get_running_loop().create_future<int>();
      auto t = create_task(tick_after(tick, f));
      co_await testing::passes(2);
      const int start = tick.now();
      if (how == 0) f.set_result(1);
      if (how == 1) f.set_exception(std::runtime_error("x"));
      if (how == 2) f.cancel();
      int resumed = co_await t.get();
      BOOST_TEST(resumed - start == 1);
      BOOST_TEST(tick.now() - start == 2); // one more for the awaiter of that task
    }
  });
}

BOOST_AUTO_TEST_CASE(hops_done_callbacks_1_also_when_added_to_a_done_future) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    auto f = get_running_loop().create_future<int>();
    int first = -1;
    int second = -1;
    f.add_done_callback([&] { first = tick.now(); });
    const int start = tick.now();
    f.set_result(1);
    f.add_done_callback([&] { second = tick.now(); });
    co_await testing::passes(2);
    BOOST_TEST(first - start == 1);
    BOOST_TEST(second - start == 1);
  });
}

BOOST_AUTO_TEST_CASE(hops_waiters_and_callbacks_share_one_fifo) {
  trace log;
  with_ticker([&](ticker& tick) -> awaitable<void> {
    auto f = get_running_loop().create_future<void>();
    const auto waits = [&](std::string name) -> awaitable<void> {
      co_await f.get();
      log.push_back(name);
    };
    f.add_done_callback([&] { log.push_back("cb1"); });
    create_task(waits("w1"));
    create_task(waits("w2"));
    co_await testing::passes(1);
    f.add_done_callback([&] { log.push_back("cb2"); });
    f.set_result();
    const int start = tick.now();
    co_await sleep(0s);
    log.push_back("pass " + std::to_string(tick.now() - start));
  });
  CHECK_TRACE(log, "cb1", "w1", "w2", "cb2", "pass 1");
}

BOOST_AUTO_TEST_CASE(hops_k_task_boundaries_take_k_passes_from_cancel_to_the_top) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    for (int k = 1; k <= 5; ++k) {
      std::vector<int> at;
      const auto level = [&](task<void> below) -> awaitable<void> {
        co_await settle(below); // its own cancellation passes through
      };
      const auto leaf = [&]() -> awaitable<void> { co_await sleep(1h); };
      const auto traced = [&](awaitable<void> body) -> awaitable<void> {
        std::exception_ptr error;
        try {
          co_await std::move(body);
        } catch (const cancelled_error&) {
          error = std::current_exception();
        }
        at.push_back(tick.now());
        std::rethrow_exception(error);
      };
      auto top = create_task(traced(leaf()));
      for (int i = 1; i < k; ++i) {
        auto above = create_task(traced(level(top)));
        top = above;
      }
      co_await testing::passes(k + 1);
      const int start = tick.now();
      top.cancel();
      co_await settle(top);
      BOOST_REQUIRE(at.size() == static_cast<std::size_t>(k));
      for (int i = 0; i < k; ++i)
        BOOST_TEST(at[static_cast<std::size_t>(i)] - start == i + 1);
      BOOST_TEST(tick.now() - start == k + 1); // the task that awaits the top
    }
  });
}

BOOST_AUTO_TEST_CASE(hops_plain_coroutine_boundaries_cost_a_cancel_nothing) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    const auto leaf = []() -> awaitable<void> { co_await sleep(1h); };
    const auto middle = [&]() -> awaitable<void> { co_await leaf(); };
    const auto top = [&]() -> awaitable<int> {
      co_await settle(middle());
      co_return 0;
    };
    auto t = create_task(top);
    int ended = -1;
    t.add_done_callback([&] { ended = tick.now(); });
    co_await testing::passes(2);
    const int start = tick.now();
    t.cancel();
    co_await settle(t);
    BOOST_TEST(ended - start == 2);      // 1 to the leaf and with it through all coroutines, 1 to the callback
    BOOST_TEST(tick.now() - start == 2); // the awaiter is in the same list
    BOOST_TEST(t.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(hops_cancel_of_an_unstarted_task_takes_effect_at_its_first_step) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    auto t = create_task(value_of(1));
    const int start = tick.now();
    t.cancel();
    BOOST_TEST(!t.done());
    int ended = -1;
    t.add_done_callback([&] { ended = tick.now(); });
    co_await settle(t);
    BOOST_TEST(ended - start == 2);
    BOOST_TEST(tick.now() - start == 2);
  });
}

BOOST_AUTO_TEST_CASE(hops_cancel_and_wait_2_for_a_task_that_waits) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    auto t = create_task(sleep(1h));
    co_await testing::passes(2);
    const int start = tick.now();
    co_await cancel_and_wait(t);
    BOOST_TEST(tick.now() - start == 2);
    co_await cancel_and_wait(t); // done: nothing to wait for
    BOOST_TEST(tick.now() - start == 2);
  });
}

BOOST_AUTO_TEST_CASE(hops_an_error_for_a_wrong_await_comes_in_the_next_pass) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    task<int> self;
    self = create_task([&]() -> awaitable<int> {
      const int start = tick.now();
      auto s = co_await settle(self);
      BOOST_TEST((s.error_as<std::runtime_error>() != nullptr));
      co_return tick.now() - start;
    });
    int hops = co_await self.get();
    BOOST_TEST(hops == 1);
  });
}

BOOST_AUTO_TEST_CASE(hops_eager_tasks_take_0_until_they_block) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    const int start = tick.now();
    auto t = create_task(tick_of(tick), task_options().eager(true));
    BOOST_TEST(t.done());
    int first = co_await t.get();
    BOOST_TEST(first - start == 0);
    BOOST_TEST(tick.now() - start == 0);

    const auto yields = [&]() -> awaitable<int> {
      co_await sleep(0s);
      co_return tick.now();
    };
    auto blocks = create_task(yields, task_options().eager(true));
    int resumed = co_await blocks.get();
    BOOST_TEST(resumed - start == 1);
    BOOST_TEST(tick.now() - start == 2);
  });
}

BOOST_AUTO_TEST_CASE(hops_run_in_executor_2_or_more_one_of_them_after_the_result_was_set) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    const event_loop loop = get_running_loop();
    const int start = tick.now();
    auto f = loop.run_in_executor(nullptr, [] { return 6; });
    int called = -1;
    f.add_done_callback([&] { called = tick.now(); });
    int v = co_await f.get();
    const int resumed = tick.now();
    BOOST_TEST(v == 6);
    BOOST_TEST(resumed - start >= 2);
    BOOST_TEST(called == resumed);

    // The second half alone: what a thread sets in pass k resumes the waiter in pass k + 1.
    auto set = loop.create_future<int>();
    int at = -1;
    loop.call_soon_threadsafe([&] {
      at = tick.now();
      set.set_result(1);
    });
    co_await set.get();
    BOOST_TEST(tick.now() - at == 1);
  });
}
