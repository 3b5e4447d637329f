// async_generator: every way to end one, and what happens to it in the middle.
// SPDX-License-Identifier: BSL-1.0
#include "../support/ends.hpp"

#include <rondo/async_generator.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace asio = boost::asio;
using namespace rondo;
using namespace std::chrono_literals;
using support::error_of;
using support::message_of;
using support::starts_with;
using support::trace;
using support::witness;

namespace {

/// Yields 1 and 2, and cleans up for a second however it ends.
async_generator<int> careful(trace& log) {
  std::exception_ptr stopped;
  try {
    co_yield 1;
    co_yield 2;
  } catch (...) {
    stopped = std::current_exception();
    log.push_back(support::text_of(stopped));
  }
  co_await sleep(1s);
  log.push_back("clean in " + current_task().name());
  if (stopped) std::rethrow_exception(stopped);
}

} // namespace

// --- cancellation --------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_cancel_arrives_where_the_generator_waits_and_ends_it) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto body = [&]() -> async_generator<int> {
      try {
        co_yield 1;
        co_await sleep(1h);
      } catch (const cancelled_error& e) {
        log.push_back("generator: " + e.message());
        throw;
      }
    };
    auto g = body();
    auto consume = [&]() -> awaitable<void> {
      while (auto i = co_await g.next())
        log.push_back("item");
    };
    auto t = create_task(consume());
    co_await testing::passes(1);
    t.cancel("enough");
    auto outcome = co_await settle(t);
    BOOST_TEST(message_of(outcome) == "enough");
    CHECK_TRACE(log, "item", "generator: enough");
    const auto after = co_await g.next();
    BOOST_TEST(!after);
    BOOST_TEST((clock::now().time_since_epoch() == 0s));
  });
}

BOOST_AUTO_TEST_CASE(a_cancel_that_the_body_handles_does_not_end_it) {
  testing::run_virtual([]() -> awaitable<void> {
    auto body = []() -> async_generator<int> {
      for (;;) {
        bool cancelled = false;
        try {
          co_await sleep(1h);
        } catch (const cancelled_error&) {
          cancelled = true;
        }
        co_yield cancelled ? 1 : 0;
      }
    };
    auto g = body();
    auto t = create_task(g.next());
    co_await testing::passes(1);
    t.cancel();
    const auto item = co_await t.get();
    BOOST_TEST(item.value() == 1);
    const auto next = co_await g.next();
    BOOST_TEST(next.value() == 0);
  });
}

BOOST_AUTO_TEST_CASE(a_cancel_at_each_await_ends_the_consumer_and_loses_nothing) {
  // The consumer is cancelled after each number of passes; what it was given is what the generator gave.
  for (int step = 0; step < 12; ++step) {
    testing::run_virtual([step]() -> awaitable<void> {
      int given = 0, taken = 0, alive = 0;
      auto body = [&]() -> async_generator<int> {
        struct guard {
          explicit guard(int& n) : n_(n) { ++n_; }
          ~guard() { --n_; }
          int& n_;
        } const here(alive);
        for (;;) {
          co_await sleep(0s);
          ++given;
          co_yield given;
        }
      };
      auto consume = [&]() -> awaitable<void> {
        auto g = body();
        for (;;) {
          const auto i = co_await g.next();
          taken = *i;
          co_await sleep(0s);
        }
      };
      auto t = create_task(consume());
      co_await testing::passes(step);
      t.cancel();
      co_await settle(t);
      BOOST_TEST(t.cancelled());
      BOOST_TEST(given == taken);
      BOOST_TEST(alive == 0);
    });
  }
}

// --- aclose --------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(aclose_of_one_that_never_started_destroys_the_body) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto body = [](trace& t, witness w) -> async_generator<int> {
      t.push_back("ran");
      co_yield 1;
      (void)w;
    };
    auto g = body(log, witness(log, "argument gone"));
    co_await g.aclose();
    log.push_back("closed");
    const auto after = co_await g.next();
    BOOST_TEST(!after);
    CHECK_TRACE(log, "argument gone", "closed");
  });
}

BOOST_AUTO_TEST_CASE(aclose_at_a_yield_cleans_up_in_the_task_of_the_caller) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto g = careful(log);
    const auto first = co_await g.next();
    BOOST_TEST(first.value() == 1);
    auto t = create_task(g.aclose(), task_options().name("closer"));
    co_await t.get();
    CHECK_TRACE(log, "generator_exit", "clean in closer");
    BOOST_TEST((clock::now().time_since_epoch() == 1s));
    const auto after = co_await g.next();
    BOOST_TEST(!after);
    co_await g.aclose();
    BOOST_TEST(log.size() == 2u);
  });
}

BOOST_AUTO_TEST_CASE(aclose_of_a_body_without_handlers_destroys_its_locals_and_arguments) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto body = [](trace& t, witness w) -> async_generator<int> {
      const witness local(t, "local gone");
      co_yield 1;
      t.push_back(w.name + "?");
    };
    auto g = body(log, witness(log, "argument gone"));
    co_await g.next();
    co_await g.aclose();
    log.push_back("closed");
    CHECK_TRACE(log, "local gone", "argument gone", "closed");
  });
}

BOOST_AUTO_TEST_CASE(aclose_after_the_end_and_of_an_empty_generator_does_nothing) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto g = careful(log);
    while (auto i = co_await g.next())
      log.push_back(std::to_string(*i));
    CHECK_TRACE(log, "1", "2", "clean in main");
    co_await g.aclose();
    BOOST_TEST(log.size() == 3u);
    async_generator<int> empty;
    co_await empty.aclose();
    const auto nothing = co_await empty.next();
    BOOST_TEST(!nothing);
  });
}

BOOST_AUTO_TEST_CASE(a_body_may_return_after_generator_exit_or_throw_something_else) {
  testing::run_virtual([]() -> awaitable<void> {
    auto returns = []() -> async_generator<int> {
      try {
        co_yield 1;
      } catch (const generator_exit&) {
      }
    };
    auto a = returns();
    co_await a.next();
    co_await a.aclose();
    auto throws = []() -> async_generator<int> {
      try {
        co_yield 1;
      } catch (const generator_exit&) {
        throw std::runtime_error("clean-up failed");
      }
    };
    auto b = throws();
    co_await b.next();
    const std::string b_error = co_await error_of(b.aclose());
    BOOST_TEST(b_error == "clean-up failed");
    const auto after = co_await b.next();
    BOOST_TEST(!after);
    // Only aclose() swallows one.
    auto own = []() -> async_generator<int> {
      co_yield 1;
      throw generator_exit();
    };
    auto c = own();
    co_await c.next();
    const std::string c_error = co_await error_of(c.next());
    BOOST_TEST(c_error == "generator_exit");
  });
}

BOOST_AUTO_TEST_CASE(a_body_that_yields_after_generator_exit_is_an_error_and_stands_there) {
  testing::run_virtual([]() -> awaitable<void> {
    auto stubborn = []() -> async_generator<int> {
      for (int i = 0;; ++i)
        try {
          co_yield i;
        } catch (const generator_exit&) {
        }
    };
    auto g = stubborn();
    co_await g.next();
    const std::string error = co_await error_of(g.aclose());
    BOOST_TEST(starts_with(error, "async generator ignored GeneratorExit"), error);
    const auto next = co_await g.next();
    BOOST_TEST(next.value() == 2);
  });
}

BOOST_AUTO_TEST_CASE(a_cancel_during_the_clean_up_of_aclose_interrupts_it) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto g = careful(log);
    co_await g.next();
    auto t = create_task(g.aclose());
    co_await testing::passes(1);
    t.cancel("hurry");
    auto outcome = co_await settle(t);
    BOOST_TEST(message_of(outcome) == "hurry");
    CHECK_TRACE(log, "generator_exit");
    const auto after = co_await g.next();
    BOOST_TEST(!after);
  });
}

// --- destruction ---------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_generator_that_is_destroyed_early_destroys_its_frame) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto body = [](trace& t, witness) -> async_generator<int> {
      const witness local(t, "local");
      for (;;)
        co_yield 1;
    };
    {
      auto never_started = body(log, witness(log, "argument"));
    }
    CHECK_TRACE(log, "argument");
    log.clear();
    {
      auto g = body(log, witness(log, "argument"));
      co_await g.next();
      g = async_generator<int>();
      log.push_back("assigned");
    }
    CHECK_TRACE(log, "local", "argument", "assigned");
  });
}

BOOST_AUTO_TEST_CASE(a_generator_may_be_destroyed_or_moved_while_somebody_waits_in_it) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto body = [](trace& t) -> async_generator<int> {
      const witness local(t, "local");
      co_await sleep(1s);
      co_yield 1;
      t.push_back("goes on");
    };
    auto g = std::make_unique<async_generator<int>>(body(log));
    auto t = create_task(g->next());
    co_await testing::passes(1);
    auto moved = std::make_unique<async_generator<int>>(std::move(*g));
    g.reset();
    co_await testing::passes(1);
    moved.reset();
    BOOST_TEST(log.empty());
    const auto item = co_await t.get();
    BOOST_TEST(item.value() == 1);
    CHECK_TRACE(log, "local");
  });
}

BOOST_AUTO_TEST_CASE(the_end_of_the_context_destroys_a_consumer_that_waits_inside_a_generator) {
  // In the consumer's frame, outside of it, and a generator in a generator; in a wait of ours and in a plain operation.
  for (bool plain : {false, true})
    for (bool outside : {false, true}) {
      if (plain && outside) continue; // a timer must not outlive its context
      trace log;
      async_generator<int> kept;
      {
        asio::io_context context(1);
        auto inner = [&]() -> async_generator<int> {
          const witness local(log, "inner");
          co_yield 1;
          if (plain) {
            asio::steady_timer timer(context, 1h);
            co_await timer.async_wait(asio::deferred);
          } else {
            co_await sleep(1h);
          }
          co_yield 2;
        };
        auto outer = [&]() -> async_generator<int> {
          const witness local(log, "outer");
          auto g = inner();
          while (auto i = co_await g.next())
            co_yield *i;
        };
        auto consume = [&]() -> awaitable<void> {
          const witness local(log, "consumer");
          auto own = outer();
          if (outside) kept = std::move(own);
          auto& g = outside ? kept : own;
          while (auto i = co_await g.next())
            log.push_back("item");
        };
        event_loop loop(context.get_executor());
        loop.create_task(consume);
        context.run_for(1ms);
        CHECK_TRACE(log, "item");
      }
      kept = async_generator<int>();
      if (outside)
        CHECK_TRACE(log, "item", "consumer", "inner", "outer");
      else
        CHECK_TRACE(log, "item", "inner", "outer", "consumer");
    }
}
