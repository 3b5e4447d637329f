// Generators that read from sockets, sockets as resources, and clean-up that waits for a peer, on every kind of loop: in
// real time.
// SPDX-License-Identifier: BSL-1.0
// labels: short threads
#include "../support/loop_kinds.hpp"
#include "../support/racing_sender.hpp"
#include "../support/trace.hpp"
#include "../support/wire.hpp"

#include <rondo/rondo.hpp>

#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using namespace rondo;
using namespace std::chrono_literals;
using namespace support;

namespace {

/// The lines that come in; says goodbye to the peer at its end, whatever that is.
template <class Token>
async_generator<std::string> lines(wire& w, Token token) {
  std::string text;
  std::exception_ptr stopped;
  try {
    for (;;) {
      boost::system::error_code ec;
      const std::size_t n =
          co_await asio::async_read_until(w.near, asio::dynamic_buffer(text), '\n', asio::redirect_error(token, ec));
      if (ec == asio::error::operation_aborted) throw cancelled_error();
      if (ec) break;
      std::string line = text.substr(0, n - 1);
      text.erase(0, n);
      co_yield std::move(line);
    }
  } catch (...) {
    stopped = std::current_exception();
  }
  co_await asio::async_write(w.near, asio::buffer("bye", 3), token);
  if (stopped) std::rethrow_exception(stopped);
}

/// Runs `test(wire&, token)` with both kinds of tokens; with the bare one only where a cancellation cannot come twice.
template <class Test>
void with_each_token(Test test) {
  on_every_loop([&](loop_kind kind) -> awaitable<void> {
    wire a, b;
    co_await test(a, use_task);
    if (in_order(kind)) co_await test(b, asio::use_awaitable);
  });
}

} // namespace

BOOST_AUTO_TEST_CASE(generator_gives_the_lines_of_a_socket) {
  with_each_token([](wire& w, auto token) -> awaitable<void> {
    auto send = [&]() -> awaitable<void> {
      for (const char* piece : {"o", "ne\ntw", "o\nthree\nfour\n", "five", "\nno line"}) {
        co_await asio::async_write(w.far, asio::buffer(std::string_view(piece)), use_task);
        co_await plain_timer(50us);
      }
      w.far.shutdown(unix_socket::shutdown_send);
    };
    auto sender = create_task(send);
    trace received;
    auto all = lines(w, token);
    while (auto line = co_await all.next())
      received.push_back(*line);
    CHECK_TRACE(received, "one", "two", "three", "four", "five");
    co_await sender.get();
    BOOST_TEST(w.unread_far() == "bye");
  });
}

BOOST_AUTO_TEST_CASE(consumer_that_breaks_off_closes_the_generator) {
  with_each_token([](wire& w, auto token) -> awaitable<void> {
    w.arrives("one\n");
    auto all = lines(w, token);
    const auto one = co_await all.next();
    BOOST_TEST(*one == "one");
    co_await all.aclose();
    BOOST_TEST(w.unread_far() == "bye");
    const auto none = co_await all.next();
    BOOST_TEST(!none.has_value());
    w.arrives("two\nthree\n");
    auto fails = [](async_generator<std::string>& some) -> awaitable<void> {
      co_await some.next();
      throw std::runtime_error("enough");
    };
    const std::string end = co_await end_of_wait(with(lines(w, token), fails));
    BOOST_TEST(end == "enough");
    BOOST_TEST(w.unread_far() == "bye");
  });
}

BOOST_AUTO_TEST_CASE(cancel_of_the_consumer_ends_the_generator_and_leaves_the_next_line_in_the_socket) {
  with_each_token([](wire& w, auto token) -> awaitable<void> {
    int taken = 0;
    auto consume = [&]() -> awaitable<void> {
      auto all = lines(w, token);
      while (co_await all.next())
        ++taken;
    };
    auto t = create_task(consume);
    w.arrives("one\n");
    while (taken == 0)
      co_await plain_timer(50us);
    t.cancel();
    co_await settle(t);
    BOOST_TEST(t.cancelled());
    BOOST_TEST(w.unread_far() == "bye");
    w.arrives("two\n");
    BOOST_TEST(w.unread() == "two\n");
  });
}

BOOST_AUTO_TEST_CASE(time_limit_of_next_ends_the_generator_and_a_shield_keeps_it) {
  with_each_token([](wire& w, auto token) -> awaitable<void> {
    auto all = lines(w, token);
    w.arrives("one\ntw");
    const auto one = co_await wait_for(all.next(), patience);
    BOOST_TEST(*one == "one");
    auto read = [&]() -> awaitable<std::optional<std::string>> { co_return co_await all.next(); };
    auto reading = create_task(read);
    for (int i = 0; i < 2; ++i) {
      const std::string end = co_await end_of_wait(wait_for(shield(reading), 500us));
      BOOST_TEST(end == "timeout");
    }
    w.arrives("o\n");
    const auto two = co_await wait_for(shield(reading), patience);
    BOOST_TEST(*two == "two");
    const std::string end = co_await end_of_wait(wait_for(all.next(), 500us));
    BOOST_TEST(end == "timeout");
    BOOST_TEST(w.unread_far() == "bye");
    const auto none = co_await wait_for(all.next(), patience);
    BOOST_TEST(!none.has_value());
    BOOST_TEST(current_task().cancelling() == 0);
  });
}

namespace {

/// The characters that come in, and a blank whenever it is interrupted.
template <class Token>
async_generator<char> patient(wire& w, Token token) {
  for (;;) {
    char c = ' ';
    try {
      co_await asio::async_read(w.near, asio::buffer(&c, 1), token);
    } catch (...) {
      if (!is_cancellation(std::current_exception())) throw;
    }
    co_yield c;
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(generator_that_goes_on_after_a_time_limit_loses_no_data) {
  with_each_token([](wire& w, auto token) -> awaitable<void> {
    std::string received;
    racing_sender sender(150us);
    auto all = patient(w, token);
    for (int i = 0; i < 120; ++i) {
      sender.send(w);
      auto c = co_await wait_for(all.next(), 150us);
      sender.came(*c != ' ');
      if (*c == ' ') c = co_await wait_for(all.next(), patience);
      received += *c;
    }
    BOOST_TEST(received == sender.sent());
    BOOST_TEST(sender.both_occurred());
  });
}

namespace {

/// A connection as a resource: says goodbye when it is left.
class client {
public:
  client(trace& log, std::string name, asio::ip::tcp::endpoint server)
      : log_(&log), name_(std::move(name)), server_(server), socket_(get_running_loop().get_executor()) {}

  awaitable<tcp_socket*> aenter() {
    co_await socket_.async_connect(server_, use_task);
    log_->push_back("connect " + name_);
    co_return &socket_;
  }
  awaitable<void> aexit(std::exception_ptr error) {
    co_await asio::async_write(socket_, asio::buffer(name_), use_task);
    co_await sleep(100us);
    socket_.close();
    log_->push_back(name_ + ": " + end_of(error));
  }

private:
  trace* log_;
  std::string name_;
  asio::ip::tcp::endpoint server_;
  tcp_socket socket_;
};

struct server {
  tcp_acceptor acceptor{get_running_loop().get_executor(), any_port()};
  asio::ip::tcp::endpoint refusing = [this] {
    return tcp_acceptor(acceptor.get_executor(), any_port()).local_endpoint();
  }();

  /// What the next client has sent up to its end.
  std::string goodbye() {
    tcp_socket s = acceptor.accept();
    std::string text;
    boost::system::error_code eof;
    asio::read(s, asio::dynamic_buffer(text), eof);
    return text;
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(sockets_are_closed_in_reverse_order_whatever_happens) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    server s;
    const auto there = s.acceptor.local_endpoint();
    using action = std::function<awaitable<void>(tcp_socket&)>;
    const std::pair<std::string, action> actions[] = {
        {"value", [](tcp_socket&) -> awaitable<void> { co_await plain_timer(100us); }},
        {"broken",
         [](tcp_socket&) -> awaitable<void> {
           throw std::runtime_error("broken");
           co_return;
         }},
        {"timeout",
         [](tcp_socket& t) -> awaitable<void> {
           char c;
           co_await t.async_read_some(asio::buffer(&c, 1), use_task);
         }},
    };
    for (const auto& [expected, act] : actions) {
      const std::string inside = expected == "timeout" ? "cancelled" : expected;
      const time_limit limit = expected == "timeout" ? time_limit(20ms) : time_limit(patience);
      trace log;
      auto use_two = [&, &run = act](tcp_socket*&, tcp_socket*& b) { return run(*b); };
      auto body = [&] { return with(client(log, "a", there), client(log, "b", there), use_two); };
      const std::string end = co_await end_of_wait(with_timeout(limit, body));
      BOOST_TEST(end == expected);
      CHECK_TRACE(log, "connect a", "connect b", "b: " + inside, "a: " + inside);
      log.clear();
      auto stacked = [&, &run = act](exit_stack& stack) -> awaitable<void> {
        co_await stack.enter(client(log, "a", there));
        stack.callback([&log] { log.push_back("callback"); });
        tcp_socket* const b = co_await stack.enter(client(log, "b", there));
        co_await run(*b);
      };
      auto stack_body = [&] { return with_exit_stack(stacked); };
      const std::string stack_end = co_await end_of_wait(with_timeout(limit, stack_body));
      BOOST_TEST(stack_end == expected);
      CHECK_TRACE(log, "connect a", "connect b", "b: " + inside, "callback", "a: " + inside);
      for (const char* name : {"a", "b", "a", "b"})
        BOOST_TEST(s.goodbye() == name);
    }
    trace log;
    auto never = [](tcp_socket*&, tcp_socket*&) { BOOST_ERROR("entered"); };
    const std::string end = co_await end_of_wait(with(client(log, "a", there), client(log, "b", s.refusing), never));
    BOOST_TEST(end == "Connection refused");
    CHECK_TRACE(log, "connect a", "a: Connection refused");
    BOOST_TEST(s.goodbye() == "a");
  });
}

BOOST_AUTO_TEST_CASE(clean_up_that_hangs_on_a_read_ends_with_its_grace) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    wire w;
    auto nothing = [] {};
    auto fails = [] { throw std::runtime_error("broken"); };
    auto hang = [&]() -> awaitable<void> { co_await w.read(); };
    const std::string good = co_await end_of_wait(finally(nothing, hang, 1ms));
    BOOST_TEST(good == "timeout");
    const std::string bad = co_await end_of_wait(finally(fails, hang, 1ms));
    BOOST_TEST(bad == "broken");
    // A cancellation does not interrupt the clean-up, and neither does the end of a time limit around it.
    auto patient_clean_up = [&]() -> awaitable<void> { co_await finally(nothing, hang); };
    auto t = create_task(patient_clean_up);
    auto limited = [&] { return with_timeout(500us, patient_clean_up); };
    co_await sleep(200us);
    t.cancel();
    co_await sleep(200us);
    BOOST_TEST(!t.done());
    w.arrives("answer");
    co_await settle(t);
    BOOST_TEST(t.cancelled());
    BOOST_TEST(w.unread() == "");
    auto u = create_task(limited);
    co_await sleep(1ms);
    BOOST_TEST(!u.done());
    w.arrives("answer");
    co_await settle(u);
    BOOST_TEST(end_of(u.exception()) == "timeout");
    BOOST_TEST(w.unread() == "");
  });
}
