// wait: its cancellation at every stage (W3), what completes meanwhile (W4), its passes.
// SPDX-License-Identifier: BSL-1.0
#include "../support/expect.hpp"
#include "../support/futures.hpp"
#include "../support/ticker.hpp"
#include "../support/trace.hpp"
#include "../support/waits.hpp"

#include <rondo/diagnostics.hpp>
#include <rondo/wait.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <optional>
#include <sstream>
#include <string>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::futures;
using support::message_of;
using support::new_future;
using support::new_futures;
using support::seen;
using support::ticker;
using support::wait_and_note;
using support::waiters_of;
using support::with_ticker;

namespace {

constexpr auto first_completed = return_when::first_completed;

} // namespace

// --- W3 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(W3_a_cancelled_waiter_leaves_the_futures_alone_and_takes_its_watches_and_timer_away) {
  testing::run_virtual([]() -> awaitable<void> {
    auto inner = create_task(sleep(2h, 5));
    const auto f = new_future();
    const auto waits = [&]() -> awaitable<void> { co_await wait(any_futures(inner, f), wait_options().timeout(1h)); };
    auto t = create_task(waits);
    co_await testing::passes(2);
    BOOST_TEST(waiters_of(f) == 1u);
    BOOST_TEST(waiters_of(inner) == 1u);
    t.cancel("enough");
    auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "enough");
    BOOST_TEST(waiters_of(f) == 0u);
    BOOST_TEST(waiters_of(inner) == 0u);
    BOOST_TEST(!f.done());
    BOOST_TEST(inner.cancelling() == 0);
    BOOST_TEST(co_await inner.get() == 5);
  });
}

BOOST_AUTO_TEST_CASE(W3_cancel_at_every_stage) {
  // The future is set at pass 3; the watch's turn comes at 4, the waiter at 5.
  const auto scenario = [](ticker& tick, int at, bool before_the_set, std::string& how,
                           future<int>& f) -> awaitable<void> {
    f = new_future();
    const auto waits = [&]() -> awaitable<void> {
      try {
        auto r = co_await wait(f, wait_options().timeout(1h));
        how = "done";
      } catch (const cancelled_error&) {
        how = "cancelled";
        throw;
      }
    };
    const int start = tick.now();
    auto t = create_task(waits);
    for (int pass = 0; !t.done(); ++pass) {
      if (pass == at && before_the_set) t.cancel();
      if (pass == 3) f.set_result(1);
      if (pass == at && !before_the_set) t.cancel();
      co_await sleep(0s);
    }
    BOOST_TEST(tick.now() - start <= 6);
    BOOST_TEST(waiters_of(f) == 0u);
  };
  with_ticker([&](ticker& tick) -> awaitable<void> {
    for (int at = 0; at < 8; ++at)
      for (bool before : {true, false})
        BOOST_TEST_CONTEXT("cancel in pass " << at << (before ? " before the set" : "")) {
          std::string how = "never started";
          future<int> f;
          co_await scenario(tick, at, before, how, f);
          // In every pass the main task comes last: after the watch in pass 4, after the waiter in pass 5.
          BOOST_TEST(how == (at == 0 ? "never started" : at <= 4 ? "cancelled" : "done"));
          BOOST_TEST(!f.cancelled());
        }
  });
}

BOOST_AUTO_TEST_CASE(W3_a_cancel_while_running_ends_the_next_wait_at_once) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto f = new_future();
    auto t = create_task([&]() -> awaitable<void> {
      current_task().cancel("self");
      co_await wait(f);
    });
    auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "self");
    BOOST_TEST(waiters_of(f) == 0u);
  });
}

// --- W4 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(W4_what_completes_before_the_waiter_goes_on_is_in_done) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    const futures f = new_futures(4);
    seen r;
    auto t = create_task(wait_and_note(tick, f, wait_options().return_when(first_completed), r));
    co_await testing::passes(1);
    f[2].set_result(1); // the trigger
    f[0].set_result(1); // in the same pass
    co_await testing::passes(1);
    f[3].set_result(1); // when the wait is over but the task has not gone on
    co_await t.get();
    BOOST_TEST((r.done == futures{f[0], f[2], f[3]}));
    BOOST_TEST((r.pending == futures{f[1]}));
    BOOST_TEST(waiters_of(f[1]) == 0u);
  });
}

BOOST_AUTO_TEST_CASE(W4_a_completion_in_the_pass_of_the_timeout_is_in_done) {
  testing::run_virtual([]() -> awaitable<void> {
    const futures f = new_futures(2);
    get_running_loop().call_later(1s, [&] { f[0].set_result(1); });
    auto r = co_await wait(f, wait_options().timeout(1s));
    BOOST_TEST((r.done == futures{f[0]}));
  });
}

// --- passes ------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(hops_wait_2_after_the_completion) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    for (auto when : {return_when::all_completed, first_completed}) {
      const futures f = new_futures(1);
      seen r;
      auto t = create_task(wait_and_note(tick, f, wait_options().return_when(when).timeout(1h), r));
      co_await testing::passes(2);
      const int start = tick.now();
      f[0].set_result(1);
      co_await t.get();
      BOOST_TEST(r.tick - start == 2);
    }
  });
}

BOOST_AUTO_TEST_CASE(hops_wait_2_if_all_are_done) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    const futures f = new_futures(3);
    for (const auto& x : f)
      x.set_result(1);
    const int start = tick.now();
    auto r = co_await wait(f);
    BOOST_TEST(tick.now() - start == 2);
    BOOST_TEST(r.done.size() == 3u);
  });
}

BOOST_AUTO_TEST_CASE(hops_wait_2_with_a_timeout_of_zero_or_less) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    for (auto limit : {0s, -1s}) {
      const auto f = new_future();
      const int start = tick.now();
      auto r = co_await wait(f, wait_options().timeout(limit));
      BOOST_TEST(tick.now() - start == 2);
      BOOST_TEST((r.done.empty() && r.pending.size() == 1));
    }
  });
}

BOOST_AUTO_TEST_CASE(hops_wait_1_from_a_cancel) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    const auto f = new_future();
    int ended = -1;
    const auto waits = [&]() -> awaitable<void> {
      try {
        co_await wait(f);
      } catch (const cancelled_error&) {
        ended = tick.now();
      }
    };
    auto t = create_task(waits);
    co_await testing::passes(2);
    const int start = tick.now();
    t.cancel();
    co_await t.get();
    BOOST_TEST(ended - start == 1);
  });
}

// --- and the rest of the library ---------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(wait_can_be_made_a_task_and_awaited_with_a_token) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto f = new_future();
    auto t = create_task(wait(f));
    const auto plain = [&]() -> awaitable<std::size_t> {
      auto r = co_await wait(f)(boost::asio::use_awaitable);
      co_return (*r).done.size();
    };
    auto u = create_task(plain);
    std::size_t called = 0;
    wait(f, f)([&](std::exception_ptr, detail::boxed<wait_result<future<int>>> r) { called = (*r).done.size(); });
    co_await testing::passes(2);
    f.set_result(1);
    auto r = co_await t.get();
    BOOST_TEST((r.done.size() == 1 && r.done[0] == f));
    BOOST_TEST(co_await u.get() == 1u);
    BOOST_TEST(called == 1u);
  });
}

BOOST_AUTO_TEST_CASE(wait_says_what_it_waits_for) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto done = new_future();
    done.set_result(1);
    auto named = create_task(sleep(1h), task_options().name("slow"));
    auto waiter = create_task(wait(any_futures(done, named)), task_options().name("waiter"));
    co_await testing::passes(1);
    std::ostringstream out;
    dump_tasks(out);
    BOOST_TEST(contains(out.str(), "waits for all of 2 futures, pending: task 'slow' since"));
    waiter.cancel();
  });
}

BOOST_AUTO_TEST_CASE(wait_is_dropped_with_its_loop) {
  support::log_capture log;
  auto gone = std::make_shared<int>(1);
  future<int> outlives;
  for (int passes : {1, 2, 3}) {
    std::optional<boost::asio::io_context> io(1);
    const event_loop loop(io->get_executor());
    outlives = loop.create_future<int>();
    const auto waits = [&outlives](std::shared_ptr<int>) -> awaitable<void> {
      co_await wait(outlives, wait_options().timeout(1h));
    };
    loop.create_task(waits(gone));
    io->poll();
    if (passes > 1) outlives.set_result(1);
    io.reset();
    BOOST_TEST(gone.use_count() == 1);
    BOOST_TEST(waiters_of(outlives) == 0u);
  }
  BOOST_TEST(contains(log.text(), "Task was destroyed but it is pending!"));
}
