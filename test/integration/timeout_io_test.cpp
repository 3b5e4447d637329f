// wait_for and with_timeout with sockets and timers of the operating system, on every kind of loop: in real time.
// SPDX-License-Identifier: BSL-1.0
// labels: short threads
#include "../support/loop_kinds.hpp"
#include "../support/racing_sender.hpp"
#include "../support/wire.hpp"

#include <rondo/finally.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/timeout.hpp>
#include <rondo/use_task.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace support;
using rondo::awaitable;
using rondo::time_limit;
using rondo::timeout_scope;
using rondo::use_task;
using rondo::wait_for;
using rondo::with_timeout;

namespace {

/// A way to read with a time limit what comes in.
template <class Wire>
struct way {
  const char* name;
  std::function<awaitable<std::size_t>(Wire&, time_limit)> read;
  bool ends_as_a_task =
      false; // a task that is cancelled in its last step is cancelled, whatever it would have returned
};

template <class Wire>
awaitable<std::size_t> read_in_frames(Wire& w, int frames) {
  if (frames > 0) co_return co_await read_in_frames(w, frames - 1);
  co_await asio::post(w.executor, asio::use_awaitable);
  co_return co_await w.near.async_read_some(asio::buffer(w.bytes), asio::use_awaitable);
}

template <class Wire>
const way<Wire> ways[] = {
    {"deferred", [](Wire& w, time_limit limit) -> awaitable<std::size_t> { return wait_for(w.read(), limit); }},
    {"use_task",
     [](Wire& w, time_limit limit) -> awaitable<std::size_t> {
       return wait_for(w.near.async_read_some(asio::buffer(w.bytes), use_task), limit);
     }},
    {"use_awaitable",
     [](Wire& w, time_limit limit) -> awaitable<std::size_t> {
       return wait_for(w.near.async_read_some(asio::buffer(w.bytes), asio::use_awaitable), limit);
     }},
    {"a coroutine of several frames",
     [](Wire& w, time_limit limit) -> awaitable<std::size_t> { return wait_for(read_in_frames(w, 3), limit); }},
    {"a callable",
     [](Wire& w, time_limit limit) -> awaitable<std::size_t> {
       auto read = [&w] { return read_in_frames(w, 0); };
       return wait_for(read, limit);
     }},
    {"a task",
     [](Wire& w, time_limit limit) -> awaitable<std::size_t> {
       auto t = rondo::create_task(read_in_frames(w, 1));
       return wait_for(t, limit);
     },
     true},
    {"a coroutine that is no task",
     [](Wire& w, time_limit limit) -> awaitable<std::size_t> {
       return wait_for(asio::co_spawn(w.executor, read_in_frames(w, 1), asio::use_awaitable), limit);
     }},
};

template <class Wire>
std::string_view start_of(const Wire& w, std::size_t n) {
  return std::string_view(w.bytes.data(), n);
}

/// What a time limit must not leave behind: a request, or a cancellation that strikes the next operation.
awaitable<void> check_undisturbed() {
  BOOST_TEST(rondo::current_task().cancelling() == 0);
  const std::string end = co_await end_of_wait(plain_timer(100us));
  BOOST_TEST(end == "value");
}

template <class Wire>
awaitable<void> read_three_times(const way<Wire>& by) {
  BOOST_TEST_INFO_SCOPE(by.name);
  Wire w;
  const std::string late = co_await end_of_wait(by.read(w, 2ms));
  BOOST_TEST(late == "timeout");
  co_await check_undisturbed();
  w.arrives("data");
  const std::size_t n = co_await by.read(w, 1min);
  BOOST_TEST(start_of(w, n) == "data");
  w.far.close();
  const std::string closed = co_await end_of_wait(by.read(w, 1min));
  BOOST_TEST(closed == "eof");
  co_await check_undisturbed();
}

} // namespace

BOOST_AUTO_TEST_CASE(read_that_took_too_long_leaves_a_socket_that_can_be_read) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    for (const auto& by : ways<wire>)
      co_await read_three_times(by);
    for (const auto& by : ways<tcp_wire>)
      co_await read_three_times(by);
  });
}

BOOST_AUTO_TEST_CASE(without_time_nothing_is_begun_and_the_data_stay_in_the_socket) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    for (const time_limit limit : {time_limit(0s), time_limit(-1h)}) {
      for (const auto& by : ways<wire>) {
        BOOST_TEST_INFO_SCOPE(by.name);
        wire w;
        w.arrives("data");
        const std::string end = co_await end_of_wait(by.read(w, limit));
        BOOST_TEST(end == "timeout");
        co_await check_undisturbed();
        BOOST_TEST(w.unread() == "data");
      }
      wire w;
      auto reading = rondo::create_task(w.read());
      co_await rondo::sleep(1ms);
      const std::string end = co_await end_of_wait(wait_for(reading, limit));
      BOOST_TEST(end == "timeout");
      BOOST_TEST(reading.cancelled());
      w.arrives("data");
      auto done = rondo::create_task(w.read());
      co_await rondo::settle(done);
      const std::size_t n = co_await wait_for(done, limit);
      BOOST_TEST(n == 4u);
    }
  });
}

BOOST_AUTO_TEST_CASE(part_that_a_composed_operation_has_read_is_where_asio_puts_it) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    wire w;
    w.arrives("half");
    auto eight = asio::buffer(w.bytes, 8);
    const std::string read = co_await end_of_wait(wait_for(asio::async_read(w.near, eight, asio::deferred), 2ms));
    BOOST_TEST(read == "timeout");
    BOOST_TEST(start_of(w, 4) == "half");
    // The code and the count are a value, and a value is never lost.
    w.arrives("part");
    const auto [code, n] = co_await wait_for(asio::async_read(w.near, eight, asio::as_tuple(asio::deferred)), 2ms);
    BOOST_TEST(code == asio::error::operation_aborted);
    BOOST_TEST(n == 4u);
    co_await check_undisturbed();
    auto exact_read = asio::async_read(w.near, eight, asio::as_tuple(use_task));
    const std::string exact = co_await end_of_wait(wait_for(std::move(exact_read), 2ms));
    BOOST_TEST(exact == "timeout");

    w.arrives("a li");
    auto until = [&] {
      return asio::async_read_until(w.near, asio::dynamic_buffer(w.text), '\n', asio::use_awaitable);
    };
    const std::string line = co_await end_of_wait(wait_for(until(), 2ms));
    BOOST_TEST(line == "timeout");
    BOOST_TEST(w.text == "a li");
    w.arrives("ne\nmore");
    const std::size_t length = co_await wait_for(until(), 1min);
    BOOST_TEST(w.text.substr(0, length) == "a line\n");
  });
}

BOOST_AUTO_TEST_CASE(socket_that_another_task_closes_is_no_timeout) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    for (const auto& by : ways<wire>) {
      BOOST_TEST_INFO_SCOPE(by.name);
      wire w;
      std::string end;
      auto body = [&]() -> awaitable<void> {
        end = co_await end_of_wait(by.read(w, 1min));
        co_await check_undisturbed();
      };
      auto t = rondo::create_task(body);
      co_await rondo::sleep(1ms);
      w.near.close();
      co_await t.get();
      BOOST_TEST(end == "aborted");
    }
  });
}

BOOST_AUTO_TEST_CASE(cancel_of_the_user_leaves_the_data_in_the_socket) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    for (const auto& by : ways<wire>) {
      BOOST_TEST_INFO_SCOPE(by.name);
      wire w;
      auto t = rondo::create_task(by.read(w, 1min));
      co_await rondo::sleep(1ms);
      t.cancel();
      co_await rondo::settle(t);
      BOOST_TEST(t.cancelled());
      w.arrives("data");
      co_await rondo::sleep(100us);
      BOOST_TEST(w.unread() == "data");
    }
  });
}

BOOST_AUTO_TEST_CASE(read_that_ends_together_with_its_time_never_loses_data) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    for (const auto& by : ways<wire>) {
      if (by.ends_as_a_task) continue;
      BOOST_TEST_INFO_SCOPE(by.name);
      wire w;
      racing_sender sender(150us);
      std::string received;
      for (int i = 0; i < 100; ++i) {
        sender.send(w);
        const std::string end = co_await end_of_wait(by.read(w, 150us));
        BOOST_REQUIRE((end == "value" || end == "timeout"));
        BOOST_REQUIRE(rondo::current_task().cancelling() == 0);
        sender.came(end == "value");
        if (end == "timeout") co_await wait_for(w.read(), patience); // aborted if something of the time limit is left
        received += w.bytes[0];
      }
      BOOST_TEST(received == sender.sent());
      BOOST_TEST(w.unread() == "");
      BOOST_TEST(sender.both_occurred());
    }
  });
}

BOOST_AUTO_TEST_CASE(time_limit_of_a_conversation_ends_the_operation_that_waits) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    wire w;
    auto echo = [&]() -> awaitable<void> {
      std::array<char, 1> byte;
      for (;;) {
        co_await w.far.async_read_some(asio::buffer(byte), use_task);
        co_await plain_timer(300us);
        co_await asio::async_write(w.far, asio::buffer(byte), use_task);
      }
    };
    auto peer = rondo::create_task(echo);
    std::string received;
    int sent = 0;
    auto talk = [&]() -> awaitable<void> {
      for (;; ++sent) {
        const char c = static_cast<char>('a' + sent % 26);
        co_await asio::async_write(w.near, asio::buffer(&c, 1), asio::deferred);
        const std::size_t n = co_await w.near.async_read_some(asio::buffer(w.bytes), asio::use_awaitable);
        received += start_of(w, n);
      }
    };
    const std::string end = co_await end_of_wait(with_timeout(5ms, talk));
    BOOST_TEST(end == "timeout");
    co_await check_undisturbed();
    BOOST_TEST(received.size() == static_cast<std::size_t>(sent));
    const std::size_t n = co_await wait_for(w.read(), patience); // the echo of the last byte
    BOOST_TEST(n == 1u);
    co_await rondo::cancel_and_wait(peer);
  });
}

BOOST_AUTO_TEST_CASE(nested_time_limits_each_end_their_own_block) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    wire w;
    auto read = [&]() -> awaitable<std::size_t> { co_return co_await w.read(); };
    auto patient = [&]() -> awaitable<std::size_t> {
      for (int i = 0; i < 3; ++i) {
        const std::string end = co_await end_of_wait(with_timeout(1ms, read));
        BOOST_TEST(end == "timeout");
        co_await check_undisturbed();
      }
      w.arrives("data");
      co_return co_await with_timeout(1min, read);
    };
    const std::size_t n = co_await with_timeout(1min, patient);
    BOOST_TEST(n == 4u);

    timeout_scope inner_scope;
    auto inner = [&](timeout_scope& scope) -> awaitable<void> {
      inner_scope = scope;
      co_await w.read();
    };
    for (const bool together : {false, true}) {
      const auto when = rondo::clock::now() + 2ms;
      auto outer = [&]() -> awaitable<void> { co_await rondo::with_timeout_at(when + (together ? 0s : 60s), inner); };
      const std::string end = co_await end_of_wait(rondo::with_timeout_at(when, outer));
      BOOST_TEST(end == "timeout");
      BOOST_TEST(inner_scope.expired() == together);
      co_await check_undisturbed();
    }
  });
}

BOOST_AUTO_TEST_CASE(time_limit_that_is_over_does_not_keep_the_context_running) {
  for (loop_kind kind : {loop_kind::context, loop_kind::context_strand, loop_kind::pool_strand}) {
    BOOST_TEST_CONTEXT("loop: " << kind) {
      const auto begin = std::chrono::steady_clock::now();
      run_on(kind, []() -> awaitable<void> {
        wire w;
        w.arrives("data");
        const std::size_t n = co_await wait_for(w.read(), patience); // a plain operation is the task's last step
        BOOST_TEST(n == 4u);
      });
      BOOST_TEST((std::chrono::steady_clock::now() - begin < patience / 2));
    }
  }
}

BOOST_AUTO_TEST_CASE(connect_that_took_too_long_can_be_tried_again) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    const asio::any_io_executor executor = rondo::get_running_loop().get_executor();
    tcp_acceptor acceptor(executor, asio::ip::tcp::v4());
    acceptor.bind(any_port());
    acceptor.listen(0); // nobody accepts: soon the kernel lets clients wait
    const asio::ip::tcp::endpoint server = acceptor.local_endpoint();
    std::vector<tcp_socket> clients;
    std::string end = "value";
    while (end == "value" && clients.size() < 64) {
      clients.emplace_back(executor);
      end = co_await end_of_wait(wait_for(clients.back().async_connect(server, asio::deferred), 20ms));
    }
    BOOST_TEST(end == "timeout");
    co_await check_undisturbed();
    tcp_socket again = std::move(clients.back());
    again.close();
    clients.pop_back();
    std::size_t accepted = 0;
    auto accept_all = [&]() -> awaitable<void> {
      for (;; ++accepted)
        co_await acceptor.async_accept(asio::deferred);
    };
    auto accepting = rondo::create_task(accept_all);
    while (accepted < clients.size()) // else the kernel makes the next client wait for a second
      co_await plain_timer(100us);
    co_await wait_for(again.async_connect(server, asio::deferred), patience);
    BOOST_TEST(again.remote_endpoint() == server);
    co_await rondo::cancel_and_wait(accepting);
  });
}

BOOST_AUTO_TEST_CASE(clean_up_after_the_time_is_over_may_await) {
  on_every_loop([](loop_kind kind) -> awaitable<void> {
    wire w; // a bare token on a pool may meet the same cancellation twice; `finally` and use_task do not
    auto read = [&]() -> awaitable<void> { co_await w.read(); };
    auto bare_goodbye = [&]() -> awaitable<void> {
      const std::string end = co_await end_of_wait(read());
      BOOST_TEST(end == "aborted");
      co_await asio::async_write(w.near, asio::buffer("bare ", 5), asio::deferred);
      throw rondo::cancelled_error();
    };
    auto exact_goodbye = [&]() -> awaitable<void> {
      const std::string end = co_await end_of_wait(w.near.async_read_some(asio::buffer(w.bytes), use_task));
      BOOST_TEST(end == "cancelled");
      co_await asio::async_write(w.near, asio::buffer("exact ", 6), use_task);
      co_await rondo::sleep(200us);
      throw rondo::cancelled_error();
    };
    auto goodbye = [&]() -> awaitable<void> {
      co_await asio::async_write(w.near, asio::buffer("finally", 7), asio::deferred);
      co_await plain_timer(200us);
    };
    auto with_finally = [&] { return rondo::finally(read, goodbye); };
    std::vector<std::string> ends;
    if (in_order(kind)) ends.push_back(co_await end_of_wait(with_timeout(1ms, bare_goodbye)));
    ends.push_back(co_await end_of_wait(with_timeout(1ms, exact_goodbye)));
    ends.push_back(co_await end_of_wait(with_timeout(1ms, with_finally)));
    for (const std::string& end : ends)
      BOOST_TEST(end == "timeout");
    BOOST_TEST(w.unread_far() == (in_order(kind) ? "bare exact finally" : "exact finally"));
    co_await check_undisturbed();
  });
}

BOOST_AUTO_TEST_CASE(body_that_makes_a_value_of_its_interruption_gives_it) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    wire w;
    timeout_scope seen;
    auto body = [&](timeout_scope& scope) -> awaitable<std::string> {
      seen = scope;
      co_return co_await end_of_wait(w.near.async_read_some(asio::buffer(w.bytes), asio::use_awaitable));
    };
    const std::string value = co_await with_timeout(1ms, body);
    BOOST_TEST(value == "aborted");
    BOOST_TEST(seen.expired());
    co_await check_undisturbed();
  });
}
