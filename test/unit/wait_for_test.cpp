// wait_for: rules WF1 to WF4, its passes.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/ticker.hpp"
#include "../support/trace.hpp"

#include <rondo/context.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/timeout.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using namespace support;

namespace {

const std::vector<time_limit> no_time{0s, -1s, clock::duration::min()};

} // namespace

// --- WF1 ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(WF1_without_a_limit_it_is_a_plain_await) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    int start = tick.now();
    int v = co_await wait_for(value_of(1), std::nullopt);
    BOOST_TEST(v == 1);
    BOOST_TEST(tick.now() == start);
    start = tick.now();
    v = co_await wait_for(value_after_passes(2, 3), std::nullopt);
    BOOST_TEST(v == 3);
    BOOST_TEST(tick.now() - start == 2);
    auto end = co_await end_of(wait_for(fails("as it is"), std::nullopt));
    BOOST_TEST(end == "as it is");
  });
}

BOOST_AUTO_TEST_CASE(WF1_without_time_what_is_done_gives_its_outcome) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    auto failed = new_future();
    failed.set_exception(std::make_exception_ptr(std::runtime_error("failed")));
    auto cancelled = new_future();
    cancelled.cancel("why");
    auto done = create_task(value_of(2));
    co_await done.get();
    const int start = tick.now();
    for (const time_limit limit : no_time) {
      int v = co_await wait_for(future_with(1), limit);
      BOOST_TEST(v == 1);
      v = co_await wait_for(done, limit);
      BOOST_TEST(v == 2);
      auto end = co_await end_of(wait_for(failed, limit));
      BOOST_TEST(end == "failed");
      end = co_await end_of(wait_for(cancelled, limit));
      BOOST_TEST(end == "Cancelled(why)");
    }
    BOOST_TEST(tick.now() == start);
  });
}

BOOST_AUTO_TEST_CASE(WF1_without_time_the_rest_is_cancelled_and_awaited_to_its_end) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto slow = create_task(ends_late(&log));
    auto refusing = create_task(refuses(5));
    auto failing = create_task(fails_instead("clean-up"));
    co_await sleep(0s);
    auto end = co_await end_of(wait_for(slow, 0s));
    BOOST_TEST(end == "Timeout");
    BOOST_TEST(slow.cancelled());
    BOOST_TEST(now_is(1s));
    int v = co_await wait_for(refusing, -1s);
    BOOST_TEST(v == 5);
    end = co_await end_of(wait_for(failing, 0s));
    BOOST_TEST(end == "clean-up");
    BOOST_TEST(current_task().cancelling() == 0);
  });
  CHECK_TRACE(log, "late");
}

BOOST_AUTO_TEST_CASE(WF1_without_time_a_cancel_of_the_user_leaves_the_cancelled_one_to_itself) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto inner = create_task(ends_late(&log));
    co_await sleep(0s);
    auto user = create_task(wait_for(inner, 0s));
    co_await testing::passes(3);
    user.cancel("why");
    auto s = co_await settle(user);
    BOOST_TEST(message_of(s) == "why");
    BOOST_TEST(user.cancelling() == 1);
    BOOST_TEST(inner.cancelling() == 1);
    BOOST_TEST(!inner.done());
    co_await settle(inner);
    BOOST_TEST(inner.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(hops_wait_for_without_time_done_0_pending_future_2_coroutine_3) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    for (const time_limit limit : no_time) {
      int start = tick.now();
      auto end = co_await end_of(wait_for(new_future(), limit));
      BOOST_TEST(end == "Timeout");
      BOOST_TEST(tick.now() - start == 2);

      bool ran = false;
      const auto body = [&]() -> awaitable<void> {
        ran = true;
        co_return;
      };
      start = tick.now();
      end = co_await end_of(wait_for(body(), limit));
      BOOST_TEST(end == "Timeout");
      BOOST_TEST(tick.now() - start == 3);
      BOOST_TEST(!ran);

      auto t = create_task(for_ever());
      co_await sleep(0s);
      start = tick.now();
      end = co_await end_of(wait_for(t, limit));
      BOOST_TEST(end == "Timeout");
      BOOST_TEST(tick.now() - start == 3);
    }
  });
}

BOOST_AUTO_TEST_CASE(hops_wait_for_with_time_takes_no_pass_of_its_own) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    int start = tick.now();
    int v = co_await wait_for(value_of(1), 1s);
    v += co_await wait_for(future_with(2), 1s);
    BOOST_TEST(v == 3);
    BOOST_TEST(tick.now() == start);
    start = tick.now();
    v = co_await wait_for(value_after_passes(3, 4), 1s);
    BOOST_TEST(tick.now() - start == 3);
    auto t = create_task(value_of(5));
    start = tick.now();
    v = co_await wait_for(t, 1s);
    BOOST_TEST(v == 5);
    BOOST_TEST(tick.now() - start == 2); // as an await of the task
  });
}

// --- WF2 ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(WF2_a_swallowed_cancel_gives_the_value) {
  testing::run_virtual([]() -> awaitable<void> {
    int v = co_await wait_for(refuses(5), 1s);
    auto t = create_task(refuses(6));
    int w = co_await wait_for(t, 1s);
    BOOST_TEST(v == 5);
    BOOST_TEST(w == 6);
    BOOST_TEST(current_task().cancelling() == 0);
    co_await sleep(1s);
  });
}

BOOST_AUTO_TEST_CASE(WF2_an_exception_of_the_clean_up_wins) {
  testing::run_virtual([]() -> awaitable<void> {
    auto end = co_await end_of(wait_for(fails_instead("clean-up"), 1s));
    BOOST_TEST(end == "clean-up");
    end = co_await end_of(wait_for(create_task(fails_instead("clean-up")), 1s));
    BOOST_TEST(end == "clean-up");
    BOOST_TEST(current_task().cancelling() == 0);
  });
}

BOOST_AUTO_TEST_CASE(WF2_the_source_is_awaited_to_its_end_however_long_that_takes) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto end = co_await end_of(wait_for(ends_late(&log), 2s));
    BOOST_TEST(end == "Timeout");
    BOOST_TEST(now_is(3s));
  });
  CHECK_TRACE(log, "late");
}

// --- WF3 ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(WF3_a_cancel_of_the_user_in_the_pass_of_the_completion_wins) {
  testing::run_virtual([]() -> awaitable<void> {
    for (const bool cancel_first : {false, true}) {
      auto f = new_future();
      auto user = create_task(wait_for(f, 1h));
      co_await testing::passes(2);
      if (cancel_first) user.cancel();
      if (!f.done()) f.set_result(5);
      if (!cancel_first) user.cancel();
      co_await settle(user);
      BOOST_TEST(user.cancelled());
      BOOST_TEST(user.cancelling() == 1);
      BOOST_TEST(f.cancelled() == cancel_first);
    }
  });
}

BOOST_AUTO_TEST_CASE(WF3_the_end_of_the_time_in_the_pass_of_the_completion_wins_as_cpython_3_14) {
  testing::run_virtual([]() -> awaitable<void> {
    for (const bool completed_first : {false, true}) {
      auto f = new_future();
      const auto complete = [f]() mutable {
        if (!f.done()) f.set_result(5);
      };
      if (completed_first) get_running_loop().call_later(1s, complete);
      auto user = create_task(wait_for(f, 1s));
      co_await sleep(0s);
      if (!completed_first) get_running_loop().call_later(1s, complete);
      auto s = co_await settle(user);
      BOOST_TEST(shape(s.error()) == "Timeout");
      BOOST_TEST(f.cancelled() == !completed_first); // the value is not lost: the future has it
      BOOST_TEST(user.cancelling() == 0);
    }
  });
}

BOOST_AUTO_TEST_CASE(WF3_a_completion_in_the_pass_before_the_end_of_the_time_is_given) {
  testing::run_virtual([]() -> awaitable<void> {
    auto f = new_future();
    get_running_loop().call_later(1s - 1ns, [f]() mutable { f.set_result(5); });
    int v = co_await wait_for(f, 1s);
    BOOST_TEST(v == 5);
  });
}

// --- WF4 ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(WF4_a_coroutine_runs_in_the_task_and_the_context_of_the_caller) {
  testing::run_virtual([]() -> awaitable<void> {
    context_var<int> v("v", 0);
    const any_task caller = current_task();
    const auto body = [&]() -> awaitable<void> {
      BOOST_TEST((current_task() == caller));
      BOOST_TEST(all_tasks().size() == 1u);
      v.set(1);
      co_await sleep(1ms);
    };
    co_await wait_for(body(), 1s);
    BOOST_TEST(v.get() == 1);
    const auto again = [&]() -> awaitable<void> {
      BOOST_TEST((current_task() == caller));
      v.set(2);
      co_return;
    };
    co_await wait_for(again, std::nullopt);
    BOOST_TEST(v.get() == 2);
  });
}
