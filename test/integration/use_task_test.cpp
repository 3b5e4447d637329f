// use_task, and cancellation states that user code replaces, on every kind of loop.
// Sockets and timers of the operating system: in real time.
// SPDX-License-Identifier: BSL-1.0
// labels: short threads
#include "../support/loop_kinds.hpp"

#include <rondo/errors.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/use_task.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <functional>
#include <stdexcept>
#include <string>
#include <tuple>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace support;
using boost::system::error_code;
using boost::system::system_error;
using rondo::awaitable;
using rondo::use_task;
using unix_socket = asio::local::stream_protocol::socket;

namespace {

struct wire {
  asio::any_io_executor executor = rondo::get_running_loop().get_executor();
  unix_socket near{executor};
  unix_socket far{executor};
  std::string text;
  std::array<char, 64> bytes{};

  wire() { asio::local::connect_pair(near, far); }
};

awaitable<void> plain_timer(std::chrono::microseconds d) {
  asio::steady_timer timer(rondo::get_running_loop().get_executor(), d);
  co_await timer.async_wait(asio::deferred);
}

template <class F>
awaitable<std::string> result_of(F wait) {
  try {
    co_await wait();
    co_return "result";
  } catch (const rondo::cancelled_error& e) {
    co_return "cancelled " + e.message();
  } catch (const system_error& e) {
    co_return e.code() == asio::error::operation_aborted ? "aborted" : e.code().message();
  } catch (const std::exception& e) {
    co_return e.what();
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(cancel_before_the_operation_keeps_it_from_being_started) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    wire w;
    std::string first, second;
    auto write = [&]() -> awaitable<void> { co_await asio::async_write(w.near, asio::buffer("data", 4), use_task); };
    auto body = [&]() -> awaitable<void> {
      rondo::current_task().cancel("early");
      first = co_await result_of(write);
      second = co_await result_of(write);
    };
    auto t = rondo::create_task(body);
    co_await t.get();
    BOOST_TEST(first == "cancelled early");
    BOOST_TEST(second == "result");
    BOOST_TEST(w.far.available() == 4u);
  });
}

BOOST_AUTO_TEST_CASE(cancel_after_completion_delivers_the_result_and_comes_at_the_next_wait) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    wire w;
    asio::write(w.far, asio::buffer("data", 4));
    std::size_t n = 0;
    std::string next, then;
    auto minute = []() -> awaitable<void> { co_await rondo::sleep(1min); };
    auto moment = [] { return plain_timer(100us); };
    auto body = [&]() -> awaitable<void> {
      n = co_await w.near.async_read_some(asio::buffer(w.bytes), use_task);
      next = co_await result_of(minute);
      then = co_await result_of(moment);
    };
    auto t = rondo::create_task(body);
    co_await rondo::sleep(0s);
    BOOST_TEST(n == 0u);
    BOOST_TEST(t.cancel("late"));
    co_await t.get();
    BOOST_TEST(n == 4u);
    BOOST_TEST(next == "cancelled late");
    BOOST_TEST(then == "result");
    BOOST_TEST(!t.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(cancel_after_completion_of_the_last_operation_cancels_the_task) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    wire w;
    asio::write(w.far, asio::buffer("data", 4));
    std::size_t n = 0;
    auto body = [&]() -> awaitable<void> { n = co_await w.near.async_read_some(asio::buffer(w.bytes), use_task); };
    auto t = rondo::create_task(body);
    co_await rondo::sleep(0s);
    t.cancel();
    co_await rondo::settle(t);
    BOOST_TEST(n == 4u);
    BOOST_TEST(t.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(socket_closed_by_another_task_is_an_error_and_no_cancellation) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    wire w;
    std::string plain;
    error_code tuple_code, redirected;
    auto read = [&]() -> awaitable<void> { co_await w.near.async_read_some(asio::buffer(w.bytes), use_task); };
    auto body = [&]() -> awaitable<void> { plain = co_await result_of(read); };
    auto a = rondo::create_task(body);
    auto with_tuple = [&]() -> awaitable<void> {
      const auto r = co_await w.near.async_read_some(asio::buffer(w.bytes), asio::as_tuple(use_task));
      tuple_code = std::get<0>(r);
    };
    auto b = rondo::create_task(with_tuple);
    auto with_redirect = [&]() -> awaitable<void> {
      co_await w.near.async_read_some(asio::buffer(w.bytes), asio::redirect_error(use_task, redirected));
    };
    auto c = rondo::create_task(with_redirect);
    co_await rondo::sleep(1ms);
    w.near.close();
    co_await a.get();
    co_await b.get();
    co_await c.get();
    BOOST_TEST(plain == "aborted");
    BOOST_TEST(tuple_code == asio::error::operation_aborted);
    BOOST_TEST(redirected == asio::error::operation_aborted);
  });
}

BOOST_AUTO_TEST_CASE(other_errors_are_codes_or_exceptions_as_the_token_says) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    wire w;
    w.far.close();
    auto read = [&]() -> awaitable<void> { co_await w.near.async_read_some(asio::buffer(w.bytes), use_task); };
    const std::string thrown = co_await result_of(read);
    BOOST_TEST(thrown == error_code(asio::error::eof).message());
    wire v;
    v.far.close();
    const auto [code, n] = co_await v.near.async_read_some(asio::buffer(v.bytes), asio::as_tuple(use_task));
    BOOST_TEST(code == asio::error::eof);
    BOOST_TEST(n == 0u);
    wire u;
    u.far.close();
    error_code redirected;
    co_await u.near.async_read_some(asio::buffer(u.bytes), asio::redirect_error(use_task, redirected));
    BOOST_TEST(redirected == asio::error::eof);
    rondo::use_task_t::as_default_on_t<unix_socket> own(w.executor);
    unix_socket peer(w.executor);
    asio::local::connect_pair(own, peer);
    asio::write(peer, asio::buffer("abc", 3));
    const std::size_t m = co_await own.async_read_some(asio::buffer(w.bytes));
    BOOST_TEST(m == 3u);
  });
}

BOOST_AUTO_TEST_CASE(part_of_a_line_is_kept_when_read_until_is_cancelled) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    wire w;
    asio::write(w.far, asio::buffer("first ha", 8));
    auto read = [&]() -> awaitable<void> {
      co_await asio::async_read_until(w.near, asio::dynamic_buffer(w.text), '\n', use_task);
    };
    auto t = rondo::create_task(read);
    co_await rondo::sleep(1ms);
    t.cancel();
    co_await rondo::settle(t);
    BOOST_TEST(t.cancelled());
    asio::write(w.far, asio::buffer("lf\n", 3));
    co_await read();
    BOOST_TEST(w.text == "first half\n");
  });
}

BOOST_AUTO_TEST_CASE(initiation_that_throws_throws_out_of_the_await) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    auto taking = [](auto handler) {
      auto taken = std::move(handler);
      throw std::runtime_error("no start");
    };
    auto refusing = [](auto&&) { throw std::runtime_error("no start either"); };
    auto await_taking = [&]() -> awaitable<void> {
      co_await asio::async_initiate<const rondo::use_task_t&, void(error_code)>(taking, use_task);
    };
    auto await_refusing = [&]() -> awaitable<void> {
      co_await asio::async_initiate<const rondo::use_task_t&, void(error_code)>(refusing, use_task);
    };
    const std::string a = co_await result_of(await_taking);
    const std::string b = co_await result_of(await_refusing);
    BOOST_TEST(a == "no start");
    BOOST_TEST(b == "no start either");
  });
}

BOOST_AUTO_TEST_CASE(operation_may_complete_inside_its_initiation_and_inside_its_cancellation) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    auto at_once = [](auto handler) { std::move(handler)(error_code(), 7); };
    auto await_at_once = [&]() -> awaitable<int> {
      co_return co_await asio::async_initiate<const rondo::use_task_t&, void(error_code, int)>(at_once, use_task);
    };
    int sum = 0;
    for (int i = 0; i < 1'000; ++i)
      sum += co_await await_at_once();
    BOOST_TEST(sum == 7'000);

    auto on_cancel = [](auto handler) {
      auto kept = std::make_shared<decltype(handler)>(std::move(handler));
      kept->get_cancellation_slot().assign(
          [kept](asio::cancellation_type_t) { std::move (*kept)(error_code(asio::error::operation_aborted)); });
    };
    auto await_on_cancel = [&]() -> awaitable<void> {
      co_await asio::async_initiate<const rondo::use_task_t&, void(error_code)>(on_cancel, use_task);
    };
    std::string got;
    auto body = [&]() -> awaitable<void> { got = co_await result_of(await_on_cancel); };
    auto t = rondo::create_task(body);
    co_await rondo::sleep(0s);
    t.cancel("now");
    BOOST_TEST(got == "");
    co_await t.get();
    BOOST_TEST(got == "cancelled now");
  });
}

namespace {

struct large_filter {
  std::array<char, 200> ballast{};
  asio::cancellation_type_t operator()(asio::cancellation_type_t type) const noexcept { return type; }
};

/// Cancels a task that has replaced its cancellation state, first in a plain timer, and lets it come to a rondo wait.
awaitable<void> cancel_with_own_state(std::function<awaitable<void>()> body_start, bool timer_aborted) {
  std::string plain;
  bool next_cancelled = false;
  auto short_timer = [] { return plain_timer(5ms); };
  // The one that is to be aborted must not end by itself on a machine that is busy.
  auto timer = [timer_aborted] { return plain_timer(timer_aborted ? std::chrono::milliseconds(1min) : 5ms); };
  auto body = [&]() -> awaitable<void> {
    co_await body_start();
    co_await asio::this_coro::throw_if_cancelled(false);
    plain = co_await result_of(timer);
    try {
      co_await rondo::sleep(1min);
    } catch (...) {
      next_cancelled = rondo::is_cancellation(std::current_exception());
    }
  };
  auto t = rondo::create_task(body);
  co_await rondo::sleep(1ms);
  t.cancel();
  co_await rondo::settle(t);
  BOOST_TEST(plain == (timer_aborted ? "aborted" : "result"));
  BOOST_TEST(next_cancelled);
  // The next user of the same coroutine gets a state of the library's again.
  std::string later;
  auto minute = []() -> awaitable<void> { co_await rondo::sleep(1min); };
  auto clean = [&]() -> awaitable<void> {
    later = co_await result_of(minute);
    later += ", " + co_await result_of(short_timer);
  };
  auto u = rondo::create_task(clean);
  co_await rondo::sleep(1ms);
  u.cancel();
  co_await u.get();
  BOOST_TEST(later == "cancelled , result");
}

} // namespace

BOOST_AUTO_TEST_CASE(cancel_reaches_the_next_rondo_wait_whatever_the_cancellation_state) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    auto large = []() -> awaitable<void> { co_await asio::this_coro::reset_cancellation_state(large_filter()); };
    auto none = []() -> awaitable<void> {
      co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    };
    auto standard = []() -> awaitable<void> { co_await asio::this_coro::reset_cancellation_state(); };
    co_await cancel_with_own_state(large, true);
    co_await cancel_with_own_state(none, false);
    co_await cancel_with_own_state(standard, true);
  });
}
