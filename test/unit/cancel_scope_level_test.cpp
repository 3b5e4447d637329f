// Cancel scopes are a level: inside a cancelled one every suspension throws, and a task that refuses costs nothing.
// SPDX-License-Identifier: BSL-1.0
#include "../support/ends.hpp"
#include "../support/ticker.hpp"

#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::error_of;
using support::ticker;
using support::trace;

namespace asio = boost::asio;

namespace {

awaitable<int> hour() { co_return co_await sleep(1h, 1); }

/// A task that answers each cancellation with another wait, and ends after an hour.
awaitable<int> refuse(int& refusals) {
  const auto end = clock::now() + 1h;
  while (clock::now() < end) {
    try {
      co_await sleep(end - clock::now());
    } catch (const cancelled_error&) {
      ++refusals;
    }
  }
  co_return 1;
}

async_generator<int> one_an_hour() {
  for (int i = 0;; ++i) {
    co_await sleep(1h);
    co_yield i;
  }
}

struct suspension {
  const char* name;
  std::function<awaitable<void>()> run;
  int passes = 1;     // from the cancellation to the end, at most
  bool brief = false; // over before anybody else can cancel the scope
};

// Each waits for an hour, or yields, when nobody cancels it.
const suspension suspensions[] = {
    {"sleep", []() -> awaitable<void> { co_await sleep(1h); }},
    {"a yield", []() -> awaitable<void> { co_await sleep(0s); }, 1, true},
    {"sleep without end", []() -> awaitable<void> { co_await sleep(std::nullopt); }},
    {"future",
     []() -> awaitable<void> {
       auto f = get_running_loop().create_future<int>();
       co_await f.get();
     }},
    {"task",
     []() -> awaitable<void> {
       auto t = create_task(hour());
       co_await t.get();
     },
     2},
    {"a coroutine in a coroutine", []() -> awaitable<void> { co_await hour(); }},
    {"gather", []() -> awaitable<void> { co_await gather(hour(), sleep(1h)); }, 3},
    {"gather_settled", []() -> awaitable<void> { co_await gather_settled(hour(), hour()); }, 3},
    {"wait",
     []() -> awaitable<void> {
       auto f = get_running_loop().create_future<int>();
       auto g = get_running_loop().create_future<int>();
       co_await wait(f, g);
     }},
    {"wait_for", []() -> awaitable<void> { co_await wait_for(hour(), 2h); }, 3},
    {"with_timeout", []() -> awaitable<void> { co_await with_timeout(2h, [] { return hour(); }); }},
    {"shield", []() -> awaitable<void> { co_await shield(hour()); }},
    {"join", []() -> awaitable<void> { co_await join(hour(), hour()); }, 3},
    {"race", []() -> awaitable<void> { co_await race(hour(), hour()); }, 3},
    {"as_completed",
     []() -> awaitable<void> {
       auto results = as_completed(std::nullopt, hour(), hour());
       (void)co_await results.next();
     }},
    {"task group", []() -> awaitable<void> { co_await with_task_group([](task_group& g) { g.create_task(hour()); }); },
     4},
    {"settle", []() -> awaitable<void> { (void)co_await settle(hour()); }},
    {"cancel_and_wait",
     []() -> awaitable<void> {
       auto t = create_task(hour());
       co_await cancel_and_wait(t);
     },
     3, true},
    {"async generator",
     []() -> awaitable<void> {
       auto numbers = one_an_hour();
       (void)co_await numbers.next();
     }},
    {"move_on_after inside", []() -> awaitable<void> { co_await move_on_after(2h, [] { return hour(); }); }},
    {"map_concurrent",
     []() -> awaitable<void> {
       const std::vector<int> numbers = {1, 2, 3};
       auto f = [](int) { return hour(); };
       co_await map_concurrent(numbers, f, 2);
     },
     3},
    {"passes", []() -> awaitable<void> { co_await testing::passes(100); }},
};

/// The error of a suspension in a scope that is cancelled already, or is cancelled when it has begun.
awaitable<void> check_throws(const suspension& s, ticker& tick) {
  const auto begin = clock::now();
  int before = tick.now();
  std::string text = co_await error_of(s.run());
  BOOST_TEST(text == "cancelled level");
  BOOST_TEST(tick.now() - before <= s.passes);
  // And again: it is no edge.
  before = tick.now();
  text = co_await error_of(s.run());
  BOOST_TEST(text == "cancelled level");
  BOOST_TEST(tick.now() - before <= s.passes);
  BOOST_TEST((clock::now() == begin));
}

} // namespace

BOOST_AUTO_TEST_CASE(every_suspension_in_a_cancelled_scope_throws_each_time) {
  support::with_ticker([](ticker& tick) -> awaitable<void> {
    for (const suspension& s : suspensions) {
      BOOST_TEST_CONTEXT(s.name) {
        auto body = [&](cancel_scope& scope) -> awaitable<int> {
          scope.cancel("level");
          co_await check_throws(s, tick);
          co_return 1;
        };
        const auto ended = co_await with_cancel_scope(body);
        BOOST_TEST(ended.has_value());
      }
    }
    BOOST_TEST(current_task().cancelling() == 0);
    const auto after = co_await error_of(sleep(0s));
    BOOST_TEST(after == "none");
  });
}

BOOST_AUTO_TEST_CASE(every_suspension_throws_when_its_scope_is_cancelled_meanwhile) {
  support::with_ticker([](ticker& tick) -> awaitable<void> {
    for (const suspension& s : suspensions) {
      if (s.brief) continue;
      BOOST_TEST_CONTEXT(s.name) {
        cancel_scope shared;
        int cancelled_at = 0;
        trace log;
        auto body = [&](cancel_scope& scope) -> awaitable<void> {
          shared = scope;
          log.push_back(co_await error_of(s.run()));
          log.push_back(co_await error_of(s.run()));
        };
        auto cancel = [&]() -> awaitable<void> {
          co_await testing::passes(6);
          cancelled_at = tick.now();
          shared.cancel("level");
        };
        auto canceller = create_task(cancel);
        co_await with_cancel_scope(body);
        CHECK_TRACE(log, "cancelled level", "cancelled level");
        BOOST_TEST(tick.now() - cancelled_at <= 2 * s.passes + 1);
        BOOST_TEST(shared.cancel_called());
      }
    }
    BOOST_TEST((clock::now() == clock::time_point()));
  });
}

BOOST_AUTO_TEST_CASE(operations_with_a_completion_token_throw_as_plain_ones_do) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto body = [&](cancel_scope& scope) -> awaitable<void> {
      get_running_loop().call_later(1s, [scope] { scope.cancel("the message gets lost on the way through Asio"); });
      for (int i = 0; i < 3; ++i) {
        log.push_back(co_await error_of(async_sleep(1h, asio::use_awaitable)));
        log.push_back(co_await error_of(async_sleep(1h, asio::deferred)));
      }
    };
    const bool ended = co_await with_cancel_scope(body);
    BOOST_TEST(ended);
    CHECK_TRACE(log, "cancelled", "cancelled", "cancelled", "cancelled", "cancelled", "cancelled");
    BOOST_TEST((clock::now() == clock::time_point(1s)));
  });
}

BOOST_AUTO_TEST_CASE(what_need_not_wait_passes) {
  testing::run_virtual([]() -> awaitable<void> {
    auto done = get_running_loop().create_future<int>();
    done.set_result(1);
    auto ended = create_task([]() -> awaitable<int> { co_return 2; });
    co_await ended.get();
    auto body = [&](cancel_scope& scope) -> awaitable<int> {
      scope.cancel();
      const int a = co_await done.get();
      const int b = co_await ended.get();
      const auto c = co_await settle(done);
      const auto no_wait = []() -> awaitable<int> { co_return 3; };
      co_return a + b + *c + co_await no_wait();
    };
    const auto sum = co_await with_cancel_scope(body);
    BOOST_TEST(sum.value() == 7);
  });
}

BOOST_AUTO_TEST_CASE(wait_that_has_failed_throws_its_error_and_the_next_one_the_cancellation) {
  testing::run_virtual([]() -> awaitable<void> {
    cancel_scope shared;
    auto f = get_running_loop().create_future<int>();
    trace log;
    auto body = [&](cancel_scope& scope) -> awaitable<void> {
      shared = scope;
      log.push_back(co_await error_of(f));
      log.push_back(co_await error_of(sleep(0s)));
    };
    get_running_loop().call_soon([&] {
      f.set_exception(std::make_exception_ptr(std::runtime_error("failed")));
      shared.cancel("too late");
    });
    co_await with_cancel_scope(body);
    CHECK_TRACE(log, "failed", "cancelled too late");
  });
}

BOOST_AUTO_TEST_CASE(value_that_has_not_been_delivered_gives_way_to_the_cancellation) {
  testing::run_virtual([]() -> awaitable<void> {
    cancel_scope shared;
    auto f = get_running_loop().create_future<int>();
    trace log;
    auto body = [&](cancel_scope& scope) -> awaitable<void> {
      shared = scope;
      log.push_back(co_await error_of(f));
    };
    get_running_loop().call_soon([&] {
      f.set_result(1);
      shared.cancel("in time");
    });
    co_await with_cancel_scope(body);
    CHECK_TRACE(log, "cancelled in time");
    BOOST_TEST(f.result() == 1); // it is still there
  });
}

// --- trap 81: who refuses costs no more than his own turns ---------------------------------------------------------

BOOST_AUTO_TEST_CASE(T81_body_that_refuses_takes_one_pass_for_each_wait) {
  support::with_ticker([](ticker& tick) -> awaitable<void> {
    auto body = [&](cancel_scope& scope) -> awaitable<int> {
      scope.cancel();
      const int before = tick.now();
      for (int i = 0; i < 100; ++i) {
        const auto text = co_await error_of(sleep(1s));
        BOOST_TEST(text == "cancelled");
      }
      co_return tick.now() - before;
    };
    const auto passes = co_await with_cancel_scope(body);
    BOOST_TEST(passes.value() == 100);
  });
}

BOOST_AUTO_TEST_CASE(T81_task_that_refuses_is_cancelled_once_for_each_wait_for_it) {
  testing::run_virtual([]() -> awaitable<void> {
    int refusals = 0;
    auto t = create_task(refuse(refusals));
    co_await testing::passes(1);
    cancel_scope shared;
    auto body = [&](cancel_scope& scope) -> awaitable<void> {
      shared = scope;
      co_await t.get();
    };
    auto waits = create_task([&]() -> awaitable<bool> { return with_cancel_scope(body); });
    co_await testing::passes(2);
    shared.cancel();
    co_await testing::passes(50);
    BOOST_TEST(refusals == 1);
    BOOST_TEST(t.cancelling() == 1);
    // While it goes on nothing is ready: the clock can jump.
    const bool ended = co_await waits.get();
    BOOST_TEST(!ended);
    BOOST_TEST(refusals == 1);
    BOOST_TEST((clock::now() == clock::time_point(1h)));
    BOOST_TEST(t.result() == 1);
  });
}

BOOST_AUTO_TEST_CASE(T81_shielded_wait_in_a_cancelled_scope_leaves_the_loop_idle) {
  testing::run_virtual([]() -> awaitable<void> {
    auto body = [](cancel_scope& scope) -> awaitable<void> {
      scope.cancel();
      auto protected_sleep = []() -> awaitable<void> { co_await sleep(1h); };
      co_await with_cancel_scope(cancel_scope_options().shield(true), protected_sleep);
      co_await sleep(1h);
    };
    auto waits = create_task([&]() -> awaitable<bool> { return with_cancel_scope(body); });
    co_await testing::settle_all(); // does not end while anybody is ready
    BOOST_TEST(!waits.done());
    const bool ended = co_await waits.get();
    BOOST_TEST(!ended);
    BOOST_TEST((clock::now() == clock::time_point(1h)));
  });
}

BOOST_AUTO_TEST_CASE(T81_scope_of_a_task_that_never_waits_does_nothing) {
  support::with_ticker([](ticker& tick) -> awaitable<void> {
    const int before = tick.now();
    cancel_scope kept;
    auto body = [&](cancel_scope& scope) -> awaitable<int> {
      kept = scope;
      scope.cancel();
      int sum = 0;
      auto next = [](int i) -> awaitable<int> { co_return i; };
      for (int i = 0; i < 1000; ++i)
        sum += co_await next(i);
      co_return sum;
    };
    const auto sum = co_await with_cancel_scope(body);
    BOOST_TEST(sum.value() == 499500);
    BOOST_TEST(!kept.cancelled_caught());
    BOOST_TEST(tick.now() == before);
  });
}

BOOST_AUTO_TEST_CASE(T81_cancelled_wait_that_takes_its_time_to_end_is_not_cancelled_again) {
  testing::run_virtual([]() -> awaitable<void> {
    int refusals = 0;
    auto body = [&](cancel_scope& scope) -> awaitable<void> {
      get_running_loop().call_later(1s, [scope] { scope.cancel(); });
      co_await gather(refuse(refusals), refuse(refusals));
    };
    const bool ended = co_await with_cancel_scope(body);
    BOOST_TEST(!ended);
    BOOST_TEST(refusals == 2);
    BOOST_TEST((clock::now() == clock::time_point(1h)));
  });
}
