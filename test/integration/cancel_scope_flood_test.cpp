// Cancel scopes around plain Asio operations that are always ready or cannot be cancelled, and contexts that end.
// Sockets and timers of the operating system: in real time.
// SPDX-License-Identifier: BSL-1.0
// labels: short threads
#include "../support/expect.hpp"
#include "../support/loop_kinds.hpp"
#include "../support/outcomes.hpp"
#include "../support/scopes.hpp"
#include "../support/trace.hpp"
#include "../support/wire.hpp"

#include <rondo/cancel_scope.hpp>
#include <rondo/errors.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/use_task.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <exception>
#include <memory>
#include <utility>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace support;
using boost::system::system_error;
using rondo::awaitable;
using rondo::cancel_scope;

namespace {

/// An operation that completes inside its cancellation, as some that are made by hand do.
awaitable<void> hasty() {
  auto initiation = [](auto handler) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    auto kept = std::make_shared<decltype(handler)>(std::move(handler));
    slot.assign([kept](asio::cancellation_type_t) {
      const auto own = kept; // the slot is cleared when the coroutine goes on
      auto executor = asio::get_associated_executor(*own);
      asio::dispatch(executor, [own] { std::move (*own)(asio::error::operation_aborted); });
    });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void(boost::system::error_code)>(initiation,
                                                                                                asio::use_awaitable);
}

} // namespace

BOOST_AUTO_TEST_CASE(flood_of_operations_that_are_always_ready_ends_and_leaves_nothing_behind) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    constexpr int many = 20'000;
    wire w;
    auto flood = [&](int& rounds) -> awaitable<void> {
      for (rounds = 0; rounds < many; ++rounds) {
        co_await asio::async_write(w.far, asio::buffer("z", 1), asio::deferred);
        co_await w.near.async_read_some(asio::buffer(w.bytes), asio::deferred);
      }
    };
    for (int i = 0; i < 3; ++i) {
      trace log;
      int rounds = 0;
      auto no_wait = []() -> awaitable<void> { co_return; };
      auto body = [&](cancel_scope& scope) -> awaitable<void> {
        scope.cancel();
        try {
          co_await flood(rounds);
        } catch (const system_error& e) {
          BOOST_TEST(e.code() == asio::error::operation_aborted);
          log.push_back("cancelled");
        }
        co_await no_wait(); // nothing but Asio's level reaches the body, so this throws, too
        log.push_back("not reached");
      };
      const bool ended = co_await rondo::with_cancel_scope(body);
      BOOST_TEST(!ended);
      BOOST_TEST(rounds <= 50);
      auto outside = [&]() -> awaitable<void> {
        for (int n = 0; n < 200; ++n)
          co_await asio::post(w.executor, asio::deferred);
      };
      log.push_back(co_await word_of(outside()));
      log.push_back(co_await word_of(plain_timer(100us)));
      CHECK_TRACE(log, "cancelled", "result", "result");
    }
  });
}

BOOST_AUTO_TEST_CASE(clean_up_behind_a_shield_runs_after_a_flood) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    trace log;
    wire w;
    auto flood = [&]() -> awaitable<void> {
      for (;;)
        co_await asio::post(w.executor, asio::deferred);
    };
    auto clean_up = [&]() -> awaitable<void> {
      log.push_back("clean-up begins");
      for (int i = 0; i < 100; ++i)
        co_await asio::post(w.executor, asio::deferred);
      co_await plain_timer(1ms);
      co_await rondo::sleep(1ms);
      log.push_back("clean-up ends");
    };
    auto body = [&](cancel_scope& scope) -> awaitable<void> {
      scope.cancel();
      std::exception_ptr error;
      try {
        co_await flood();
      } catch (...) {
        error = std::current_exception();
      }
      co_await rondo::with_cancel_scope(shielded(), clean_up);
      std::rethrow_exception(error);
    };
    const bool ended = co_await rondo::with_cancel_scope(body);
    BOOST_TEST(!ended);
    CHECK_TRACE(log, "clean-up begins", "clean-up ends");
  });
}

BOOST_AUTO_TEST_CASE(operations_that_complete_inside_their_cancellation_are_cancelled_one_after_another) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    trace log;
    auto body = [&](cancel_scope& scope) -> awaitable<void> {
      rondo::get_running_loop().call_later(500us, [scope] { scope.cancel(); });
      for (int i = 0; i < 3; ++i) {
        log.push_back(co_await word_of(hasty()));
        log.push_back(co_await word_of(plain_timer(1min)));
      }
    };
    const bool ended = co_await rondo::with_cancel_scope(body);
    BOOST_TEST(ended);
    log.push_back(co_await word_of(plain_timer(100us)));
    CHECK_TRACE(log, "cancelled", "cancelled", "cancelled", "cancelled", "cancelled", "cancelled", "result");
  });
}

// --- trap 81 -------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(T81_operation_that_cannot_be_cancelled_leaves_the_executor_idle) {
  asio::io_context context(1);
  rondo::event_loop loop(context.get_executor());
  auto deaf = []() -> awaitable<void> {
    asio::cancellation_signal other;
    asio::steady_timer timer(rondo::get_running_loop().get_executor(), 50ms);
    co_await timer.async_wait(asio::bind_cancellation_slot(other.slot(), asio::use_awaitable));
  };
  trace log;
  auto body = [&](cancel_scope& scope) -> awaitable<void> {
    scope.cancel();
    log.push_back(co_await word_of(deaf()));
    for (int i = 0; i < 10; ++i)
      log.push_back(co_await word_of(plain_timer(1min)));
  };
  auto t = loop.create_task([&] { return rondo::with_cancel_scope(body); });
  const std::size_t handlers = context.run_for(patience);
  BOOST_REQUIRE(t.done());
  trace expected(11, "cancelled");
  expected.front() = "result";
  BOOST_TEST(log == expected, boost::test_tools::per_element());
  BOOST_TEST(handlers < 60u); // a few for each wait, however long it takes
}

BOOST_AUTO_TEST_CASE(context_that_ends_in_the_middle_of_scopes_destroys_them) {
  for (const bool with_use_task : {false, true}) {
    int destroyed = 0;
    const log_capture reports; // of the task that did not end
    cancel_scope kept;
    {
      asio::io_context context(1);
      rondo::event_loop loop(context.get_executor());
      auto body = [&](cancel_scope& scope) -> awaitable<void> {
        struct at_end {
          int& count;
          ~at_end() { ++count; }
        } const guard{destroyed};
        kept = scope;
        scope.cancel();
        auto inside = [&]() -> awaitable<void> {
          asio::steady_timer timer(rondo::get_running_loop().get_executor(), 1h);
          if (with_use_task)
            co_await timer.async_wait(rondo::use_task);
          else
            co_await timer.async_wait(asio::deferred);
        };
        co_await rondo::with_cancel_scope(shielded().deadline(rondo::clock::now() + 1h), inside);
      };
      loop.create_task([&] { return rondo::with_cancel_scope(body); });
      context.poll();
    }
    BOOST_TEST(destroyed == 1);
    BOOST_TEST(reports.size() == 1u);
    kept.cancel();
    BOOST_TEST(!kept.cancelled_caught());
  }
}
