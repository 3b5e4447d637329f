// wait_for: the traps 1 to 8, by the numbers of asyncio's known bugs.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/children.hpp"
#include "../support/trace.hpp"

#include <rondo/concurrent_future.hpp>
#include <rondo/loop_thread.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/timeout.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

using namespace rondo;
using namespace std::chrono_literals;
using namespace support;

namespace {

// Models of asyncio's lock, condition and queue, made of futures: what users write themselves.

class model_lock {
public:
  awaitable<void> acquire() {
    while (locked_) {
      auto turn = get_running_loop().create_future<void>();
      waiters_.push_back(turn);
      std::exception_ptr error;
      try {
        co_await turn.get();
      } catch (...) {
        error = std::current_exception();
      }
      std::erase(waiters_, turn);
      if (error) std::rethrow_exception(error);
    }
    locked_ = true;
  }

  void release() {
    if (!std::exchange(locked_, false)) throw std::runtime_error("Lock is not acquired.");
    for (auto& w : waiters_)
      if (!w.done()) return w.set_result();
  }

  bool locked() const { return locked_; }

private:
  bool locked_ = false;
  std::deque<future<void>> waiters_;
};

/// Waits for a notification without the lock; has it again however the wait ends.
awaitable<void> wait_for_notice(model_lock& lock, future<void> notice) {
  lock.release();
  std::exception_ptr error;
  try {
    co_await notice.get();
  } catch (...) {
    error = std::current_exception();
  }
  for (bool has_lock = false; !has_lock;) {
    try {
      co_await lock.acquire();
      has_lock = true;
    } catch (const cancelled_error&) {
      error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
}

class model_queue {
public:
  void put(int item) {
    items_.push_back(item);
    wake_next();
  }

  awaitable<int> get() {
    while (items_.empty()) {
      auto turn = get_running_loop().create_future<void>();
      getters_.push_back(turn);
      std::exception_ptr error;
      try {
        co_await turn.get();
      } catch (...) {
        error = std::current_exception();
      }
      std::erase(getters_, turn);
      if (!error) continue;
      if (!items_.empty() && !turn.cancelled()) wake_next();
      std::rethrow_exception(error);
    }
    const int item = items_.front();
    items_.pop_front();
    co_return item;
  }

  std::size_t size() const { return items_.size(); }

private:
  void wake_next() {
    for (auto& g : getters_)
      if (!g.done()) return g.set_result();
  }

  std::deque<int> items_;
  std::deque<future<void>> getters_;
};

} // namespace

BOOST_AUTO_TEST_CASE(trap_1_a_cancel_that_arrives_when_the_inner_one_is_done_wins_and_the_value_stays_in_its_task) {
  testing::run_virtual([]() -> awaitable<void> {
    auto inner = create_task(value_after_passes(3, 5));
    auto user = create_task(wait_for(inner, 1h));
    while (!inner.done())
      co_await sleep(0s);
    BOOST_TEST(!user.done());
    BOOST_TEST(user.cancel("enough"));
    auto s = co_await settle(user);
    BOOST_TEST(message_of(s) == "enough");
    BOOST_TEST(user.cancelling() == 1);
    BOOST_TEST(inner.result() == 5); // whoever holds the task can still close what it made
  });
}

BOOST_AUTO_TEST_CASE(trap_2_a_cancellation_is_not_hidden_whatever_it_meets) {
  enum class kind { future, task, coroutine };
  // By the pass of the cancel, counted from the completion: what the user sees, as CPython 3.14 prints it.
  struct row {
    kind source;
    trace expected;
  };
  const row rows[] = {{kind::future, {"cancelled", "7 later", "7", "7"}},
                      {kind::task, {"cancelled", "cancelled", "7 later", "7"}},
                      {kind::coroutine, {"cancelled", "7 later", "7", "7"}}};
  const auto inner = [](future<int> f) -> awaitable<int> { co_return co_await f.get(); };
  const auto limited = [&](kind k, future<int> f) -> awaitable<int> {
    if (k == kind::future) return wait_for(f, 10s);
    if (k == kind::task) return wait_for(create_task(inner(f)), 10s);
    return wait_for(inner(f), 10s);
  };
  testing::run_virtual([&]() -> awaitable<void> {
    for (const row& r : rows)
      for (int k = 0; k < 4; ++k) {
        auto f = new_future();
        const auto use = [&]() -> awaitable<std::string> {
          std::string text;
          try {
            text = std::to_string(co_await limited(r.source, f));
          } catch (const cancelled_error&) {
            text = "cancelled";
          }
          auto end = co_await end_of(testing::passes(1));
          co_return end == "none" ? text : text + " later";
        };
        auto user = create_task(use);
        co_await testing::passes(3);
        f.set_result(7);
        co_await testing::passes(k);
        const bool accepted = user.cancel();
        auto text = co_await user.get();
        BOOST_TEST(text == r.expected[static_cast<std::size_t>(k)], "pass " << k << ": " << text);
        BOOST_TEST(accepted == (text != "7"));
        BOOST_TEST(user.cancelling() == (accepted ? 1 : 0));
      }
  });
}

BOOST_AUTO_TEST_CASE(trap_3_it_does_not_return_before_the_cancelled_task_has_ended) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto inner = create_task(ends_late(&log, "inner"));
    auto end = co_await end_of(wait_for(inner, 1s));
    log.push_back(end);
    BOOST_TEST(inner.cancelled());
  });
  CHECK_TRACE(log, "inner", "Timeout");
}

BOOST_AUTO_TEST_CASE(trap_4_the_lock_of_a_condition_is_held_after_the_end_of_the_time) {
  testing::run_virtual([]() -> awaitable<void> {
    model_lock lock;
    co_await lock.acquire();
    auto notice = get_running_loop().create_future<void>();
    // Somebody else has the lock when the time is over, and keeps it for two seconds.
    const auto other = [&]() -> awaitable<void> {
      co_await lock.acquire();
      co_await sleep(3s);
      lock.release();
    };
    auto t = create_task(other);
    auto end = co_await end_of(wait_for(wait_for_notice(lock, notice), 1s));
    BOOST_TEST(end == "Timeout");
    BOOST_TEST((clock::now() == clock::time_point(3s)));
    BOOST_TEST(t.done());
    BOOST_TEST(lock.locked());
    BOOST_CHECK_NO_THROW(lock.release());
  });
}

BOOST_AUTO_TEST_CASE(trap_5_a_value_produced_during_the_cancellation_is_returned) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto opens = []() -> awaitable<std::unique_ptr<int>> {
      co_await refuses(0);
      co_await sleep(1s);
      co_return std::make_unique<int>(5); // a connection that would be leaked
    };
    auto value = co_await wait_for(opens(), 1s);
    BOOST_TEST(*value == 5);
    auto of_task = co_await wait_for(create_task(opens()), 1s);
    BOOST_TEST(*of_task == 5);
    auto t = create_task(opens());
    co_await sleep(0s);
    auto without_time = co_await wait_for(t, 0s);
    BOOST_TEST(*without_time == 5);
  });
}

BOOST_AUTO_TEST_CASE(trap_6_no_item_of_a_queue_is_dropped_at_the_end_of_the_time) {
  testing::run_virtual([]() -> awaitable<void> {
    for (const bool as_task : {false, true})
      for (const clock::duration when : {1s - 1ns, clock::duration(1s), 1s + 1ns})
        for (const bool timer_first : {false, true}) {
          model_queue q;
          const auto put = [&] { q.put(1); };
          if (!timer_first) get_running_loop().call_later(when, put);
          task<int> inner;
          const auto get_one = [&]() -> awaitable<int> {
            if (!as_task) return wait_for(q.get(), 1s);
            inner = create_task(q.get());
            return wait_for(inner, 1s);
          };
          auto user = create_task(get_one);
          co_await testing::passes(2);
          if (timer_first) get_running_loop().call_later(when, put);
          auto s = co_await settle(user);
          co_await sleep(1s);
          const bool kept_by_task = inner && !inner.cancelled(); // who makes a task has to look into it
          const std::size_t given = s.has_value() || kept_by_task ? 1 : 0;
          BOOST_TEST(given + q.size() == 1u);
          BOOST_TEST((s.has_value() || s.error_as<timeout_error>()));
        }
  });
}

BOOST_AUTO_TEST_CASE(trap_7_a_cancel_of_the_user_cancels_the_inner_one) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto inner = create_task(note_cancel(&log, "task"));
    auto f = new_future();
    auto a = create_task(wait_for(inner, 1h));
    auto b = create_task(wait_for(note_cancel(&log, "coroutine"), 1h));
    auto c = create_task(wait_for(f, 1h));
    co_await testing::passes(2);
    for (any_task t : {any_task(a), any_task(b), any_task(c)})
      t.cancel("why");
    for (any_task t : {any_task(a), any_task(b), any_task(c)}) {
      while (!t.done())
        co_await sleep(0s);
      BOOST_TEST(t.cancelled());
      BOOST_TEST(t.cancelling() == 1);
    }
    BOOST_TEST(inner.cancelled());
    BOOST_TEST(f.cancelled());
  });
  CHECK_TRACE(log, "task cancelled why", "coroutine cancelled why");
}

BOOST_AUTO_TEST_CASE(trap_8_what_another_thread_resolves_when_the_time_is_over_is_given_or_kept) {
  enum class when { before, together, after };
  testing::run_virtual([]() -> awaitable<void> {
    for (const when w : {when::before, when::together, when::after}) {
      concurrent_future<int> answer;
      answer.set_running_or_notify_cancel(); // so that it cannot be cancelled any more
      const auto resolve = [&] { std::thread([&] { answer.set_result(5); }).join(); };
      auto wrapped = wrap_future(answer);
      auto user = create_task(wait_for(wrapped, 1s));
      co_await testing::passes(2);
      if (w == when::before) resolve();
      if (w == when::before) co_await testing::passes(2);
      testing::advance(1s);
      if (w == when::together) resolve();
      co_await testing::passes(2);
      if (w == when::after) resolve();
      auto s = co_await settle(user);
      if (w != when::together) BOOST_TEST(s.has_value() == (w == when::before));
      if (!s.has_value()) BOOST_TEST((s.error_as<timeout_error>() != nullptr));
      BOOST_TEST(answer.result(0s) == 5);
      BOOST_TEST(user.cancelling() == 0);
      co_await testing::passes(3); // a late copy meets a future that was cancelled
    }
  });
}

BOOST_AUTO_TEST_CASE(trap_8_work_on_another_loop_is_awaited_and_cancelled_across_threads) {
  loop_thread other;
  run([&]() -> awaitable<void> {
    auto quick = run_coroutine_threadsafe([] { return value_of(5); }, other.loop());
    int v = co_await wait_for(wrap_future(quick), 1h);
    BOOST_TEST(v == 5);
    auto endless = run_coroutine_threadsafe([] { return for_ever(); }, other.loop());
    auto end = co_await end_of(wait_for(wrap_future(endless), 1ms));
    BOOST_TEST(end == "Timeout");
    BOOST_TEST(endless.cancelled());
    BOOST_TEST(current_task().cancelling() == 0);
  });
  other.stop();
}
