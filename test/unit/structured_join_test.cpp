// join: the order of results, every kind of source, errors, the hop table.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/ticker.hpp"
#include "../support/trace.hpp"

#include <rondo/structured.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using namespace support;

// --- results -----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(join_gives_the_results_in_the_order_of_the_arguments) {
  testing::run_virtual([]() -> awaitable<void> {
    auto [a, b, c] = (co_await join(value_after(3s, 1), value_after(1s, 2), value_of(3)));
    BOOST_TEST(a == 1);
    BOOST_TEST(b == 2);
    BOOST_TEST(c == 3);
    BOOST_TEST((clock::now() == clock::time_point(3s))); // at once, not one after the other
  });
}

BOOST_AUTO_TEST_CASE(join_takes_every_kind_of_source) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(value_after(1s, 1));
    auto f = new_future();
    get_running_loop().call_later(2s, [f]() mutable { f.set_result(2); });
    boost::asio::steady_timer timer(get_running_loop().get_executor(), 1ms);
    const auto callable = [] { return value_of(4); };
    const auto all = (co_await join(t, f, sleep(1s, 3), callable, nothing(), timer.async_wait(boost::asio::deferred)));
    const std::tuple<int, int, int, int, std::monostate, std::monostate> expected{1, 2, 3, 4, {}, {}};
    BOOST_TEST((all == expected));
  });
}

BOOST_AUTO_TEST_CASE(join_takes_every_kind_of_range) {
  testing::run_virtual([]() -> awaitable<void> {
    std::vector<awaitable<int>> coroutines;
    for (int i = 3; i > 0; --i)
      coroutines.push_back(value_after(std::chrono::seconds(i), i));
    const std::vector<int> given_away = co_await join(std::move(coroutines));
    BOOST_TEST((given_away == std::vector{3, 2, 1}));

    const std::vector<task<int>> tasks{create_task(value_of(1)), create_task(value_of(2))};
    const std::vector<int> copied = co_await join(tasks);
    BOOST_TEST((copied == std::vector{1, 2}));

    const auto view = std::views::iota(1, 4) | std::views::transform([](int i) { return value_of(10 * i); });
    const std::vector<int> made = co_await join(view);
    BOOST_TEST((made == std::vector{10, 20, 30}));

    std::vector<awaitable<void>> voids;
    voids.push_back(nothing());
    static_assert(std::is_void_v<decltype(join(std::move(voids)))::value_type>);
    co_await join(std::move(voids));
  });
}

BOOST_AUTO_TEST_CASE(join_of_nothing_takes_no_pass) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    const int start = tick.now();
    const std::tuple<> none = co_await join();
    const std::vector<int> empty = co_await join(std::vector<awaitable<int>>());
    co_await join(std::vector<awaitable<void>>());
    BOOST_TEST(empty.empty());
    BOOST_TEST((none == std::tuple<>()));
    BOOST_TEST(tick.now() == start);
  });
}

BOOST_AUTO_TEST_CASE(join_starts_nothing_before_it_is_awaited) {
  testing::run_virtual([]() -> awaitable<void> {
    auto token = std::make_shared<int>(1);
    {
      const auto dropped = join(hold(token), hold(token));
      co_await testing::passes(2);
      BOOST_TEST(all_tasks().size() == 1u);
    }
    BOOST_TEST(token.use_count() == 1);
  });
}

BOOST_AUTO_TEST_CASE(join_moves_values_that_cannot_be_copied) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto make = [](int i) -> awaitable<std::unique_ptr<int>> { co_return std::make_unique<int>(i); };
    auto t = create_task(make(2));
    auto [a, b] = (co_await join(make(1), t));
    BOOST_TEST(*a == 1);
    BOOST_TEST(*b == 2);
    BOOST_CHECK_THROW(t.result(), invalid_state_error); // taken
    std::vector<awaitable<std::unique_ptr<int>>> list;
    list.push_back(make(3));
    const auto moved = co_await join(std::move(list));
    BOOST_TEST(*moved[0] == 3);
  });
}

BOOST_AUTO_TEST_CASE(join_of_the_same_task_twice_gives_its_value_twice) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(value_after(1s, 7));
    auto [a, b] = (co_await join(t, t));
    BOOST_TEST(a + b == 14);
    auto failing = create_task(fails("once"));
    auto s = co_await settle(join(failing, failing));
    BOOST_TEST(shape(s.error()) == "Group[once, once]");
  });
}

BOOST_AUTO_TEST_CASE(hops_join_0_if_all_are_done_and_2_after_the_last_completion) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    int start = tick.now();
    auto [a, b] = (co_await join(future_with(1), future_with(2)));
    BOOST_TEST(a + b == 3);
    BOOST_TEST(tick.now() == start);

    int done = 0;
    const auto last = [&]() -> awaitable<void> {
      co_await testing::passes(3);
      done = tick.now();
    };
    co_await join(last, value_of(1));
    BOOST_TEST(tick.now() - done == 2);

    start = tick.now();
    co_await join(value_of(1), value_of(2)); // the tasks run in the next pass
    BOOST_TEST(tick.now() - start == 3);
  });
}

BOOST_AUTO_TEST_CASE(join_of_ten_thousand) {
  testing::run_virtual([]() -> awaitable<void> {
    std::vector<awaitable<int>> many;
    for (int i = 0; i < 10'000; ++i)
      many.push_back(value_after(std::chrono::milliseconds(i % 7), i));
    const auto values = co_await join(std::move(many));
    BOOST_TEST(std::ranges::equal(values, std::views::iota(0, 10'000)));
  });
}

// --- errors ------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(join_throws_the_first_error_bare_after_all_children_have_ended) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto mine = create_task(for_ever());
    auto s = co_await settle(join(ends_late(&log), fails_after(2s, "boom"), mine, value_after(1s, 1)));
    BOOST_TEST(shape(s.error()) == "boom");
    BOOST_TEST((clock::now() == clock::time_point(3s)));
    BOOST_TEST(mine.cancelled()); // a handle is a child like any other
    BOOST_TEST(all_tasks().size() == 1u);
    BOOST_TEST(current_task().cancelling() == 0);
  });
  CHECK_TRACE(log, "late");
}

BOOST_AUTO_TEST_CASE(join_throws_the_very_exception) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto error = std::make_exception_ptr(std::logic_error("this one"));
    const auto child = [&]() -> awaitable<void> {
      std::rethrow_exception(error);
      co_return;
    };
    auto s = co_await settle(join(child, for_ever()));
    BOOST_TEST((s.error() == error));
  });
}

BOOST_AUTO_TEST_CASE(join_throws_a_group_if_several_end_with_errors) {
  log_capture reports;
  testing::run_virtual([]() -> awaitable<void> {
    auto s = co_await settle(join(fails_instead("second"), fails_after(1s, "first"), value_of(1)));
    BOOST_TEST(shape(s.error()) == "Group[first, second]");
    BOOST_REQUIRE(s.error_as<exception_group>());
    BOOST_TEST(s.error_as<exception_group>()->message() == "unhandled errors in join");
  });
  BOOST_TEST(reports.text() == ""); // they count as retrieved
}

BOOST_AUTO_TEST_CASE(join_takes_simultaneous_errors_in_the_order_in_which_they_happened) {
  testing::run_virtual([]() -> awaitable<void> {
    auto end = co_await end_of(join(raise_after(2, "b"), raise_after(1, "a"), raise_after(3, "c"), value_of(1)));
    BOOST_TEST(end == "Group[a, b]"); // c is cancelled in the pass in which it would fail
    end = co_await end_of(join(raise_after(2, "a"), value_after_passes(2, 1), raise_after(2, "b")));
    BOOST_TEST(end == "Group[a, b]");
  });
}

BOOST_AUTO_TEST_CASE(join_takes_a_child_that_somebody_cancels_for_an_error) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto t = create_task(for_ever());
    get_running_loop().call_later(1s, [&] { t.cancel("not you"); });
    auto s = co_await settle(join(t, ends_late(&log)));
    BOOST_TEST(message_of(s) == "not you");
    BOOST_TEST(current_task().cancelling() == 0);
    CHECK_TRACE(log, "late");

    const auto cancels_itself = []() -> awaitable<void> {
      throw cancelled_error("by hand");
      co_return;
    };
    auto end = co_await end_of(join(cancels_itself, ends_late(&log)));
    BOOST_TEST(end == "Cancelled(by hand)");
    end = co_await end_of(join(cancels_itself, fails_instead("an error")));
    BOOST_TEST(end == "an error");
  });
}

BOOST_AUTO_TEST_CASE(join_starts_nothing_more_after_an_error_that_is_there_already) {
  testing::run_virtual([]() -> awaitable<void> {
    auto failed = new_future();
    failed.set_exception(std::make_exception_ptr(std::runtime_error("done before")));
    auto later = create_task(for_ever());
    bool ran = false;
    const auto never = [&]() -> awaitable<void> {
      ran = true;
      co_return;
    };
    auto s = co_await settle(join(failed, never, later));
    BOOST_TEST(shape(s.error()) == "done before");
    BOOST_TEST(!ran);
    BOOST_TEST(later.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(join_passes_a_keyboard_interrupt_on_bare) {
  trace log;
  const auto run = [&] {
    testing::run_virtual([&]() -> awaitable<void> {
      const auto interrupted = []() -> awaitable<void> {
        throw keyboard_interrupt();
        co_return;
      };
      auto s = co_await end_of(join(interrupted, fails_instead("hidden")));
      log.push_back(s);
    });
  };
  BOOST_CHECK_THROW(run(), keyboard_interrupt);
  CHECK_TRACE(log, "KeyboardInterrupt");
}
