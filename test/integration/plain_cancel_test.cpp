// Cancellation of tasks that await plain Asio operations, in progress or completed, on every kind of loop.
// Sockets and timers of the operating system: in real time.
// SPDX-License-Identifier: BSL-1.0
// labels: short threads
#include "../support/loop_kinds.hpp"
#include "../support/operations.hpp"
#include "../support/outcomes.hpp"
#include "../support/wire.hpp"

#include <rondo/errors.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/use_task.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <string>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace support;
using boost::system::error_code;
using rondo::awaitable;

namespace {

awaitable<void> expect_cancelled_by_use_task(awaitable<void> a) {
  bool exact = false;
  try {
    co_await std::move(a);
  } catch (const rondo::cancelled_error& e) {
    exact = true;
    BOOST_TEST(e.message() == "enough");
  }
  BOOST_TEST(exact);
  throw rondo::cancelled_error();
}

// In progress when the cancel comes, with bare tokens.
const operations blocked_operations =
    joined(blocking_operations(), {
                                      {"timer made on this_coro::executor",
                                       [](wire&) -> awaitable<void> {
                                         asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
                                         co_await timer.async_wait(asio::use_awaitable);
                                       }},
                                      {"read, a composed operation",
                                       [](wire& w) -> awaitable<void> {
                                         w.arrives("half");
                                         co_await asio::async_read(w.near, asio::buffer(w.bytes), asio::deferred);
                                       }},
                                      {"read_until with a part of the line there",
                                       [](wire& w) -> awaitable<void> {
                                         w.arrives("half a li");
                                         co_await asio::async_read_until(w.near, asio::dynamic_buffer(w.text), '\n',
                                                                         asio::use_awaitable);
                                       }},
                                      {"write to a full socket",
                                       [](wire& w) -> awaitable<void> {
                                         const std::string much(4'000'000, 'x');
                                         co_await asio::async_write(w.near, asio::buffer(much), asio::deferred);
                                       }},
                                      {"signal_set",
                                       [](wire& w) -> awaitable<void> {
                                         asio::signal_set signals(w.executor, SIGUSR2);
                                         co_await signals.async_wait(asio::deferred);
                                       }},
                                      {"a && b",
                                       [](wire& w) -> awaitable<void> {
                                         using namespace asio::experimental::awaitable_operators;
                                         auto a = long_timer(w);
                                         auto b = w.near.async_read_some(asio::buffer(w.bytes), asio::use_awaitable);
                                         auto both = a.async_wait(asio::use_awaitable) && std::move(b);
                                         co_await std::move(both);
                                       }},
                                  });

// The same with use_task; these are exact on every loop.
const operations use_task_operations = joined(
    blocking_operations_with_use_task(),
    {
        {"read_some",
         [](wire& w) -> awaitable<void> { co_await w.near.async_read_some(asio::buffer(w.bytes), rondo::use_task); }},
        {"redirect_error",
         [](wire& w) -> awaitable<void> {
           error_code ec;
           auto timer = long_timer(w);
           co_await timer.async_wait(asio::redirect_error(rondo::use_task, ec));
         }},
        {"as_default_on_t",
         [](wire& w) -> awaitable<void> {
           rondo::use_task_t::as_default_on_t<asio::steady_timer> timer(w.executor, 1h);
           co_await timer.async_wait();
         }},
    });

// Operations that have completed before the task can be resumed; nothing is there to be cancelled.
const operation ready_operations[] = {
    {"read_some with data waiting",
     [](wire& w) -> awaitable<void> {
       w.arrives("data");
       const std::size_t n = co_await w.near.async_read_some(asio::buffer(w.bytes), asio::deferred);
       BOOST_TEST(n == 4u);
     }},
    {"read_until with the line there",
     [](wire& w) -> awaitable<void> {
       w.arrives("line\n");
       const std::size_t n =
           co_await asio::async_read_until(w.near, asio::dynamic_buffer(w.text), '\n', asio::use_awaitable);
       BOOST_TEST(n == 5u);
     },
     true},
    {"write with buffer space",
     [](wire& w) -> awaitable<void> {
       const std::size_t n = co_await asio::async_write(w.near, asio::buffer("data", 4), asio::deferred);
       BOOST_TEST(n == 4u);
     }},
    {"post", [](wire& w) -> awaitable<void> { co_await asio::post(w.executor, asio::deferred); }},
    {"post to the coroutine's own executor",
     [](wire&) -> awaitable<void> { co_await asio::post(asio::use_awaitable); }},
    {"a timer that has expired",
     [](wire& w) -> awaitable<void> {
       asio::steady_timer timer(w.executor, -1s);
       co_await timer.async_wait(asio::deferred);
     },
     true},
};

const operation ready_use_task_operations[] = {
    {"read_some with data waiting",
     [](wire& w) -> awaitable<void> {
       w.arrives("data");
       const std::size_t n = co_await w.near.async_read_some(asio::buffer(w.bytes), rondo::use_task);
       BOOST_TEST(n == 4u);
     }},
    {"write with buffer space",
     [](wire& w) -> awaitable<void> {
       const std::size_t n = co_await asio::async_write(w.near, asio::buffer("data", 4), rondo::use_task);
       BOOST_TEST(n == 4u);
     }},
    {"post", [](wire& w) -> awaitable<void> { co_await asio::post(w.executor, rondo::use_task); }},
};

awaitable<void> two_waits(const operation& op, wire& w, outcome& o) {
  auto first = [&] { return op.run(w); };
  auto second = [] { return plain_timer(3ms); };
  co_await note(o.first, first);
  co_await note(o.second, second);
}

awaitable<void> cancel_blocked(const operation& op, bool exact) {
  BOOST_TEST_INFO_SCOPE(op.name);
  wire w;
  outcome o;
  auto body = [&] { return two_waits(op, w, o); };
  auto t = rondo::create_task(body);
  co_await rondo::sleep(1ms);
  BOOST_TEST(t.cancel("enough"));
  co_await ended(t);
  BOOST_TEST(o.first == "cancelled");
  if (exact) {
    BOOST_TEST(o.second == "result");
    BOOST_TEST(!t.cancelled());
  }
}

awaitable<void> cancel_ready(const operation& op, bool exact) {
  BOOST_TEST_INFO_SCOPE(op.name);
  wire w;
  outcome o;
  auto body = [&] { return two_waits(op, w, o); };
  auto t = rondo::create_task(body);
  co_await rondo::sleep(0s); // the operation has begun, and the executor has not had its turn
  BOOST_TEST(o.first == "");
  BOOST_TEST(t.cancel());
  co_await ended(t);
  if (exact) {
    BOOST_TEST(o.first == "result");
    BOOST_TEST(deliveries(o, t) == 1);
  }
  // The cancel may come between the steps of a composed operation, or, on a pool, before the thread that sees to timers.
  BOOST_TEST((o.first == "result" || (op.may_block && o.first == "cancelled")));
  BOOST_TEST(deliveries(o, t) >= 1);
}

} // namespace

BOOST_AUTO_TEST_CASE(cancel_of_a_blocked_operation_is_delivered_there) {
  on_every_loop([](loop_kind kind) -> awaitable<void> {
    for (const operation& op : blocked_operations)
      co_await cancel_blocked(op, in_order(kind));
  });
}

BOOST_AUTO_TEST_CASE(cancel_of_a_blocked_operation_with_use_task_is_exact_everywhere) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    for (const operation& op : use_task_operations) {
      const operation checked{op.name, [&op](wire& w) { return expect_cancelled_by_use_task(op.run(w)); }};
      co_await cancel_blocked(checked, true);
    }
  });
}

BOOST_AUTO_TEST_CASE(cancel_of_an_operation_that_has_completed_comes_at_the_next_suspension) {
  on_every_loop([](loop_kind kind) -> awaitable<void> {
    for (const operation& op : ready_operations)
      co_await cancel_ready(op, in_order(kind));
    for (const operation& op : ready_use_task_operations)
      co_await cancel_ready(op, in_order(kind));
  });
}

BOOST_AUTO_TEST_CASE(cancel_reaches_the_wait_behind_an_operation_that_cannot_be_cancelled) {
  on_every_loop([](loop_kind kind) -> awaitable<void> {
    asio::cancellation_signal other;
    const operation deaf{"bound to another signal", [&other](wire& w) -> awaitable<void> {
                           asio::steady_timer timer(w.executor, 5ms);
                           co_await timer.async_wait(asio::bind_cancellation_slot(other.slot(), asio::use_awaitable));
                         }};
    wire w;
    outcome o;
    auto body = [&] { return two_waits(deaf, w, o); };
    auto t = rondo::create_task(body);
    co_await rondo::sleep(1ms);
    t.cancel();
    co_await ended(t);
    BOOST_TEST(o.first == "result");
    BOOST_TEST(o.second == "cancelled");
    if (in_order(kind)) BOOST_TEST(deliveries(o, t) == 1);

    // A rondo wait comes next: exact everywhere.
    std::vector<std::string> trace;
    auto then_sleep = [&]() -> awaitable<void> {
      co_await deaf.run(w);
      trace.push_back("went on");
      std::string slept;
      auto a_minute = []() -> awaitable<void> { co_await rondo::sleep(1min); };
      co_await note(slept, a_minute);
      trace.push_back(slept);
      auto a_moment = []() -> awaitable<void> { co_await plain_timer(1ms); };
      co_await note(slept, a_moment);
      trace.push_back(slept);
    };
    auto u = rondo::create_task(then_sleep);
    co_await rondo::sleep(1ms);
    u.cancel();
    co_await u.get();
    const std::vector<std::string> expected = {"went on", "cancelled", "result"};
    BOOST_TEST(trace == expected, boost::test_tools::per_element());
  });
}

BOOST_AUTO_TEST_CASE(task_that_lets_the_abort_of_an_operation_through_is_cancelled) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    for (const operation& op : blocked_operations) {
      BOOST_TEST_INFO_SCOPE(op.name);
      wire w;
      auto body = [&] { return op.run(w); };
      auto t = rondo::create_task(body);
      co_await rondo::sleep(1ms);
      t.cancel();
      co_await ended(t);
      BOOST_TEST(t.cancelled());
    }
  });
}
