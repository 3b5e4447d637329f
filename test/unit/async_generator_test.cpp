// async_generator: its values, what its body may await, whose task it runs in, and its errors.
// SPDX-License-Identifier: BSL-1.0
#include "../support/ends.hpp"

#include <rondo/async_generator.hpp>
#include <rondo/context.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using namespace rondo;
using namespace std::chrono_literals;
using support::error_of;
using support::starts_with;
using support::trace;

namespace {

async_generator<int> count(int n) {
  for (int i = 0; i < n; ++i)
    co_yield i;
}

async_generator<int> count_slowly(int n) {
  for (int i = 0; i < n; ++i) {
    co_await sleep(1s);
    co_yield i;
  }
}

template <class T>
awaitable<std::vector<T>> all_of(async_generator<T> g) {
  std::vector<T> items;
  while (auto item = co_await g.next())
    items.push_back(std::move(*item));
  co_return items;
}

} // namespace

// --- values --------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(values_come_in_order_and_then_nothing_for_ever) {
  testing::run_virtual([]() -> awaitable<void> {
    auto g = count(3);
    for (int i = 0; i < 3; ++i) {
      const std::optional<int> item = co_await g.next();
      BOOST_TEST_REQUIRE(item.has_value());
      BOOST_TEST(*item == i);
    }
    for (int i = 0; i < 3; ++i) {
      const std::optional<int> item = co_await g.next();
      BOOST_TEST(!item);
    }
  });
}

BOOST_AUTO_TEST_CASE(the_body_starts_with_the_first_next_and_rests_in_between) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto body = [](trace& t) -> async_generator<int> {
      t.push_back("begins");
      co_yield 1;
      t.push_back("goes on");
      co_yield 2;
      t.push_back("ends");
    };
    auto g = body(log);
    co_await testing::passes(2);
    log.push_back("ask");
    while (auto i = co_await g.next()) {
      log.push_back("got " + std::to_string(*i));
      co_await testing::passes(2);
    }
    CHECK_TRACE(log, "ask", "begins", "got 1", "goes on", "got 2", "ends");
  });
}

BOOST_AUTO_TEST_CASE(a_next_that_is_never_awaited_does_nothing) {
  testing::run_virtual([]() -> awaitable<void> {
    auto g = count(2);
    {
      auto unused = g.next();
    }
    auto kept = g.next();
    const auto first = co_await g.next();
    BOOST_TEST(first.value() == 0);
    const auto second = co_await std::move(kept);
    BOOST_TEST(second.value() == 1);
    auto late = g.next();
    const auto third = co_await g.next();
    BOOST_TEST(!third);
    const auto fourth = co_await std::move(late);
    BOOST_TEST(!fourth);
  });
}

BOOST_AUTO_TEST_CASE(values_may_be_move_only) {
  testing::run_virtual([]() -> awaitable<void> {
    auto body = []() -> async_generator<std::unique_ptr<int>> {
      auto named = std::make_unique<int>(1);
      co_yield std::move(named);
      co_yield std::make_unique<int>(2);
      co_yield nullptr;
    };
    auto items = co_await all_of(body());
    BOOST_TEST_REQUIRE(items.size() == 3u);
    BOOST_TEST(*items[0] == 1);
    BOOST_TEST(*items[1] == 2);
    BOOST_TEST(!items[2]);
  });
}

BOOST_AUTO_TEST_CASE(an_lvalue_is_copied_and_an_rvalue_moved) {
  testing::run_virtual([]() -> awaitable<void> {
    trace kept;
    auto body = [](trace& t) -> async_generator<std::string> {
      std::string word = "a word that is too long for the string itself";
      co_yield word;
      t.push_back(word);
      co_yield std::move(word);
      t.push_back(word);
      co_yield "literal";
    };
    auto items = co_await all_of(body(kept));
    CHECK_TRACE(items, "a word that is too long for the string itself", "a word that is too long for the string itself",
                "literal");
    CHECK_TRACE(kept, "a word that is too long for the string itself", "");
  });
}

BOOST_AUTO_TEST_CASE(values_need_no_default_constructor_and_no_assignment) {
  struct fixed {
    explicit fixed(int i) : value(i) {}
    const int value;
  };
  testing::run_virtual([]() -> awaitable<void> {
    auto body = []() -> async_generator<fixed> {
      co_yield fixed(7);
      co_yield fixed(8);
    };
    int sum = 0;
    auto g = body();
    while (auto item = co_await g.next())
      sum += item->value;
    BOOST_TEST(sum == 15);
  });
}

BOOST_AUTO_TEST_CASE(a_hundred_thousand_items_that_never_suspend_need_no_stack) {
  testing::run_virtual([]() -> awaitable<void> {
    auto g = count(100'000);
    long long sum = 0;
    while (auto i = co_await g.next())
      sum += *i;
    BOOST_TEST(sum == 4'999'950'000LL);
  });
}

BOOST_AUTO_TEST_CASE(a_hundred_thousand_items_through_ten_generators_that_yield_to_the_loop) {
  testing::run_virtual([]() -> awaitable<void> {
    std::function<async_generator<int>(int, int)> layer = [&](int depth, int n) -> async_generator<int> {
      if (depth == 0) {
        for (int i = 0; i < n; ++i) {
          if (i % 100 == 0) co_await sleep(0s);
          co_yield i;
        }
      } else {
        auto inner = layer(depth - 1, n);
        while (auto i = co_await inner.next())
          co_yield *i + 1;
      }
    };
    auto g = layer(9, 100'000);
    int number = 0;
    bool right = true;
    while (auto i = co_await g.next())
      right = right && *i == number++ + 9;
    BOOST_TEST(right);
    BOOST_TEST(number == 100'000);
  });
}

// --- what the body may await ---------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(the_body_runs_in_the_task_and_the_context_of_the_consumer) {
  testing::run_virtual([]() -> awaitable<void> {
    static context_var<std::string> who{"who", "nobody"};
    auto body = []() -> async_generator<std::string> {
      for (;;) {
        co_await sleep(1s);
        const std::string seen = current_task().name() + " " + who.get();
        who.set("changed by the generator");
        co_yield seen;
      }
    };
    auto g = body();
    auto consume = [&g](std::string name) -> awaitable<std::string> {
      who.set(name);
      auto item = co_await g.next();
      co_return *item + ", " + who.get();
    };
    auto a = create_task(consume("x"), task_options().name("A"));
    const std::string first = co_await a.get();
    auto b = create_task(consume("y"), task_options().name("B"));
    const std::string second = co_await b.get();
    BOOST_TEST(first == "A x, changed by the generator");
    BOOST_TEST(second == "B y, changed by the generator");
    BOOST_TEST(who.get() == "nobody");
  });
}

BOOST_AUTO_TEST_CASE(the_body_awaits_whatever_a_coroutine_can) {
  testing::run_virtual([]() -> awaitable<void> {
    auto twice = [](int i) -> awaitable<int> {
      co_await sleep(1s);
      co_return 2 * i;
    };
    auto body = [&]() -> async_generator<int> {
      co_yield co_await twice(1);
      auto t = create_task(twice(2));
      co_yield co_await t.get();
      co_yield co_await sleep(1s, 6);
      const auto executor = co_await asio::this_coro::executor;
      co_await asio::post(executor, asio::deferred);
      co_yield 8;
      asio::steady_timer timer(get_running_loop().get_executor(), 0ms);
      co_await timer.async_wait(asio::deferred);
      co_yield 10;
      auto inner = count(2);
      while (auto i = co_await inner.next())
        co_yield 12 + *i;
    };
    auto items = co_await all_of(body());
    const std::vector<int> expected{2, 4, 6, 8, 10, 12, 13};
    BOOST_TEST(items == expected, boost::test_tools::per_element());
  });
}

BOOST_AUTO_TEST_CASE(next_is_a_source_for_tasks_and_settle) {
  testing::run_virtual([]() -> awaitable<void> {
    auto g = count_slowly(2);
    auto t = create_task(g.next());
    const auto first = co_await t.get();
    BOOST_TEST(first.value() == 0);
    auto second = co_await settle(g.next());
    BOOST_TEST(second->value() == 1);
    auto closing = create_task(g.aclose());
    co_await closing.get();
    const auto third = co_await g.next();
    BOOST_TEST(!third);
  });
}

BOOST_AUTO_TEST_CASE(a_generator_goes_from_one_task_to_another) {
  testing::run_virtual([]() -> awaitable<void> {
    auto g = count_slowly(3);
    const auto first = co_await g.next();
    auto t = create_task(all_of(std::move(g)));
    const auto rest = co_await t.get();
    BOOST_TEST(first.value() == 0);
    const std::vector<int> expected{1, 2};
    BOOST_TEST(rest == expected, boost::test_tools::per_element());
    const auto nothing = co_await g.next();
    BOOST_TEST(!nothing);
  });
}

BOOST_AUTO_TEST_CASE(a_plain_coroutine_of_asio_may_consume_one) {
  asio::io_context context(1);
  std::vector<int> items;
  auto slow = []() -> async_generator<int> {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (int i = 0; i < 3; ++i) {
      timer.expires_after(0ms);
      co_await timer.async_wait(asio::use_awaitable);
      co_yield i;
    }
  };
  auto consume = [&]() -> awaitable<void> { items = co_await all_of(slow()); };
  asio::co_spawn(context, consume(), asio::detached);
  context.run();
  const std::vector<int> expected{0, 1, 2};
  BOOST_TEST(items == expected, boost::test_tools::per_element());
}

// --- errors --------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(an_exception_of_the_body_comes_out_of_next_once) {
  testing::run_virtual([]() -> awaitable<void> {
    for (bool waits : {false, true}) {
      auto body = [waits]() -> async_generator<int> {
        co_yield 1;
        if (waits) co_await sleep(1s);
        throw std::invalid_argument("no more");
      };
      auto g = body();
      const auto first = co_await g.next();
      BOOST_TEST(first.value() == 1);
      const std::string g_error = co_await error_of(g.next());
      BOOST_TEST(g_error == "no more");
      const auto after = co_await g.next();
      BOOST_TEST(!after);
      co_await g.aclose();
    }
  });
}

BOOST_AUTO_TEST_CASE(an_exception_goes_through_a_generator_in_a_generator) {
  testing::run_virtual([]() -> awaitable<void> {
    auto broken = []() -> async_generator<int> {
      co_yield 1;
      throw std::runtime_error("inner");
    };
    auto outer = [&]() -> async_generator<int> {
      auto g = broken();
      while (auto i = co_await g.next())
        co_yield *i;
    };
    auto handles = [&]() -> async_generator<int> {
      auto g = outer();
      bool failed = false;
      try {
        while (auto i = co_await g.next())
          co_yield *i;
      } catch (const std::runtime_error&) {
        failed = true;
      }
      if (failed) co_yield -1;
    };
    auto items = co_await all_of(handles());
    const std::vector<int> expected{1, -1};
    BOOST_TEST(items == expected, boost::test_tools::per_element());
  });
}

BOOST_AUTO_TEST_CASE(two_consumers_at_once_are_refused) {
  testing::run_virtual([]() -> awaitable<void> {
    auto g = count_slowly(2);
    auto t = create_task(g.next());
    co_await testing::passes(1);
    const std::string next = co_await error_of(g.next());
    const std::string close = co_await error_of(g.aclose());
    BOOST_TEST(starts_with(next, "anext(): asynchronous generator is already running"), next);
    BOOST_TEST(starts_with(close, "aclose(): asynchronous generator is already running"), close);
    const auto first = co_await t.get();
    BOOST_TEST(first.value() == 0);
    const auto second = co_await g.next();
    BOOST_TEST(second.value() == 1);
  });
}

BOOST_AUTO_TEST_CASE(a_body_that_asks_itself_is_refused) {
  testing::run_virtual([]() -> awaitable<void> {
    async_generator<int> g;
    auto body = [&]() -> async_generator<int> {
      const auto i = co_await g.next();
      co_yield *i;
    };
    g = body();
    const std::string error = co_await error_of(g.next());
    BOOST_TEST(starts_with(error, "anext(): asynchronous generator is already running"), error);
  });
}
