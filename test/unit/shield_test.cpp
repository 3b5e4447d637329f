// shield: rules S1 and S3, its passes, cancellation at every stage, what it refuses, its ends.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/futures.hpp"
#include "../support/shields.hpp"
#include "../support/ticker.hpp"
#include "../support/trace.hpp"

#include <rondo/diagnostics.hpp>
#include <rondo/shield.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

using namespace rondo;
using namespace std::chrono_literals;
using support::await_shield;
using support::contains;
using support::fails_after;
using support::message_of;
using support::new_future;
using support::record_reports;
using support::thrown;
using support::ticker;
using support::value_after;
using support::waiters_of;
using support::with_ticker;

// --- S1 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(S1_gives_the_result_of_any_source) {
  testing::run_virtual([]() -> awaitable<void> {
    int a = co_await shield(value_after(1s, 1));
    auto t = create_task(value_after(1s, 2));
    int b = co_await shield(t);
    auto f = new_future();
    get_running_loop().call_later(1s, [&] { f.set_result(3); });
    int c = co_await shield(f);
    const auto four = []() -> awaitable<int> { co_return 4; };
    int d = co_await shield(four);
    co_await shield(sleep(1s));
    BOOST_TEST(a + b + c + d == 10);
    BOOST_TEST((clock::now().time_since_epoch() == 4s));
  });
}

BOOST_AUTO_TEST_CASE(S1_a_cancel_of_the_awaiter_does_not_reach_the_inner_task) {
  testing::run_virtual([]() -> awaitable<void> {
    auto inner = create_task(value_after(1h, 7));
    const auto waits = [&]() -> awaitable<int> { co_return co_await shield(inner); };
    auto t = create_task(waits);
    co_await testing::passes(2);
    t.cancel("enough");
    auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "enough");
    BOOST_TEST((clock::now().time_since_epoch() == 0s)); // at once
    BOOST_TEST(inner.cancelling() == 0);
    BOOST_TEST(co_await inner.get() == 7);
  });
}

BOOST_AUTO_TEST_CASE(S1_a_cancel_of_the_outer_future_does_not_reach_the_inner_one) {
  testing::run_virtual([]() -> awaitable<void> {
    auto inner = new_future();
    auto outer = shield(inner);
    BOOST_TEST(outer.cancel("x"));
    BOOST_TEST(!outer.cancel());
    BOOST_TEST(outer.cancelled());
    auto s = co_await settle(outer);
    BOOST_TEST(message_of(s) == "x");
    BOOST_TEST(!inner.done());
    inner.set_result(1); // dropped
    co_await testing::settle_all();
    BOOST_TEST(outer.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(S1_a_cancel_of_the_inner_one_cancels_the_outer_without_a_message) {
  testing::run_virtual([]() -> awaitable<void> {
    auto inner = new_future();
    auto outer = shield(inner);
    inner.cancel("of the inner one");
    auto s = co_await settle(outer);
    BOOST_TEST(outer.cancelled());
    BOOST_TEST(message_of(s) == "");
    BOOST_TEST(current_task().cancelling() == 0);
  });
}

BOOST_AUTO_TEST_CASE(S1_an_exception_of_the_inner_one_is_that_of_the_outer) {
  testing::run_virtual([]() -> awaitable<void> {
    auto reports = record_reports();
    auto inner = create_task(fails_after(1s, "failed inside"));
    auto outer = shield(inner);
    auto s = co_await settle(outer);
    BOOST_TEST((s.error() == inner.exception()));
    BOOST_TEST(reports->empty());
  });
}

BOOST_AUTO_TEST_CASE(S1_a_cancelled_error_set_by_hand_is_an_exception) {
  testing::run_virtual([]() -> awaitable<void> {
    auto inner = new_future();
    auto outer = shield(inner);
    inner.set_exception(cancelled_error("by hand"));
    auto s = co_await settle(outer);
    BOOST_TEST(message_of(s) == "by hand");
    BOOST_TEST(!outer.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(S1_an_exception_that_nobody_takes_from_the_outer_is_reported) {
  testing::run_virtual([]() -> awaitable<void> {
    auto reports = record_reports();
    (void)shield(fails_after(1s, "failed inside"));
    co_await sleep(2s);
    BOOST_REQUIRE(reports->size() == 1u);
    BOOST_TEST(reports->front().message == "Future exception was never retrieved");
  });
}

BOOST_AUTO_TEST_CASE(S1_what_is_done_is_given_as_it_is) {
  testing::run_virtual([]() -> awaitable<void> {
    auto f = new_future();
    f.set_result(1);
    BOOST_TEST((shield(f) == f));
    auto t = create_task(value_after(0s, 2));
    co_await t.get();
    auto same = shield(t);
    static_assert(std::is_same_v<decltype(same), future<int>>);
    BOOST_TEST((same == t));
    BOOST_TEST(same.result() == 2);
    BOOST_TEST(thrown<std::runtime_error>([&] { same.set_result(3); }) != "<no exception>");
    auto cancelled = new_future();
    cancelled.cancel();
    BOOST_TEST((shield(cancelled) == cancelled));
    BOOST_TEST((shield(new_future()) != f));
  });
}

BOOST_AUTO_TEST_CASE(S1_a_value_that_can_only_be_moved_goes_to_the_outer_one_if_that_wants_it) {
  testing::run_virtual([]() -> awaitable<void> {
    using box = std::unique_ptr<int>;
    const auto make = []() -> awaitable<box> {
      co_await sleep(1s);
      co_return std::make_unique<int>(5);
    };
    auto wanted = create_task(make);
    box b = co_await shield(wanted);
    BOOST_TEST(*b == 5);
    BOOST_CHECK_THROW(wanted.result(), invalid_state_error);

    auto kept = create_task(make);
    auto outer = shield(kept);
    outer.cancel();
    b = co_await kept.get();
    BOOST_TEST(*b == 5);

    auto taken = create_task(make);
    taken.add_done_callback([&] { b = taken.result(); }); // its turn is before that of the shield
    auto s = co_await settle(shield(taken));
    BOOST_TEST((s.error_as<invalid_state_error>() != nullptr));
  });
}

BOOST_AUTO_TEST_CASE(S1_the_outcome_of_the_outer_one_cannot_be_set) {
  testing::run_virtual([]() -> awaitable<void> {
    auto outer = shield(new_future());
    const std::string text = thrown<std::runtime_error>([&] { outer.set_result(1); });
    BOOST_TEST(contains(text, "a shield of a future"));
    BOOST_TEST(!outer.done());
    co_return;
  });
}

BOOST_AUTO_TEST_CASE(S1_cancel_at_every_stage) {
  // The inner future is set in pass 3; the shield follows in pass 4, the awaiter goes on in pass 5.
  for (int at = 0; at < 7; ++at)
    for (bool before : {true, false})
      BOOST_TEST_CONTEXT("cancel in pass " << at << (before ? " before the set" : ""))
  testing::run_virtual([&]() -> awaitable<void> {
    auto reports = record_reports();
    auto f = new_future();
    auto t = create_task(await_shield(f));
    for (int pass = 0; pass < 8; ++pass) {
      if (pass == at && before) t.cancel();
      if (pass == 3) f.set_result(9);
      if (pass == at && !before) t.cancel();
      co_await sleep(0s);
    }
    auto s = co_await settle(t);
    BOOST_TEST(s.cancelled() == (at <= 4)); // in every pass the main task comes last
    if (at > 4) BOOST_TEST(*s == 9);
    BOOST_TEST(f.result() == 9);
    BOOST_TEST(waiters_of(f) == 0u);
    BOOST_TEST(reports->empty());
  });
}

// --- S3 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(S3_the_end_of_the_loop_cancels_the_inner_task) {
  std::string how = "never";
  testing::run_virtual([&]() -> awaitable<void> {
    const auto inner = [&]() -> awaitable<void> {
      try {
        co_await sleep(1h);
        how = "slept";
      } catch (const cancelled_error&) {
        how = "cancelled";
        throw;
      }
    };
    auto t = create_task(inner);
    const auto waits = [&]() -> awaitable<void> { co_await shield(t); };
    create_task(waits);
    co_await testing::passes(3);
  });
  BOOST_TEST(how == "cancelled");
}

// --- passes ------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(hops_shield_of_a_coroutine_1_to_the_child_and_3_to_the_awaiter) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    const auto child = [&]() -> awaitable<int> { co_return tick.now(); };
    const int start = tick.now();
    int first = co_await shield(child);
    BOOST_TEST(first - start == 1);
    BOOST_TEST(tick.now() - start == 3);
  });
}

BOOST_AUTO_TEST_CASE(hops_shield_of_what_is_done_0) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    auto f = new_future();
    f.set_result(1);
    const int start = tick.now();
    co_await shield(f);
    BOOST_TEST(tick.now() - start == 0);
    auto t = create_task(value_after(0s, 1), task_options().eager(true));
    co_await testing::passes(3);
    const int later = tick.now();
    co_await shield(t);
    BOOST_TEST(tick.now() - later == 0);
  });
}

BOOST_AUTO_TEST_CASE(hops_shield_2_from_a_completion_and_1_from_a_cancel) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    for (bool cancelled : {false, true}) {
      auto f = new_future();
      int ended = -1;
      const auto waits = [&]() -> awaitable<void> {
        co_await settle(shield(f));
        ended = tick.now();
      };
      auto t = create_task(waits);
      co_await testing::passes(2);
      const int start = tick.now();
      auto noticed = tick.now();
      t.add_done_callback([&] { noticed = tick.now(); });
      if (cancelled)
        t.cancel();
      else
        f.set_result(1);
      co_await settle(t);
      if (!cancelled) BOOST_TEST(ended - start == 2);
      BOOST_TEST(noticed - start == (cancelled ? 2 : 3)); // one more than the step itself
    }
  });
}

// --- misuse, ends ------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(shield_refuses_bad_input) {
  boost::asio::io_context io(1);
  const auto other = event_loop(io.get_executor()).create_future<int>();
  BOOST_TEST(thrown<std::runtime_error>([] { (void)shield(value_after(1s, 1)); }) == "no running event loop");
  testing::run_virtual([&]() -> awaitable<void> {
    BOOST_TEST(contains(thrown<std::logic_error>([] { (void)shield(future<int>()); }), "shield: the handle is empty"));
    BOOST_TEST(contains(thrown<std::invalid_argument>([&] { (void)shield(other); }), "wrap_future"));
    BOOST_TEST(waiters_of(other) == 0u);
    co_return;
  });
}

BOOST_AUTO_TEST_CASE(shield_can_be_made_before_its_loop_runs) {
  boost::asio::io_context io(1);
  const event_loop loop(io.get_executor());
  const auto f = loop.create_future<int>();
  const auto outer = shield(f);
  loop.call_soon([&] { f.set_result(4); });
  io.run();
  BOOST_TEST(outer.result() == 4);
}

BOOST_AUTO_TEST_CASE(shield_keeps_the_inner_one_and_itself_alive) {
  testing::run_virtual([]() -> awaitable<void> {
    auto outer = shield(value_after(1s, 6)); // nobody else has the task
    int v = co_await std::move(outer);
    BOOST_TEST(v == 6);
    auto inner = new_future();
    int called = 0;
    shield(inner).add_done_callback([&](const future<int>& f) { called = f.result(); });
    inner.set_result(3); // nobody else has the outer one
    co_await testing::settle_all();
    BOOST_TEST(called == 3);
  });
}

BOOST_AUTO_TEST_CASE(shield_says_what_it_waits_for) {
  testing::run_virtual([]() -> awaitable<void> {
    auto inner = create_task(sleep(1h), task_options().name("save"));
    const auto waits = [&]() -> awaitable<void> { co_await shield(inner); };
    create_task(waits);
    co_await testing::passes(1);
    std::ostringstream out;
    dump_tasks(out);
    BOOST_TEST(contains(out.str(), "waits for a shield of task 'save' since"));
  });
}

BOOST_AUTO_TEST_CASE(shield_is_dropped_with_its_loop) {
  support::log_capture log;
  auto gone = std::make_shared<int>(1);
  for (int stage = 0; stage < 4; ++stage) {
    std::optional<boost::asio::io_context> io(1);
    const event_loop loop(io->get_executor());
    future<int> inner = loop.create_future<int>();
    future<int> outer = shield(inner);
    const auto waits = [&](std::shared_ptr<int>) -> awaitable<void> { co_await outer.get(); };
    loop.create_task(waits(gone));
    io->poll();
    if (stage == 1) inner.set_result(1);
    if (stage >= 2) outer.cancel();
    if (stage == 3) io->poll(); // the report is registered
    io.reset();
    BOOST_TEST(gone.use_count() == 1);
    BOOST_TEST(waiters_of(inner) == 0u);
    BOOST_TEST(outer.done() == (stage >= 2));
  }
}
