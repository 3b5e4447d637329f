// CPython's test_tasks: as_completed. Of its two forms the asynchronous one exists here.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/trace.hpp"
#include "tasks.hpp"

#include <rondo/rondo.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using cpython::text_of;
using support::message_of;
using support::now_is;
using support::thrown;
using support::value_of;

namespace {

using texts = std::vector<std::string>;

awaitable<std::string> text_after(time_limit d, std::string text) {
  co_await sleep(d);
  co_return text;
}

/// The results of what is left, in the order of completion.
template <class E>
awaitable<std::vector<typename E::value_type>> results_of(completions<E>& items) {
  std::vector<typename E::value_type> values;
  while (auto f = co_await items.next()) {
    auto value = co_await f->get();
    values.push_back(std::move(value));
  }
  co_return values;
}

/// Sorted, for results whose order is not defined.
template <class T>
std::vector<T> sorted(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  return values;
}

} // namespace

BOOST_AUTO_TEST_CASE(test_as_completed) {
  testing::run_virtual([]() -> awaitable<void> {
    std::set<std::string> completed;
    bool time_shifted = false;
    const auto sleeper = [&](time_limit dt, std::string x) -> awaitable<std::string> {
      co_await sleep(dt);
      completed.insert(x);
      if (!time_shifted && completed.contains("a") && completed.contains("b")) {
        time_shifted = true;
        testing::advance(140ms);
      }
      co_return x;
    };
    const auto foo = [&]() -> awaitable<texts> {
      auto items = as_completed(std::nullopt, sleeper(10ms, "b"), sleeper(150ms, "c"), sleeper(10ms, "a"));
      co_return co_await results_of(items);
    };
    auto t = create_task(foo);
    const texts res = co_await t.get();
    BOOST_TEST(now_is(150ms));
    BOOST_TEST((res == texts{"b", "a", "c"}));
  });
}

BOOST_AUTO_TEST_CASE(test_as_completed_same_tasks_in_as_out) {
  testing::run_virtual([]() -> awaitable<void> {
    std::vector<awaitable<int>> coroutines;
    for (int i = 0; i < 4; ++i)
      coroutines.push_back(value_of(i));
    auto made = as_completed(std::move(coroutines)); // tasks are made of these
    const auto values = co_await results_of(made);
    BOOST_TEST(sorted(values) == (std::vector<int>{0, 1, 2, 3}), boost::test_tools::per_element());

    auto task_b = create_task(text_of("b"));
    auto task_d = create_task(text_of("d"));
    auto items = as_completed(std::nullopt, text_of("a"), task_b, text_of("c"), task_d);
    std::set<any_future> out;
    texts others;
    while (auto f = co_await items.next()) {
      out.insert(*f);
      if (*f != task_b && *f != task_d) others.push_back(f->result());
    }
    BOOST_TEST(out.size() == 4u);
    BOOST_TEST(out.contains(task_b));
    BOOST_TEST(out.contains(task_d));
    BOOST_TEST((sorted(others) == texts{"a", "c"}));
  });
}

BOOST_AUTO_TEST_CASE(test_as_completed_with_timeout) {
  testing::run_virtual([]() -> awaitable<void> {
    auto a = create_task(text_after(100ms, "a"));
    auto b = create_task(text_after(150ms, "b"));
    const auto foo = [&]() -> awaitable<texts> {
      texts values;
      try {
        auto items = as_completed(120ms, a, b);
        while (auto f = co_await items.next()) {
          auto value = co_await f->get();
          values.push_back(value);
          testing::advance(20ms);
        }
      } catch (const timeout_error&) {
        values.push_back("timeout");
      }
      co_return values;
    };
    auto t = create_task(foo);
    const texts res = co_await t.get();
    BOOST_TEST((res == texts{"a", "timeout"}));
    BOOST_TEST(now_is(120ms));
    co_await wait(a, b);
    BOOST_TEST(b.result() == "b");
  });
}

BOOST_AUTO_TEST_CASE(test_as_completed_with_unused_timeout) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto foo = []() -> awaitable<void> {
      auto items = as_completed(1s, sleep(10ms, std::string("a")));
      const auto values = co_await results_of(items);
      BOOST_TEST((values == texts{"a"}));
    };
    auto t = create_task(foo);
    co_await t.get();
    BOOST_TEST(now_is(10ms));
  });
}

BOOST_AUTO_TEST_CASE(test_as_completed_resume_iterator) {
  testing::run_virtual([]() -> awaitable<void> {
    auto items = as_completed(std::nullopt, value_of(0), value_of(1), value_of(2), value_of(3));
    std::vector<int> collected;
    while (auto f = co_await items.next()) {
      collected.push_back(f->result());
      if (collected.size() == 2) break;
    }
    BOOST_TEST(collected.size() == 2u);
    while (auto f = co_await items.next())
      collected.push_back(f->result());
    BOOST_TEST(sorted(collected) == (std::vector<int>{0, 1, 2, 3}), boost::test_tools::per_element());
  });
}

BOOST_AUTO_TEST_CASE(test_as_completed_async_iterator_cancelled_anext) {
  testing::run_virtual([]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    auto a = loop.create_future<std::string>();
    auto b = loop.create_future<std::string>();
    auto items = as_completed(std::nullopt, a, b);

    auto waiter = create_task(items.next());
    co_await sleep(0s);
    waiter.cancel();
    auto s = co_await settle(waiter);
    BOOST_TEST(message_of(s) == "");

    a.set_result("a");
    b.set_result("b");
    const texts results = co_await results_of(items); // nothing was lost
    BOOST_TEST((sorted(results) == texts{"a", "b"}));
  });
}

BOOST_AUTO_TEST_CASE(test_as_completed_concurrent) {
  // What it gives may be awaited at the same time.
  testing::run_virtual([]() -> awaitable<void> {
    auto items = as_completed(std::nullopt, text_after(50ms, "a"), text_after(50ms, "b"));
    std::vector<task<std::string>> futs;
    while (auto f = co_await items.next())
      futs.push_back(*f);
    BOOST_TEST(futs.size() == 2u);
    const auto r = co_await wait(futs);
    texts results;
    for (const auto& f : r.done)
      results.push_back(f.result());
    BOOST_TEST((sorted(results) == texts{"a", "b"}));
    BOOST_TEST(now_is(50ms));
  });
}

BOOST_AUTO_TEST_CASE(test_as_completed_duplicate_coroutines) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto runner = []() -> awaitable<texts> {
      auto c = create_task(text_of("ham"));
      auto items = as_completed(std::nullopt, c, c, text_of("spam"));
      co_return co_await results_of(items);
    };
    auto t = create_task(runner);
    const texts result = co_await t.get();
    BOOST_TEST((sorted(result) == texts{"ham", "spam"}));
  });
}

BOOST_AUTO_TEST_CASE(test_as_completed_coroutine_without_loop) {
  BOOST_TEST(thrown<std::runtime_error>([] { (void)as_completed(std::nullopt, value_of(42)); }) ==
             "no running event loop");
}

BOOST_AUTO_TEST_CASE(test_as_completed_coroutine_use_running_loop) {
  testing::run_virtual([]() -> awaitable<void> {
    auto items = as_completed(std::nullopt, value_of(42));
    const auto f = co_await items.next();
    BOOST_REQUIRE(f.has_value());
    BOOST_TEST((f->loop() == get_running_loop()));
    const int value = co_await f->get();
    BOOST_TEST(value == 42);
    const auto end = co_await items.next();
    BOOST_TEST(!end);
  });
}

// --- what becomes of handles that are given where coroutines may stand: ensure_future ----------------------------

BOOST_AUTO_TEST_CASE(test_ensure_future_future) {
  testing::run_virtual([]() -> awaitable<void> {
    auto f_orig = get_running_loop().create_future<std::string>();
    f_orig.set_result("ko");
    auto items = as_completed(std::nullopt, f_orig);
    const auto f = co_await items.next();
    BOOST_REQUIRE(f.has_value());
    BOOST_TEST(f->done());
    BOOST_TEST(f->result() == "ko");
    BOOST_TEST((*f == f_orig));
    BOOST_TEST((shield(f_orig) == f_orig)); // nothing is left to be shielded

    const testing::virtual_runner other;
    auto foreign = other.loop().create_future<std::string>();
    BOOST_CHECK_THROW((void)as_completed(std::nullopt, foreign), std::invalid_argument);
  });
}

BOOST_AUTO_TEST_CASE(test_ensure_future_task) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t_orig = create_task(text_of("ok"));
    auto items = as_completed(std::nullopt, t_orig);
    const auto t = co_await items.next();
    BOOST_REQUIRE(t.has_value());
    BOOST_TEST(t->done());
    BOOST_TEST(t->result() == "ok");
    BOOST_TEST((*t == t_orig));

    testing::virtual_runner other;
    auto foreign = other.loop().create_task(text_of("elsewhere"));
    BOOST_CHECK_THROW((void)as_completed(std::nullopt, foreign), std::invalid_argument);
  });
}

BOOST_AUTO_TEST_CASE(test_ensure_future_error_msg) {
  testing::run_virtual([]() -> awaitable<void> {
    const testing::virtual_runner other;
    auto foreign = other.loop().create_future<std::string>();
    const auto text = thrown<std::invalid_argument>([&] { (void)as_completed(std::nullopt, foreign); });
    BOOST_TEST(support::contains(text, "belongs to a different loop"));
    co_return;
  });
}
