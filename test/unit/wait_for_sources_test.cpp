// wait_for: every kind of source.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/trace.hpp"

#include <rondo/loop_thread.hpp>
#include <rondo/shield.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/timeout.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>

using namespace rondo;
using namespace std::chrono_literals;
using namespace support;

BOOST_AUTO_TEST_CASE(wait_for_takes_every_kind_of_source) {
  testing::run_virtual([]() -> awaitable<void> {
    const time_limit limits[] = {5s, std::nullopt};
    for (const time_limit limit : limits) {
      auto t = create_task(value_after(1s, 1));
      auto f = new_future();
      get_running_loop().call_later(2s, [f]() mutable { f.set_result(2); });
      boost::asio::steady_timer timer(get_running_loop().get_executor(), 1ms);
      const auto callable = [] { return value_after(1s, 5); };
      const auto returns_an_operation = [] { return sleep(1s, 6); };
      int a = co_await wait_for(t, limit);
      int b = co_await wait_for(f, limit);
      int c = co_await wait_for(value_after(1s, 3), limit);
      int d = co_await wait_for(sleep(1s, 4), limit);
      int e = co_await wait_for(callable, limit);
      int g = co_await wait_for(returns_an_operation, limit);
      co_await wait_for(timer.async_wait(boost::asio::deferred), limit);
      co_await wait_for(nothing(), limit);
      BOOST_TEST(a + b + c + d + e + g == 21);
    }
  });
}

BOOST_AUTO_TEST_CASE(wait_for_ends_every_kind_of_source_when_the_time_is_over) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(for_ever());
    auto f = new_future();
    boost::asio::steady_timer timer(get_running_loop().get_executor(), 1h);
    auto token = std::make_shared<int>(1);
    const auto callable = [&] { return hold(token); };
    trace ends;
    auto end = co_await end_of(wait_for(t, 1s));
    ends.push_back(end);
    end = co_await end_of(wait_for(f, 1s));
    ends.push_back(end);
    end = co_await end_of(wait_for(hold(token), 1s));
    ends.push_back(end);
    end = co_await end_of(wait_for(callable, 1s));
    ends.push_back(end);
    end = co_await end_of(wait_for(sleep(1h), 1s));
    ends.push_back(end);
    end = co_await end_of(wait_for(timer.async_wait(boost::asio::deferred), 1s));
    ends.push_back(end);
    CHECK_TRACE(ends, "Timeout", "Timeout", "Timeout", "Timeout", "Timeout", "Timeout");
    BOOST_TEST(t.cancelled());
    BOOST_TEST(f.cancelled());
    BOOST_TEST(token.use_count() == 1);
    BOOST_TEST(current_task().cancelling() == 0);
    BOOST_TEST(now_is(6s));
    co_await sleep(1s); // nothing is left of the cancellations
  });
}

BOOST_AUTO_TEST_CASE(wait_for_moves_values_that_cannot_be_copied) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto make = [](int i) -> awaitable<std::unique_ptr<int>> { co_return std::make_unique<int>(i); };
    auto a = co_await wait_for(make(1), 1s);
    auto t = create_task(make(2));
    auto b = co_await wait_for(t, 1s);
    auto c = co_await wait_for(make(3), std::nullopt);
    BOOST_TEST(*a + *b + *c == 6);
  });
}

BOOST_AUTO_TEST_CASE(wait_for_destroys_sources_that_it_does_not_run) {
  auto token = std::make_shared<int>(1);
  testing::run_virtual([&]() -> awaitable<void> {
    bool ran = false;
    const auto callable = [token, &ran]() -> awaitable<void> {
      ran = true;
      co_return;
    };
    auto end = co_await end_of(wait_for(callable, 0s));
    BOOST_TEST(end == "Timeout");
    BOOST_TEST(!ran);
    end = co_await end_of(wait_for(hold(token), 0s));
    BOOST_TEST(end == "Timeout");
    {
      auto dropped = wait_for(hold(token), 1s);
    }
  });
  BOOST_TEST(token.use_count() == 1);
  boost::asio::io_context context;
  trace log;
  const auto raw = [&](time_limit limit) -> awaitable<void> {
    auto end = co_await end_of(wait_for(hold(token), limit));
    log.push_back(end);
  };
  boost::asio::co_spawn(context, raw(1s), boost::asio::detached);
  boost::asio::co_spawn(context, raw(0s), boost::asio::detached);
  context.run();
  CHECK_TRACE(log, "wait_for must be used inside a task", "no running event loop");
  BOOST_TEST(token.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(wait_for_of_an_empty_handle_or_one_of_another_loop) {
  task<void> foreign;
  loop_thread other;
  other
      .submit([&]() -> awaitable<void> {
        foreign = create_task(for_ever());
        co_return;
      })
      .result();
  testing::run_virtual([&]() -> awaitable<void> {
    for (const time_limit limit : {time_limit(0s), time_limit(1s), time_limit(std::nullopt)}) {
      const auto empty = thrown<std::logic_error>([&] { (void)wait_for(future<int>(), limit); });
      BOOST_TEST(contains(empty, "the handle is empty"));
      auto end = co_await end_of(wait_for(foreign, limit));
      BOOST_TEST(contains(end, "attached to a different loop"));
    }
  });
  other.stop();
}

BOOST_AUTO_TEST_CASE(wait_for_says_which_limit_ran_out) {
  testing::run_virtual([]() -> awaitable<void> {
    auto some = co_await settle(wait_for(for_ever(), 1500ms));
    auto none = co_await settle(wait_for(for_ever(), 0s));
    BOOST_TEST(text_in<timeout_error>(some.error()) == "wait_for: the time limit of 1.500 s ran out");
    BOOST_TEST(text_in<timeout_error>(none.error()) == "wait_for: there was no time to wait, and it was not done");
  });
}

BOOST_AUTO_TEST_CASE(wait_for_leaves_a_shielded_task_alone) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(value_after(5s, 3));
    auto end = co_await end_of(wait_for(shield(t), 1s));
    BOOST_TEST(end == "Timeout");
    BOOST_TEST(now_is(1s));
    int v = co_await t.get();
    BOOST_TEST(v == 3);
  });
}
