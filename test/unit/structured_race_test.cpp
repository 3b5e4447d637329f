// race: the first completion ends it, everybody has ended when it returns, and no value is lost.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/ticker.hpp"
#include "../support/trace.hpp"

#include <rondo/structured.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using namespace support;

// --- results -----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(race_gives_the_first_value_and_cancels_the_others) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto mine = create_task(for_ever());
    auto [a, b, c] = (co_await race(ends_late(&log), value_after(2s, 7), mine));
    BOOST_TEST(!a.has_value());
    BOOST_TEST((b == 7));
    BOOST_TEST(!c.has_value());
    BOOST_TEST(mine.cancelled()); // a handle is a child like any other
    BOOST_TEST((clock::now() == clock::time_point(3s)));
    BOOST_TEST(all_tasks().size() == 1u);
    BOOST_TEST(current_task().cancelling() == 0);
  });
  CHECK_TRACE(log, "late");
}

BOOST_AUTO_TEST_CASE(race_gives_also_the_values_of_those_that_completed_all_the_same) {
  testing::run_virtual([]() -> awaitable<void> {
    auto [a, b, c, d] = (co_await race(refuses(1), value_after_passes(2, 2), value_after_passes(2, 3), for_ever()));
    BOOST_TEST((a == 1)); // told to end, but had something to give
    BOOST_TEST((b == 2));
    BOOST_TEST((c == 3)); // in the same pass as the winner
    BOOST_TEST(!d.has_value());
  });
}

BOOST_AUTO_TEST_CASE(race_takes_every_kind_of_source_and_range) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(value_after(1s, 1));
    auto f = new_future();
    const auto callable = [] { return value_after(3s, 4); };
    const auto all = (co_await race(t, f, sleep(2s, 3), callable, sleep(5s)));
    const std::tuple<std::optional<int>, std::optional<int>, std::optional<int>, std::optional<int>,
                     std::optional<std::monostate>>
        expected{1, {}, {}, {}, {}};
    BOOST_TEST((all == expected));
    BOOST_TEST(f.cancelled());

    std::vector<awaitable<int>> coroutines;
    for (int i = 3; i > 0; --i)
      coroutines.push_back(value_after(std::chrono::seconds(i), i));
    const auto given_away = co_await race(std::move(coroutines));
    BOOST_TEST((given_away == std::vector<std::optional<int>>{{}, {}, 1}));

    const std::vector<task<int>> tasks{create_task(value_after(1s, 1)), create_task(value_after(2s, 2))};
    const auto copied = co_await race(tasks);
    BOOST_TEST((copied == std::vector<std::optional<int>>{1, {}}));

    const auto view = std::views::iota(1, 4) | std::views::transform([](int i) { return sleep(i * 1s); });
    const auto voids = co_await race(view);
    BOOST_TEST((voids[0] && !voids[1] && !voids[2]));
  });
}

BOOST_AUTO_TEST_CASE(race_moves_values_that_cannot_be_copied) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto make = [](int i) -> awaitable<std::unique_ptr<int>> { co_return std::make_unique<int>(i); };
    auto [a, b] = (co_await race(make(1), for_ever()));
    BOOST_TEST((a && **a == 1));
    BOOST_TEST(!b.has_value());
  });
}

BOOST_AUTO_TEST_CASE(race_of_one_and_of_the_same_task_twice) {
  testing::run_virtual([]() -> awaitable<void> {
    auto [alone] = (co_await race(value_after(1s, 5)));
    BOOST_TEST((alone == 5));
    auto t = create_task(value_after(1s, 7));
    auto [a, b] = (co_await race(t, t));
    BOOST_TEST((a == 7));
    BOOST_TEST((b == 7));
  });
}

BOOST_AUTO_TEST_CASE(race_with_a_winner_that_is_done_before_starts_nothing_more) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    bool ran = false;
    const auto never = [&]() -> awaitable<void> {
      ran = true;
      co_return;
    };
    const int start = tick.now();
    auto [a, b, c] = (co_await race(future_with(1), never, future_with(3)));
    BOOST_TEST(tick.now() == start);
    BOOST_TEST((a == 1));
    BOOST_TEST(!b.has_value());
    BOOST_TEST((c == 3));
    co_await testing::passes(3);
    BOOST_TEST(!ran);
  });
}

BOOST_AUTO_TEST_CASE(hops_race_2_after_the_completion_and_4_with_others_that_are_cancelled) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    int done = 0;
    const auto winner = [&]() -> awaitable<void> {
      co_await testing::passes(3);
      done = tick.now();
    };
    co_await race(winner);
    BOOST_TEST(tick.now() - done == 2);
    co_await race(winner, for_ever());
    BOOST_TEST(tick.now() - done == 4);
  });
}

BOOST_AUTO_TEST_CASE(race_starts_nothing_before_it_is_awaited) {
  testing::run_virtual([]() -> awaitable<void> {
    auto token = std::make_shared<int>(1);
    {
      const auto dropped = race(hold(token), hold(token));
      co_await testing::passes(2);
      BOOST_TEST(all_tasks().size() == 1u);
    }
    BOOST_TEST(token.use_count() == 1);
  });
}

BOOST_AUTO_TEST_CASE(races_nest) {
  testing::run_virtual([]() -> awaitable<void> {
    auto [inner, other] = (co_await race(race(value_after(2s, 1), value_after(3s, 2)), for_ever()));
    BOOST_REQUIRE(inner.has_value());
    BOOST_TEST((std::get<0>(*inner) == 1));
    BOOST_TEST(!other.has_value());
    auto [lost, first] = (co_await race(race(for_ever(), for_ever()), value_after(1s, 3)));
    BOOST_TEST(!lost.has_value());
    BOOST_TEST((first == 3));
  });
}

// --- errors ------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(race_throws_an_error_that_comes_first_when_all_have_ended) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto end = co_await end_of(race(ends_late(&log), fails_after(1s, "first"), refuses(1)));
    BOOST_TEST(end == "first");
    BOOST_TEST((clock::now() == clock::time_point(2s)));
    end = co_await end_of(race(fails_instead("second"), fails_after(1s, "first")));
    BOOST_TEST(end == "Group[first, second]");
    auto s = co_await settle(race(fails_instead("second"), fails_after(1s, "first")));
    BOOST_REQUIRE(s.error_as<exception_group>());
    BOOST_TEST(s.error_as<exception_group>()->message() == "unhandled errors in race");
  });
  CHECK_TRACE(log, "late");
}

BOOST_AUTO_TEST_CASE(race_hands_errors_that_follow_a_value_to_the_exception_handler) {
  testing::run_virtual([]() -> awaitable<void> {
    trace reports;
    get_running_loop().set_exception_handler([&](event_loop, const exception_context& c) {
      reports.push_back(c.message);
      reports.push_back(shape(c.exception));
    });
    auto [a, b] = (co_await race(fails_instead("too late"), value_after(1s, 2)));
    BOOST_TEST(!a.has_value());
    BOOST_TEST((b == 2));
    CHECK_TRACE(reports, "race: one that lost ended with an exception", "too late");
  });
}

BOOST_AUTO_TEST_CASE(race_takes_a_child_that_somebody_cancels_for_a_completion) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto t = create_task(for_ever());
    get_running_loop().call_later(1s, [&] { t.cancel("not you"); });
    auto end = co_await end_of(race(t, ends_late(&log), refuses(3)));
    BOOST_TEST(end == "Cancelled(not you)");
    BOOST_TEST(current_task().cancelling() == 0);
  });
  CHECK_TRACE(log, "late");
}

// --- cancellation ------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(race_passes_a_cancel_on_once_and_waits_for_all) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto user = create_task(race(note_cancel(&log, "child"), ends_late(&log)));
    co_await testing::passes(2);
    user.cancel("enough");
    co_await sleep(500ms);
    user.cancel("again");
    auto s = co_await settle(user);
    BOOST_TEST(message_of(s) == "enough");
    BOOST_TEST(user.cancelling() == 2);
    BOOST_TEST((clock::now() == clock::time_point(1s)));
  });
  CHECK_TRACE(log, "child cancelled enough", "late");
}

namespace {

/// A race whose user is cancelled by `cancel(user)`: what it gives, and what the next waits give.
template <class Race, class Cancel>
awaitable<trace> cancelled_race(Race race, Cancel cancel) {
  trace log;
  const auto uses = [&]() -> awaitable<void> {
    std::string end;
    try {
      auto all = co_await race();
      end = std::get<0>(all) ? std::to_string(*std::get<0>(all)) : "empty";
    } catch (...) {
      end = shape(std::current_exception());
    }
    log.push_back(end);
    log.push_back(std::to_string(current_task().cancelling()));
    end = co_await end_of(sleep(1s));
    log.push_back(end);
    end = co_await end_of(sleep(1s));
    log.push_back(end);
  };
  auto user = create_task(uses);
  co_await cancel(user);
  co_await user.get();
  co_return log;
}

} // namespace

BOOST_AUTO_TEST_CASE(race_gives_the_value_if_a_cancel_comes_after_the_first_completion) {
  testing::run_virtual([]() -> awaitable<void> {
    for (const int turns : {0, 1, 2}) { // after the completion: before it is seen, while the others end, at the end
      auto f = new_future();
      const auto contest = [&] { return race(f, for_ever()); };
      const auto cancel = [&](any_task user) -> awaitable<void> {
        co_await testing::passes(2);
        f.set_result(5);
        co_await testing::passes(turns);
        user.cancel("why");
      };
      const auto log = co_await cancelled_race(contest, cancel);
      CHECK_TRACE(log, "5", "1", "Cancelled(why)", "none");
    }
  });
}

BOOST_AUTO_TEST_CASE(race_gives_the_value_of_a_child_that_refuses_the_cancel) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto contest = [] { return race(refuses(6), for_ever()); };
    const auto cancel = [](any_task user) -> awaitable<void> {
      co_await testing::passes(2);
      user.cancel("why");
    };
    const auto log = co_await cancelled_race(contest, cancel);
    CHECK_TRACE(log, "6", "1", "Cancelled(why)", "none");
  });
}

BOOST_AUTO_TEST_CASE(race_throws_an_error_before_a_cancellation_which_comes_with_the_next_wait) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto contest = [] { return race(fails_instead("clean-up failed"), for_ever()); };
    const auto cancel = [](any_task user) -> awaitable<void> {
      co_await testing::passes(2);
      user.cancel("why");
    };
    const auto log = co_await cancelled_race(contest, cancel);
    CHECK_TRACE(log, "clean-up failed", "1", "Cancelled(why)", "none");
  });
}

// --- bad input ---------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(race_refuses_bad_input_before_anything_starts) {
  testing::run_virtual([]() -> awaitable<void> {
    const std::string none = thrown<std::invalid_argument>([] { (void)race(std::vector<task<int>>()); });
    BOOST_TEST(none == "race: the range is empty, so nothing could ever complete");
    auto token = std::make_shared<int>(1);
    auto s = co_await settle(race(hold(token), future<int>()));
    BOOST_TEST(contains(text_in<std::logic_error>(s.error()), "the handle is empty"));
    BOOST_TEST(token.use_count() == 1);
    BOOST_TEST(all_tasks().size() == 1u);
  });
}

BOOST_AUTO_TEST_CASE(race_of_the_running_task_is_an_error) {
  testing::run_virtual([]() -> awaitable<void> {
    task<void> user;
    const auto uses = [&]() -> awaitable<void> { co_await race(user, for_ever()); };
    user = create_task(uses);
    auto s = co_await settle(user);
    BOOST_TEST(contains(text_in<std::runtime_error>(s.error()), "Task cannot await on itself"));
  });
}
