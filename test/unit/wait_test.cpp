// wait: what it takes and gives, rules W1 and W2.
// SPDX-License-Identifier: BSL-1.0
#include "../support/expect.hpp"
#include "../support/futures.hpp"
#include "../support/ticker.hpp"
#include "../support/waits.hpp"

#include <rondo/diagnostics.hpp>
#include <rondo/wait.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::futures;
using support::new_future;
using support::new_futures;
using support::seen;
using support::thrown;
using support::ticker;
using support::wait_and_note;
using support::waiters_of;
using support::with_ticker;

namespace {

constexpr auto first_completed = return_when::first_completed;

constexpr auto first_exception = return_when::first_exception;

} // namespace

// --- what it takes and gives -------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(wait_takes_a_range_of_any_kind) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto three = []() -> awaitable<int> { co_return 3; };
    std::vector<task<int>> tasks;
    for (int i = 0; i < 3; ++i)
      tasks.push_back(create_task(three));
    auto of_vector = co_await wait(tasks);
    static_assert(std::is_same_v<decltype(of_vector), wait_result<task<int>>>);
    BOOST_TEST((of_vector.done == tasks));
    BOOST_TEST(of_vector.pending.empty());
    BOOST_TEST(of_vector.done[0].result() == 3);
    const std::set<task<int>> ordered(tasks.begin(), tasks.end());
    auto of_set = co_await wait(ordered);
    BOOST_TEST(of_set.done.size() == 3u);
    auto again = co_await wait(std::move(of_vector.done), wait_options().timeout(1s));
    BOOST_TEST((again.done == tasks));
    auto all = co_await wait(all_tasks(), wait_options().timeout(0s));
    static_assert(std::is_same_v<decltype(all), wait_result<any_task>>);
    BOOST_TEST((all.pending.size() == 1 && all.pending[0] == current_task()));
  });
}

BOOST_AUTO_TEST_CASE(wait_takes_handles_one_after_the_other) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto a = new_future();
    const auto b = new_future();
    a.set_result(1);
    auto one = co_await wait(a);
    BOOST_TEST((one.done.size() == 1 && one.done[0] == a));
    auto two = co_await wait(b, a, wait_options().return_when(first_completed));
    BOOST_TEST((two.done.size() == 1 && two.done[0] == a && two.pending.size() == 1 && two.pending[0] == b));
    BOOST_TEST(two.contains(a));
    BOOST_TEST(!two.contains(b));
    BOOST_TEST(!two.contains(any_future()));
  });
}

BOOST_AUTO_TEST_CASE(wait_takes_a_mixed_set_as_any_futures) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto a = new_future();
    const auto b = create_task(sleep(1h));
    a.set_result(1);
    auto r = co_await wait(any_futures(b, a), wait_options().return_when(first_completed));
    static_assert(std::is_same_v<decltype(r), wait_result<any_future>>);
    BOOST_TEST(r.contains(a));
    BOOST_TEST(!r.contains(b));
    BOOST_TEST((r.pending.size() == 1 && r.pending[0] == b));
  });
}

BOOST_AUTO_TEST_CASE(wait_keeps_the_order_of_the_arguments_and_drops_duplicates) {
  testing::run_virtual([]() -> awaitable<void> {
    const futures f = new_futures(4);
    f[3].set_result(3);
    f[1].set_result(1);
    const futures set{f[3], f[2], f[3], f[1], f[0], f[2]};
    auto r = co_await wait(set, wait_options().return_when(first_completed));
    BOOST_TEST((r.done == futures{f[3], f[1]}));
    BOOST_TEST((r.pending == futures{f[2], f[0]}));
    BOOST_TEST(waiters_of(f[0]) == 0u);
  });
}

BOOST_AUTO_TEST_CASE(wait_counts_duplicates_once) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto a = new_future();
    const auto b = new_future();
    get_running_loop().call_later(1s, [&] { a.set_result(1); });
    get_running_loop().call_later(2s, [&] { b.set_result(1); });
    auto r = co_await wait(a, a, a, b);
    BOOST_TEST(r.done.size() == 2u);
    BOOST_TEST((get_running_loop().time().time_since_epoch() == 2s));
  });
}

// --- W1 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(W1_a_timeout_is_no_error_and_cancels_nothing) {
  testing::run_virtual([]() -> awaitable<void> {
    auto late = create_task(sleep(2s, 7));
    auto soon = create_task(sleep(1s, 8));
    auto r = co_await wait(late, soon, wait_options().timeout(1500ms));
    BOOST_TEST((clock::now().time_since_epoch() == 1500ms));
    BOOST_TEST((r.done.size() == 1 && r.done[0] == soon));
    BOOST_TEST((r.pending.size() == 1 && r.pending[0] == late));
    BOOST_TEST(late.cancelling() == 0);
    BOOST_TEST(co_await late.get() == 7);
  });
}

BOOST_AUTO_TEST_CASE(W1_a_time_limit_that_is_not_needed_leaves_no_timer) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(sleep(1s));
    co_await wait(t, wait_options().timeout(1h));
    auto never = create_task(sleep(std::nullopt));
    bool fired = false;
    get_running_loop().call_later(2h, [&] { fired = true; });
    while (!fired)
      co_await sleep(1min);
    BOOST_TEST((clock::now().time_since_epoch() >= 2h));
    BOOST_TEST(!never.done());
  });
}

BOOST_AUTO_TEST_CASE(W1_exceptions_and_cancellations_are_outcomes) {
  testing::run_virtual([]() -> awaitable<void> {
    const futures f = new_futures(2);
    f[0].set_exception(std::runtime_error("x"));
    f[1].cancel();
    auto r = co_await wait(f);
    BOOST_TEST((r.done == f));
    BOOST_TEST(!!f[0].exception());
  });
}

BOOST_AUTO_TEST_CASE(W1_wait_for_all_does_not_count_as_looking_at_the_exceptions) {
  support::log_capture log;
  testing::run_virtual([]() -> awaitable<void> {
    const auto fails = []() -> awaitable<void> {
      throw std::runtime_error("nobody asks");
      co_return;
    };
    co_await wait(create_task(fails));
  });
  BOOST_TEST(contains(log.text(), "nobody asks"));
}

BOOST_AUTO_TEST_CASE(W1_an_empty_set_is_refused) {
  const std::string text = thrown<std::invalid_argument>([] { (void)wait(futures()); });
  BOOST_TEST(contains(text, "Set of Tasks/Futures is empty"));
}

BOOST_AUTO_TEST_CASE(wait_refuses_an_empty_handle) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto a = new_future();
    BOOST_TEST(contains(thrown<std::logic_error>([&] { (void)wait(a, future<int>()); }), "wait: the handle is empty"));
    BOOST_TEST(waiters_of(a) == 0u);
    co_return;
  });
}

BOOST_AUTO_TEST_CASE(wait_refuses_a_handle_of_another_loop) {
  boost::asio::io_context io(1);
  const auto other = event_loop(io.get_executor()).create_future<int>();
  testing::run_virtual([&]() -> awaitable<void> {
    const auto a = new_future();
    const auto waits = [&]() -> awaitable<void> { co_await wait(a, other); };
    auto s = co_await settle(waits);
    BOOST_REQUIRE(s.error_as<std::invalid_argument>());
    BOOST_TEST(contains(s.error_as<std::invalid_argument>()->what(), "wrap_future"));
    BOOST_TEST(waiters_of(a) == 0u);
    BOOST_TEST(waiters_of(other) == 0u);
  });
}

BOOST_AUTO_TEST_CASE(wait_outside_of_a_loop_is_an_error) {
  boost::asio::io_context io(1);
  boost::asio::io_context plain(1);
  const auto f = event_loop(io.get_executor()).create_future<int>();
  std::string text;
  const auto body = [&]() -> boost::asio::awaitable<void> {
    try {
      co_await wait(f);
    } catch (const std::runtime_error& e) {
      text = e.what();
    }
  };
  boost::asio::co_spawn(plain, body, boost::asio::detached);
  plain.run();
  BOOST_TEST(text == "no running event loop");
}

// --- W2 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(W2_first_exception_ends_with_an_exception) {
  testing::run_virtual([]() -> awaitable<void> {
    const futures f = new_futures(3);
    f[0].set_result(0);
    f[1].set_exception(std::runtime_error("x"));
    auto r = co_await wait(f, wait_options().return_when(first_exception));
    BOOST_TEST((r.done == futures{f[0], f[1]}));
    BOOST_TEST((r.pending == futures{f[2]}));
  });
}

BOOST_AUTO_TEST_CASE(W2_a_cancelled_future_is_no_exception) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    const futures f = new_futures(3);
    seen r;
    auto t = create_task(wait_and_note(tick, f, wait_options().return_when(first_exception), r));
    co_await testing::passes(1);
    f[0].cancel();
    co_await testing::passes(5);
    BOOST_TEST(!t.done());
    f[1].set_exception(cancelled_error("set by hand")); // an exception like any other, as in asyncio
    co_await t.get();
    BOOST_TEST((r.done == futures{f[0], f[1]}));
  });
}

BOOST_AUTO_TEST_CASE(W2_without_exceptions_first_exception_waits_for_all) {
  testing::run_virtual([]() -> awaitable<void> {
    auto a = create_task(sleep(1s, 1));
    auto b = create_task(sleep(2s, 2));
    auto r = co_await wait(a, b, wait_options().return_when(first_exception));
    BOOST_TEST(r.done.size() == 2u);
    BOOST_TEST((clock::now().time_since_epoch() == 2s));
  });
}
