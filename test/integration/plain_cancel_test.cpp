// Cancellation of tasks that await plain Asio operations, on every kind of loop.
// Sockets and timers of the operating system: in real time.
// SPDX-License-Identifier: BSL-1.0
// labels: short threads
#include "../support/loop_kinds.hpp"

#include <rondo/errors.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/use_task.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace support;
using boost::system::error_code;
using boost::system::system_error;
using rondo::awaitable;
using unix_socket = asio::local::stream_protocol::socket;

namespace {

/// Two connected sockets on the running loop.
struct wire {
  asio::any_io_executor executor = rondo::get_running_loop().get_executor();
  unix_socket near{executor};
  unix_socket far{executor};
  std::string text;
  std::array<char, 64> bytes{};

  wire() { asio::local::connect_pair(near, far); }

  void arrives(const std::string& s) { asio::write(far, asio::buffer(s)); }
};

struct operation {
  const char* name;
  std::function<awaitable<void>(wire&)> run;
  bool may_block = false; // a cancel that comes at once may find it blocked
};

void throw_code(const error_code& ec) {
  if (ec) throw system_error(ec);
}

asio::steady_timer long_timer(wire& w) { return asio::steady_timer(w.executor, 1h); }

awaitable<void> plain_timer(std::chrono::microseconds d) {
  asio::steady_timer timer(rondo::get_running_loop().get_executor(), d);
  co_await timer.async_wait(asio::deferred);
}

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

// Operations that are in progress when the cancel comes, with bare tokens.
const operation blocked_operations[] = {
    {"timer, deferred",
     [](wire& w) -> awaitable<void> {
       auto timer = long_timer(w);
       co_await timer.async_wait(asio::deferred);
     }},
    {"timer, use_awaitable",
     [](wire& w) -> awaitable<void> {
       auto timer = long_timer(w);
       co_await timer.async_wait(asio::use_awaitable);
     }},
    {"timer made on this_coro::executor",
     [](wire&) -> awaitable<void> {
       asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
       co_await timer.async_wait(asio::use_awaitable);
     }},
    {"timer, as_tuple",
     [](wire& w) -> awaitable<void> {
       auto timer = long_timer(w);
       const auto [ec] = co_await timer.async_wait(asio::as_tuple(asio::deferred));
       throw_code(ec);
     }},
    {"timer, redirect_error",
     [](wire& w) -> awaitable<void> {
       error_code ec;
       auto timer = long_timer(w);
       co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
       throw_code(ec);
     }},
    {"read_some",
     [](wire& w) -> awaitable<void> { co_await w.near.async_read_some(asio::buffer(w.bytes), asio::deferred); }},
    {"read, a composed operation",
     [](wire& w) -> awaitable<void> {
       w.arrives("half");
       co_await asio::async_read(w.near, asio::buffer(w.bytes), asio::deferred);
     }},
    {"read_until with a part of the line there",
     [](wire& w) -> awaitable<void> {
       w.arrives("half a li");
       co_await asio::async_read_until(w.near, asio::dynamic_buffer(w.text), '\n', asio::use_awaitable);
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
    {"a || b",
     [](wire& w) -> awaitable<void> {
       using namespace asio::experimental::awaitable_operators;
       auto a = long_timer(w);
       auto b = long_timer(w);
       auto both = a.async_wait(asio::use_awaitable) || b.async_wait(asio::use_awaitable);
       co_await std::move(both);
     }},
    {"a && b",
     [](wire& w) -> awaitable<void> {
       using namespace asio::experimental::awaitable_operators;
       auto a = long_timer(w);
       auto b = w.near.async_read_some(asio::buffer(w.bytes), asio::use_awaitable);
       auto both = a.async_wait(asio::use_awaitable) && std::move(b);
       co_await std::move(both);
     }},
    {"co_spawn, use_awaitable",
     [](wire& w) -> awaitable<void> {
       auto inner = [&w]() -> awaitable<void> {
         auto timer = long_timer(w);
         co_await timer.async_wait(asio::use_awaitable);
       };
       co_await asio::co_spawn(w.executor, inner, asio::use_awaitable);
     }},
};

// The same with use_task; these are exact on every loop.
const operation use_task_operations[] = {
    {"timer",
     [](wire& w) -> awaitable<void> {
       auto timer = long_timer(w);
       co_await timer.async_wait(rondo::use_task);
     }},
    {"read_some",
     [](wire& w) -> awaitable<void> { co_await w.near.async_read_some(asio::buffer(w.bytes), rondo::use_task); }},
    {"read_until with a part of the line there",
     [](wire& w) -> awaitable<void> {
       w.arrives("half a li");
       co_await asio::async_read_until(w.near, asio::dynamic_buffer(w.text), '\n', rondo::use_task);
     }},
    {"as_tuple",
     [](wire& w) -> awaitable<void> {
       auto timer = long_timer(w);
       co_await timer.async_wait(asio::as_tuple(rondo::use_task));
     }},
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
};

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

/// What became of two waits in a row, one of which a cancel met.
struct outcome {
  std::string first;
  std::string second;
};

template <class Wait>
awaitable<void> note(std::string& result, Wait wait) {
  try {
    co_await wait();
    result = "result";
  } catch (...) {
    result = rondo::is_cancellation(std::current_exception()) ? "cancelled" : "error";
  }
}

awaitable<void> two_waits(const operation& op, wire& w, outcome& o) {
  auto first = [&] { return op.run(w); };
  auto second = [] { return plain_timer(3ms); };
  co_await note(o.first, first);
  co_await note(o.second, second);
}

int deliveries(const outcome& o, const rondo::any_task& t) {
  return int(o.first == "cancelled") + int(o.second == "cancelled") + int(t.cancelled());
}

awaitable<rondo::any_task> ended(rondo::task<void> t) {
  co_await rondo::settle(t);
  co_return t;
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

BOOST_AUTO_TEST_CASE(cancel_ends_a_loop_of_operations_that_are_always_ready) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    constexpr int many = 20'000;
    int rounds = 0;
    int ends = 0;
    auto flood = [&]() -> awaitable<void> {
      wire w;
      try {
        for (; rounds < many; ++rounds) {
          co_await asio::async_write(w.far, asio::buffer("z", 1), asio::deferred);
          co_await w.near.async_read_some(asio::buffer(w.bytes), asio::deferred);
        }
      } catch (const system_error& e) {
        BOOST_TEST(e.code() == asio::error::operation_aborted);
        ++ends;
      }
    };
    auto t = rondo::create_task(flood);
    co_await rondo::sleep(3ms);
    const int before = rounds;
    BOOST_TEST(before < many);
    t.cancel();
    co_await ended(t);
    BOOST_TEST(ends == 1);
    BOOST_TEST(rounds - before <= 50);
  });
}

BOOST_AUTO_TEST_CASE(level_trigger_that_ends_a_flood_is_gone_for_the_next_task) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    for (int i = 0; i < 3; ++i) {
      wire w;
      auto for_ever = [&]() -> awaitable<void> {
        for (;;)
          co_await asio::post(w.executor, asio::deferred);
      };
      auto t = rondo::create_task(for_ever);
      co_await rondo::sleep(1ms);
      t.cancel();
      co_await ended(t);
      BOOST_TEST(t.cancelled());
      auto next = rondo::create_task(plain_timer(1ms));
      co_await ended(next);
      BOOST_TEST(!next.cancelled());
    }
  });
}

BOOST_AUTO_TEST_CASE(cancel_ends_a_loop_of_composed_operations_that_are_always_ready) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    constexpr int many = 5'000;
    int rounds = 0;
    auto byte_by_byte = [](error_code ec, std::size_t n) -> std::size_t { return ec || n == 8 ? 0 : 1; };
    auto flood = [&]() -> awaitable<void> {
      wire w;
      for (; rounds < many; ++rounds) {
        w.arrives("12345678");
        co_await asio::async_read(w.near, asio::buffer(w.bytes), byte_by_byte, asio::deferred);
      }
    };
    auto t = rondo::create_task(flood);
    co_await rondo::sleep(3ms);
    const int before = rounds;
    BOOST_TEST(before < many);
    t.cancel();
    co_await ended(t);
    BOOST_TEST(t.cancelled());
    BOOST_TEST(rounds - before <= 50);
  });
}

BOOST_AUTO_TEST_CASE(cancel_of_a_flood_that_stops_is_delivered_to_the_wait_that_blocks) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    for (int length = 0; length < 60; ++length) {
      wire w;
      outcome o;
      auto flood = [&]() -> awaitable<void> {
        for (int i = 0; i < length; ++i)
          co_await asio::post(w.executor, asio::deferred);
        co_await w.near.async_read_some(asio::buffer(w.bytes), asio::deferred);
      };
      auto victim = [&]() -> awaitable<void> {
        co_await note(o.first, flood);
        rondo::current_task().uncancel();
        auto after = [] { return plain_timer(200us); };
        co_await note(o.second, after);
      };
      auto t = rondo::create_task(victim);
      co_await rondo::sleep(0s);
      t.cancel();
      co_await ended(t);
      BOOST_TEST(o.first == "cancelled");
      BOOST_TEST(o.second == "result"); // taken back: also where nothing proves that it came
      BOOST_TEST(!t.cancelled());
    }
  });
}

namespace {

struct tally {
  int too_late = 0, lost = 0, once = 0, doubled = 0, in_first = 0, in_second = 0, at_end = 0;
};

template <class Token>
awaitable<void> race_lane(int lane, int rounds, tally& sum, Token token) {
  const asio::any_io_executor executor = rondo::get_running_loop().get_executor();
  auto length = 100us; // of the first wait: follows the outcomes, so that the race stays close on a slow machine, too
  for (int i = 0; i < rounds; ++i) {
    outcome o;
    auto wait = [&](std::chrono::microseconds d) -> awaitable<void> {
      asio::steady_timer timer(executor, d);
      co_await timer.async_wait(token);
    };
    auto first = [&] { return wait(length); };
    auto second = [&] { return wait(400us); };
    auto victim = [&]() -> awaitable<void> {
      co_await note(o.first, first);
      co_await note(o.second, second);
    };
    auto t = rondo::create_task(victim);
    asio::steady_timer timer(executor, std::chrono::microseconds(90 + (i * 7 + lane) % 20));
    co_await timer.async_wait(rondo::use_task);
    const bool accepted = t.cancel();
    co_await ended(t);
    const int n = deliveries(o, t);
    length = o.first == "cancelled" ? std::max(length - 4us, 50us) : length + 4us;
    sum.too_late += int(!accepted);
    if (!accepted) continue;
    sum.in_first += int(o.first == "cancelled");
    sum.in_second += int(o.second == "cancelled");
    sum.at_end += int(t.cancelled());
    ++(n == 0 ? sum.lost : n == 1 ? sum.once : sum.doubled);
  }
}

template <class Token>
awaitable<tally> race(Token token) {
  constexpr int lanes = 6;
  constexpr int races = 3'000;
  tally sum;
  std::vector<rondo::task<void>> tasks;
  for (int lane = 0; lane < lanes; ++lane)
    tasks.push_back(rondo::create_task(race_lane(lane, races / lanes, sum, token)));
  for (rondo::task<void>& t : tasks)
    co_await t.get();
  BOOST_TEST(sum.lost == 0);
  BOOST_TEST(sum.once + sum.doubled + sum.too_late == races);
  BOOST_TEST(sum.in_first > 0); // the race was one
  BOOST_TEST_MESSAGE("once " << sum.once << ", doubled " << sum.doubled << ", lost " << sum.lost << ", too late "
                             << sum.too_late << "; in the first wait " << sum.in_first << ", second " << sum.in_second
                             << ", at the end " << sum.at_end);
  co_return sum;
}

} // namespace

BOOST_AUTO_TEST_CASE(cancel_that_races_with_a_completion_is_never_lost) {
  on_every_loop([](loop_kind kind) -> awaitable<void> {
    const tally sum = co_await race(asio::deferred);
    if (in_order(kind)) BOOST_TEST(sum.doubled == 0);
  });
}

BOOST_AUTO_TEST_CASE(cancel_with_use_task_that_races_with_a_completion_is_delivered_once) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    const tally sum = co_await race(rondo::use_task);
    BOOST_TEST(sum.doubled == 0);
  });
}

BOOST_AUTO_TEST_CASE(clean_up_after_a_cancellation_may_await) {
  for (loop_kind kind : {loop_kind::owned, loop_kind::context})
    BOOST_TEST_CONTEXT("loop: " << kind)
  run_on(kind, []() -> awaitable<void> {
    std::vector<std::string> trace;
    wire w;
    auto body = [&]() -> awaitable<void> {
      std::exception_ptr error;
      try {
        co_await w.near.async_read_some(asio::buffer(w.bytes), asio::deferred);
      } catch (const system_error&) {
        error = std::current_exception();
      }
      co_await asio::async_write(w.near, asio::buffer("bye", 3), asio::deferred);
      trace.push_back("written");
      co_await plain_timer(1ms);
      trace.push_back("waited");
      co_await rondo::sleep(1ms);
      trace.push_back("slept");
      co_await w.far.async_read_some(asio::buffer(w.bytes), rondo::use_task);
      trace.push_back("read");
      std::rethrow_exception(error);
    };
    auto t = rondo::create_task(body);
    co_await rondo::sleep(1ms);
    t.cancel();
    co_await ended(t);
    const std::vector<std::string> expected = {"written", "waited", "slept", "read"};
    BOOST_TEST(trace == expected, boost::test_tools::per_element());
    BOOST_TEST(t.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(swallowed_cancel_lets_the_task_go_on_to_its_result) {
  for (loop_kind kind : {loop_kind::owned, loop_kind::context})
    BOOST_TEST_CONTEXT("loop: " << kind)
  run_on(kind, []() -> awaitable<void> {
    auto body = []() -> awaitable<int> {
      std::string result;
      int cancels = 0;
      auto minute = [] { return plain_timer(1min); };
      for (int i = 0; i < 3; ++i) {
        co_await note(result, minute);
        cancels += int(result == "cancelled");
      }
      co_await plain_timer(1ms);
      co_return cancels;
    };
    auto t = rondo::create_task(body);
    for (int i = 0; i < 3; ++i) {
      co_await rondo::sleep(1ms);
      t.cancel();
    }
    const int cancels = co_await t.get();
    BOOST_TEST(cancels == 3);
    BOOST_TEST(t.cancelling() == 3);
    BOOST_TEST(!t.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(cancellation_is_what_leaves_the_task) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    const auto throwing = [](std::exception_ptr error) -> awaitable<void> {
      co_await plain_timer(1us);
      std::rethrow_exception(error);
    };
    const auto aborted = std::make_exception_ptr(system_error(asio::error::operation_aborted));
    const auto eof = std::make_exception_ptr(system_error(asio::error::eof));

    auto a = rondo::create_task(throwing(aborted));
    co_await ended(a);
    BOOST_TEST(a.cancelled());

    auto b = rondo::create_task(throwing(std::make_exception_ptr(asio::multiple_exceptions(aborted))));
    co_await ended(b);
    BOOST_TEST(b.cancelled());

    auto c = rondo::create_task(throwing(eof));
    co_await ended(c);
    BOOST_TEST(!c.cancelled());
    BOOST_CHECK_THROW(c.result(), system_error);

    auto d = rondo::create_task(throwing(std::make_exception_ptr(asio::multiple_exceptions(eof))));
    co_await ended(d);
    BOOST_TEST(!d.cancelled());
    BOOST_CHECK_THROW(d.result(), asio::multiple_exceptions);
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

BOOST_AUTO_TEST_CASE(read_that_is_cancelled_leaves_its_bytes_in_the_socket) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    constexpr int sent = 400;
    wire w;
    std::string received;
    auto reader = [&]() -> awaitable<void> {
      for (;;) {
        std::array<char, 16> part;
        const std::size_t n = co_await w.near.async_read_some(asio::buffer(part), asio::deferred);
        received.append(part.data(), n);
      }
    };
    auto sender = [&]() -> awaitable<void> {
      for (int i = 0; i < sent; ++i) {
        const char c = static_cast<char>('a' + i % 26);
        co_await asio::async_write(w.far, asio::buffer(&c, 1), rondo::use_task);
        if (i % 3 == 0) co_await plain_timer(20us);
      }
    };
    auto s = rondo::create_task(sender);
    int cancels = 0;
    for (std::size_t i = 0; !s.done(); ++i) {
      auto t = rondo::create_task(reader);
      co_await plain_timer(std::chrono::microseconds(10 + i % 50));
      cancels += int(t.cancel());
      co_await ended(t);
    }
    while (w.near.available() > 0)
      received.append(w.bytes.data(), w.near.read_some(asio::buffer(w.bytes)));
    BOOST_TEST(cancels > 0);
    std::string expected;
    for (int i = 0; i < sent; ++i)
      expected += static_cast<char>('a' + i % 26);
    BOOST_TEST(received == expected);
  });
}
