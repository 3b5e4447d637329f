// map_concurrent: the limit, the order of results, what f and the range throw, cancellation.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/ticker.hpp"
#include "../support/trace.hpp"

#include <rondo/structured.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>
#include <memory>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using namespace support;

namespace {

/// How many run at once, and at most.
struct crowd {
  int now = 0;
  int most = 0;

  awaitable<int> visit(int turns) {
    most = std::max(most, ++now);
    co_await testing::passes(turns);
    --now;
    co_return turns;
  }
};

/// A range that throws at its n-th element.
struct broken_range {
  struct iterator {
    using value_type = int;
    using difference_type = std::ptrdiff_t;

    int at = 0;
    int breaks_at = 0;

    int operator*() const { return at; }
    iterator& operator++() {
      if (++at == breaks_at) throw std::runtime_error("the range is broken");
      return *this;
    }
    iterator operator++(int) {
      iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const iterator& other) const { return at == other.at; }
  };

  iterator begin() const {
    if (breaks_at == 0) throw std::runtime_error("the range is broken");
    return {0, breaks_at};
  }
  iterator end() const { return {100, breaks_at}; }

  int breaks_at;
};

} // namespace

// --- results -----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(map_concurrent_gives_the_results_in_the_order_of_the_elements) {
  testing::run_virtual([]() -> awaitable<void> {
    const std::vector<int> turns{5, 1, 4, 2, 3, 1, 1, 6};
    for (const int limit : {1, 2, 3, 8, 100}) {
      crowd c;
      const auto visit = [&](int n) { return c.visit(n); };
      const auto results = co_await map_concurrent(turns, visit, limit);
      BOOST_TEST(results == turns, boost::test_tools::per_element());
      BOOST_TEST(c.most == std::min(limit, 8));
    }
    crowd c;
    const auto visit = [&](int n) { return c.visit(n); };
    co_await map_concurrent(turns, visit, std::numeric_limits<std::ptrdiff_t>::max());
    BOOST_TEST(c.most == 8);
  });
}

BOOST_AUTO_TEST_CASE(map_concurrent_fills_a_place_as_soon_as_it_is_free) {
  testing::run_virtual([]() -> awaitable<void> {
    const std::vector<int> seconds{3, 1, 1, 1};
    const auto f = [](int n) { return value_after(std::chrono::seconds(n), n); };
    co_await map_concurrent(seconds, f, 2);
    BOOST_TEST((clock::now() == clock::time_point(3s)));
  });
}

BOOST_AUTO_TEST_CASE(map_concurrent_calls_f_in_the_callers_task_one_element_after_the_other_when_there_is_room) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const any_task caller = current_task();
    const auto f = [&](int n) {
      BOOST_TEST((current_task() == caller));
      log.push_back("call " + std::to_string(n));
      const auto run = [](trace& l, int i) -> awaitable<void> {
        l.push_back("run " + std::to_string(i));
        co_await sleep(1s);
        l.push_back("end " + std::to_string(i));
      };
      return run(log, n);
    };
    co_await map_concurrent(std::views::iota(0, 3), f, 2);
  });
  CHECK_TRACE(log, "call 0", "call 1", "run 0", "run 1", "end 0", "end 1", "call 2", "run 2", "end 2");
}

BOOST_AUTO_TEST_CASE(map_concurrent_takes_every_kind_of_range) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto twice = [](int n) { return value_of(2 * n); };
    const std::vector<int> expected{2, 4, 6};
    auto from_view = co_await map_concurrent(std::views::iota(1, 4), twice, 2);
    BOOST_TEST(from_view == expected, boost::test_tools::per_element());
    std::istringstream words("1 2 3");
    auto from_input = co_await map_concurrent(std::views::istream<int>(words), twice, 2);
    BOOST_TEST(from_input == expected, boost::test_tools::per_element());
    std::vector<int> numbers{1, 2, 3};
    auto given_away = co_await map_concurrent(std::move(numbers), twice, 2);
    BOOST_TEST(given_away == expected, boost::test_tools::per_element());

    // A range with a name is referred to, and its elements may be changed.
    std::vector<std::string> names{"a", "b"};
    const auto change = [](std::string& s) -> awaitable<void> {
      co_await sleep(1s);
      s += "!";
    };
    static_assert(std::is_void_v<decltype(map_concurrent(names, change, 1))::value_type>);
    co_await map_concurrent(names, change, 1);
    CHECK_TRACE(names, "a!", "b!");
  });
}

BOOST_AUTO_TEST_CASE(map_concurrent_takes_functions_that_return_any_source) {
  testing::run_virtual([]() -> awaitable<void> {
    const std::vector<int> seconds{2, 1};
    const auto task_of = [](int n) { return create_task(value_after(std::chrono::seconds(n), n)); };
    const auto operation = [](int n) { return sleep(std::chrono::seconds(n), n); };
    const auto callable = [](int n) { return [n]() { return value_of(n); }; };
    const auto done = [](int n) { return future_with(n); };
    auto a = co_await map_concurrent(seconds, task_of, 1);
    auto b = co_await map_concurrent(seconds, operation, 1);
    auto c = co_await map_concurrent(seconds, callable, 1);
    auto d = co_await map_concurrent(seconds, done, 1);
    BOOST_TEST((a == seconds && b == seconds && c == seconds && d == seconds));
    struct object {
      int factor;
      awaitable<int> times(int n) const { co_return factor* n; }
    };
    const std::vector<object> objects{{2}, {3}};
    const auto member = [](const object& o) { return o.times(5); };
    auto e = co_await map_concurrent(objects, member, 2);
    BOOST_TEST((e == std::vector{10, 15}));
  });
}

BOOST_AUTO_TEST_CASE(map_concurrent_moves_values_that_cannot_be_copied_and_needs_no_default) {
  struct strict {
    explicit strict(int n) : value(std::make_unique<int>(n)) {}
    std::unique_ptr<int> value;
  };
  testing::run_virtual([]() -> awaitable<void> {
    const auto make = [](int n) -> awaitable<strict> {
      co_await testing::passes(4 - n);
      co_return strict(n);
    };
    const auto values = co_await map_concurrent(std::views::iota(1, 4), make, 3);
    BOOST_TEST((*values[0].value == 1 && *values[1].value == 2 && *values[2].value == 3));
  });
}

BOOST_AUTO_TEST_CASE(map_concurrent_of_nothing_takes_no_pass) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    const int start = tick.now();
    const std::vector<int> empty;
    const auto results = co_await map_concurrent(empty, value_of, 3);
    BOOST_TEST(results.empty());
    BOOST_TEST(tick.now() == start);
  });
}

BOOST_AUTO_TEST_CASE(map_concurrent_of_many_keeps_its_places) {
  testing::run_virtual([]() -> awaitable<void> {
    crowd c;
    const auto visit = [&](int n) { return c.visit(1 + n % 5); };
    const auto results = co_await map_concurrent(std::views::iota(0, 20'000), visit, 10);
    BOOST_TEST(results.size() == 20'000u);
    BOOST_TEST(c.most == 10);
  });
}

// --- errors ------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(map_concurrent_throws_the_first_error_and_leaves_out_the_remaining_elements) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const auto f = [&](int n) -> awaitable<int> {
      log.push_back(std::to_string(n));
      return n == 1 ? fails_after(1s, "boom") : ends_late(&log, "late " + std::to_string(n));
    };
    auto end = co_await end_of(map_concurrent(std::views::iota(0, 9), f, 3));
    BOOST_TEST(end == "boom");
    BOOST_TEST((clock::now() == clock::time_point(2s)));
    BOOST_TEST(all_tasks().size() == 1u);
  });
  CHECK_TRACE(log, "0", "1", "2", "late 0", "late 2");
}

BOOST_AUTO_TEST_CASE(map_concurrent_throws_a_group_if_several_fail) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto f = [](int n) { return n == 1 ? fails_after(1s, "first") : fails_instead("then " + std::to_string(n)); };
    auto s = co_await settle(map_concurrent(std::views::iota(0, 3), f, 3));
    BOOST_TEST(shape(s.error()) == "Group[first, then 0, then 2]");
    BOOST_TEST(s.error_as<exception_group>()->message() == "unhandled errors in map_concurrent");
  });
}

BOOST_AUTO_TEST_CASE(map_concurrent_with_an_f_that_throws_ends_the_others_first) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const auto at_once = [&](int n) -> awaitable<int> {
      if (n == 1) throw std::runtime_error("f failed");
      return ends_late(&log);
    };
    auto end = co_await end_of(map_concurrent(std::views::iota(0, 9), at_once, 3));
    BOOST_TEST(end == "f failed");
    BOOST_TEST(log.empty()); // it was cancelled before its first step

    const auto later = [&](int n) -> awaitable<int> {
      if (n == 2) throw std::runtime_error("f failed");
      return n == 1 ? value_after(1s, 1) : ends_late(&log);
    };
    end = co_await end_of(map_concurrent(std::views::iota(0, 9), later, 2));
    BOOST_TEST(end == "f failed");
    CHECK_TRACE(log, "late");
    BOOST_TEST(all_tasks().size() == 1u);
  });
}

BOOST_AUTO_TEST_CASE(map_concurrent_with_a_range_that_throws_ends_the_others_first) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const auto f = [&](int n) { return n == 0 ? ends_late(&log) : value_after(1s, 1); };
    auto end = co_await end_of(map_concurrent(broken_range{0}, f, 2));
    BOOST_TEST(end == "the range is broken");
    end = co_await end_of(map_concurrent(broken_range{3}, f, 2));
    BOOST_TEST(end == "the range is broken");
    CHECK_TRACE(log, "late");
    BOOST_TEST(all_tasks().size() == 1u);
  });
}

BOOST_AUTO_TEST_CASE(map_concurrent_takes_a_child_that_somebody_cancels_for_an_error) {
  testing::run_virtual([]() -> awaitable<void> {
    std::vector<task<void>> tasks{create_task(for_ever()), create_task(for_ever())};
    get_running_loop().call_later(1s, [&] { tasks[1].cancel("not you"); });
    const auto f = [](const task<void>& t) { return t; };
    auto end = co_await end_of(map_concurrent(tasks, f, 2));
    BOOST_TEST(end == "Cancelled(not you)");
    BOOST_TEST(tasks[0].cancelled());
  });
}

BOOST_AUTO_TEST_CASE(map_concurrent_refuses_a_limit_below_1) {
  const std::vector<int> one{1};
  for (const int limit : {0, -1, std::numeric_limits<int>::min()}) {
    const auto text = thrown<std::invalid_argument>([&] { (void)map_concurrent(one, value_of, limit); });
    BOOST_TEST(contains(text, "map_concurrent: the limit is " + std::to_string(limit)));
    BOOST_TEST(contains(text, "must be 1 or more"));
  }
}

// --- cancellation ------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(map_concurrent_passes_a_cancel_on_and_calls_f_no_more) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const auto f = [&](int n) {
      log.push_back(std::to_string(n));
      return ends_late(&log);
    };
    auto user = create_task([&] { return map_concurrent(std::views::iota(0, 9), f, 2); });
    co_await testing::passes(3);
    user.cancel("enough");
    user.cancel("again");
    auto s = co_await settle(user);
    BOOST_TEST(message_of(s) == "enough");
    BOOST_TEST(user.cancelling() == 2);
    BOOST_TEST((clock::now() == clock::time_point(1s)));
  });
  CHECK_TRACE(log, "0", "1", "late", "late");
}

BOOST_AUTO_TEST_CASE(map_concurrent_throws_errors_before_a_cancellation_which_comes_with_the_next_wait) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const auto f = [](int) { return fails_instead("clean-up failed"); };
    const auto uses = [&]() -> awaitable<void> {
      auto end = co_await end_of(map_concurrent(std::views::iota(0, 9), f, 1));
      log.push_back(end);
      end = co_await end_of(sleep(1s));
      log.push_back(end);
    };
    auto user = create_task(uses);
    co_await testing::passes(3);
    user.cancel("why");
    co_await user.get();
    BOOST_TEST(user.cancelling() == 1);
  });
  CHECK_TRACE(log, "clean-up failed", "Cancelled(why)");
}

BOOST_AUTO_TEST_CASE(map_concurrent_in_a_coroutine_of_asio_keeps_the_errors_of_its_children) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    boost::asio::cancellation_signal signal;
    auto ended = get_running_loop().create_future<void>();
    const auto f = [&](int n) { return n == 0 ? fails_instead("kept") : ends_late(&log); };
    const auto uses = [&]() -> awaitable<void> {
      auto end = co_await end_of(map_concurrent(std::views::iota(0, 9), f, 2));
      log.push_back(end);
    };
    boost::asio::co_spawn(get_running_loop().get_executor(), uses,
                          boost::asio::bind_cancellation_slot(
                              signal.slot(), [ended](std::exception_ptr) mutable { ended.set_result(); }));
    co_await testing::passes(3);
    signal.emit(boost::asio::cancellation_type::all);
    co_await ended.get();
    BOOST_TEST(all_tasks().size() == 1u);
  });
  CHECK_TRACE(log, "late", "kept");
}
