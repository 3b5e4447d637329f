// as_completed: rules A1 and A2, what it refuses, its ends.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/completions.hpp"
#include "../support/expect.hpp"
#include "../support/futures.hpp"
#include "../support/ticker.hpp"
#include "../support/trace.hpp"

#include <rondo/as_completed.hpp>
#include <rondo/diagnostics.hpp>
#include <rondo/wait.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::consume;
using support::contains;
using support::futures;
using support::new_future;
using support::new_futures;
using support::thrown;
using support::ticker;
using support::trace;
using support::value_after;
using support::waiters_of;
using support::with_ticker;

// --- A1 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(A1_gives_the_very_handles_in_the_order_of_completion) {
  testing::run_virtual([]() -> awaitable<void> {
    std::vector<task<int>> tasks;
    for (int i = 0; i < 3; ++i) {
      auto t = create_task(value_after((3 - i) * 1s, i));
      tasks.push_back(t);
    }
    auto items = as_completed(tasks);
    static_assert(std::is_same_v<decltype(items), completions<task<int>>>);
    std::vector<task<int>> seen;
    while (auto t = co_await items.next()) {
      BOOST_TEST(t->done());
      seen.push_back(*t);
    }
    BOOST_TEST((seen == std::vector<task<int>>{tasks[2], tasks[1], tasks[0]}));
    auto after = co_await items.next();
    BOOST_TEST(!after);
  });
}

BOOST_AUTO_TEST_CASE(A1_duplicates_count_once) {
  testing::run_virtual([]() -> awaitable<void> {
    const futures f = new_futures(2);
    f[1].set_result(1);
    f[0].set_result(0);
    const futures set{f[0], f[1], f[0], f[0], f[1]};
    auto items = as_completed(set);
    std::size_t count = 0;
    while (auto x = co_await items.next())
      ++count;
    BOOST_TEST(count == 2u);
  });
}

BOOST_AUTO_TEST_CASE(A1_makes_tasks_of_coroutines_and_gives_these) {
  testing::run_virtual([]() -> awaitable<void> {
    std::vector<awaitable<int>> sources;
    sources.push_back(value_after(2s, 2));
    sources.push_back(value_after(1s, 1));
    auto items = as_completed(std::move(sources));
    static_assert(std::is_same_v<decltype(items), completions<task<int>>>);
    std::vector<int> values;
    while (auto t = co_await items.next())
      values.push_back(t->result());
    BOOST_TEST((values == std::vector<int>{1, 2}));
    BOOST_TEST((clock::now().time_since_epoch() == 2s));

    const auto make = [](int i) { return value_after(i * 1s, i); };
    const std::vector<int> numbers{3, 1};
    auto lazily = as_completed(numbers | std::views::transform(make), 1h);
    auto first = co_await lazily.next();
    BOOST_TEST(first->result() == 1);
  });
}

BOOST_AUTO_TEST_CASE(A1_a_failed_or_cancelled_one_is_an_item_like_any_other) {
  testing::run_virtual([]() -> awaitable<void> {
    const futures f = new_futures(2);
    f[0].set_exception(std::runtime_error("x"));
    f[1].cancel();
    auto items = as_completed(f);
    auto a = co_await items.next();
    auto b = co_await items.next();
    BOOST_TEST(thrown<std::runtime_error>([&] { a->result(); }) == "x");
    BOOST_TEST(b->cancelled());
  });
}

BOOST_AUTO_TEST_CASE(A1_the_form_with_the_time_limit_first) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto f = new_future();
    auto t = create_task(value_after(2s, 2));
    auto of_tasks = as_completed(std::nullopt, t, value_after(1s, 1));
    static_assert(std::is_same_v<decltype(of_tasks), completions<task<int>>>);
    auto mixed = as_completed(1500ms, t, f, [] { return value_after(1s, 1); });
    static_assert(std::is_same_v<decltype(mixed), completions<future<int>>>);
    auto a = co_await mixed.next();
    BOOST_TEST(a->result() == 1);
    BOOST_CHECK_THROW(co_await mixed.next(), timeout_error);
    auto of_void = as_completed(1h, sleep(0s), sleep(1s));
    auto first = co_await of_void.next();
    BOOST_TEST(first->done());
    auto c = co_await of_tasks.next();
    auto d = co_await of_tasks.next();
    BOOST_TEST((*d == t));
    BOOST_TEST(c->result() == 1);
  });
}

BOOST_AUTO_TEST_CASE(A1_handles_of_different_types_as_any_futures) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto f = new_future();
    auto t = create_task(sleep(1s));
    auto items = as_completed(any_futures(f, t));
    auto first = co_await items.next();
    BOOST_TEST((*first == t));
  });
}

BOOST_AUTO_TEST_CASE(A1_an_empty_range_ends_at_once) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    auto items = as_completed(futures(), 1s);
    const int start = tick.now();
    auto first = co_await items.next();
    BOOST_TEST(!first);
    BOOST_TEST(tick.now() - start == 0);
  });
}

BOOST_AUTO_TEST_CASE(A1_made_tasks_name_the_place_of_the_call) {
  testing::run_virtual([]() -> awaitable<void> {
    auto items = as_completed(1s, sleep(1s), sleep(2s));
    std::vector<awaitable<int>> sources;
    sources.push_back(value_after(2s, 2));
    auto others = as_completed(std::move(sources));
    std::ostringstream out;
    dump_tasks(out);
    BOOST_TEST(!contains(out.str(), "as_completed.hpp"));
    BOOST_TEST(contains(out.str(), "as_completed_test.cpp:" + std::to_string(__LINE__ - 7)));
    BOOST_TEST(contains(out.str(), "as_completed_test.cpp:" + std::to_string(__LINE__ - 5)));
    co_return;
  });
}

// --- A2 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(A2_a_timeout_throws_for_every_remaining_item_and_cancels_nothing) {
  testing::run_virtual([]() -> awaitable<void> {
    const futures f = new_futures(3);
    get_running_loop().call_later(1s, [&] { f[1].set_result(1); });
    auto items = as_completed(f, 2s);
    auto first = co_await items.next();
    BOOST_TEST((*first == f[1]));
    const auto next = [&]() -> awaitable<bool> {
      auto x = co_await items.next();
      co_return x.has_value();
    };
    for (int i = 0; i < 2; ++i) {
      auto s = co_await settle(next);
      BOOST_REQUIRE(s.error_as<timeout_error>());
      BOOST_TEST(contains(s.error_as<timeout_error>()->what(), "2.000 s"));
    }
    BOOST_TEST((clock::now().time_since_epoch() == 2s));
    bool more = co_await next();
    BOOST_TEST(!more);
    BOOST_TEST((!f[0].done() && !f[2].done()));
    BOOST_TEST(waiters_of(f[0]) == 0u);
    f[0].set_result(0); // late: nobody is told
    co_await testing::settle_all();
    more = co_await next();
    BOOST_TEST(!more);
  });
}

BOOST_AUTO_TEST_CASE(A2_a_completion_before_the_timer_in_its_pass_counts_and_one_after_it_does_not) {
  testing::run_virtual([]() -> awaitable<void> {
    const futures f = new_futures(2);
    const auto loop = get_running_loop();
    trace log;
    // The watch of f[0] has its turn in the pass of the timer, before it; f[1] is set by a timer that comes before.
    loop.call_later(1s, [&] {
      f[0].set_result(0);
      testing::advance(1s);
    });
    loop.call_later(2s, [&] { f[1].set_result(1); });
    auto items = as_completed(f, 2s);
    for (int i = 0; i < 3; ++i)
      co_await consume(items, f, "c", log);
    CHECK_TRACE(log, "c:0", "c:timeout", "c:end");
  });
}

BOOST_AUTO_TEST_CASE(A2_the_limit_counts_from_the_call_and_leaves_no_timer_behind) {
  testing::run_virtual([]() -> awaitable<void> {
    auto items = as_completed(1s, value_after(500ms, 1));
    co_await sleep(2s);
    auto first = co_await items.next();
    BOOST_TEST(first->result() == 1);
    auto late = as_completed(1s, value_after(1500ms, 1));
    co_await sleep(2s);
    BOOST_CHECK_THROW(co_await late.next(), timeout_error); // done meanwhile, but not in time
  });
}

BOOST_AUTO_TEST_CASE(A2_a_limit_of_zero) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    futures f = new_futures(2);
    f[0].set_result(0);
    trace log;
    const int start = tick.now();
    auto items = as_completed(f, 0s);
    co_await consume(items, f, "c", log);
    BOOST_TEST(tick.now() - start == 2);
    co_await consume(items, f, "c", log);
    BOOST_TEST(tick.now() - start == 2);
    CHECK_TRACE(log, "c:0", "c:timeout"); // the done one has its turn before the timer
  });
}

// --- misuse, ends ------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(as_completed_refuses_bad_input_before_anything_changes) {
  boost::asio::io_context io(1);
  const auto other = event_loop(io.get_executor()).create_future<int>();
  BOOST_TEST(thrown<std::runtime_error>([&] { (void)as_completed(futures{other}); }) == "no running event loop");
  testing::run_virtual([&]() -> awaitable<void> {
    const auto a = new_future();
    const auto own = []() -> awaitable<int> { co_return 1; };
    const auto empty = [&] { (void)as_completed(1s, own(), a, future<int>()); };
    const auto foreign = [&] { (void)as_completed(futures{a, other}); };
    BOOST_TEST(contains(thrown<std::logic_error>(empty), "as_completed: the handle is empty"));
    BOOST_TEST(contains(thrown<std::invalid_argument>(foreign), "wrap_future"));
    BOOST_TEST(waiters_of(a) == 0u);
    BOOST_TEST(all_tasks().size() == 1u);
    co_return;
  });
}

BOOST_AUTO_TEST_CASE(as_completed_can_be_destroyed_while_a_consumer_waits) {
  testing::run_virtual([]() -> awaitable<void> {
    const futures f = new_futures(1);
    std::optional items(as_completed(f, 1h));
    std::size_t seen = 0;
    const auto consumer = [&]() -> awaitable<void> {
      auto x = co_await items->next();
      if (x && *x == f[0]) ++seen;
    };
    auto t = create_task(consumer);
    co_await testing::passes(2);
    items.reset();
    f[0].set_result(1);
    co_await t.get();
    BOOST_TEST(seen == 1u);
  });
}

BOOST_AUTO_TEST_CASE(as_completed_that_is_destroyed_leaves_the_tasks_running_and_no_watch_or_timer) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto f = new_future();
    auto t = create_task(value_after(2h, 4));
    {
      auto items = as_completed(1h, t, f);
      BOOST_TEST(waiters_of(f) == 1u);
    }
    BOOST_TEST(waiters_of(f) == 0u);
    BOOST_TEST(co_await t.get() == 4);
  });
}

BOOST_AUTO_TEST_CASE(as_completed_says_what_it_waits_for) {
  testing::run_virtual([]() -> awaitable<void> {
    auto slow = create_task(sleep(1h), task_options().name("slow"));
    auto items = as_completed(std::nullopt, slow);
    auto consumer = create_task(items.next());
    co_await testing::passes(1);
    std::ostringstream out;
    dump_tasks(out);
    BOOST_TEST(contains(out.str(), "waits for the next of 1 futures, pending: task 'slow' since"));
    consumer.cancel();
  });
}

BOOST_AUTO_TEST_CASE(as_completed_is_dropped_with_its_loop) {
  support::log_capture log;
  auto gone = std::make_shared<int>(1);
  for (bool woken : {false, true}) {
    std::optional<boost::asio::io_context> io(1);
    const event_loop loop(io->get_executor());
    const futures f{loop.create_future<int>(), loop.create_future<int>()};
    std::optional<completions<future<int>>> items;
    const auto consumer = [&](std::shared_ptr<int>) -> awaitable<void> {
      if (!items) items.emplace(as_completed(f, 1h));
      co_await items->next();
    };
    for (int i = 0; i < 3; ++i)
      loop.create_task(consumer(gone));
    io->poll();
    if (woken) f[0].set_result(1);
    io.reset();
    BOOST_TEST(gone.use_count() == 1);
    BOOST_TEST(waiters_of(f[0]) == 0u);
    items.reset(); // outlives its loop
  }
  BOOST_TEST(contains(log.text(), "Task was destroyed but it is pending!"));
}
