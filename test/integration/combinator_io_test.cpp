// gather, join, race, wait, as_completed, shield, map_concurrent and task groups over sockets of the operating system, on
// every kind of loop: in real time.
// SPDX-License-Identifier: BSL-1.0
// labels: short threads
#include "../support/loop_kinds.hpp"
#include "../support/racing_sender.hpp"
#include "../support/wire.hpp"

#include <rondo/as_completed.hpp>
#include <rondo/gather.hpp>
#include <rondo/shield.hpp>
#include <rondo/sleep.hpp>
#include <rondo/structured.hpp>
#include <rondo/task_group.hpp>
#include <rondo/timeout.hpp>
#include <rondo/use_task.hpp>
#include <rondo/wait.hpp>

#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace support;
using rondo::awaitable;
using rondo::task;
using rondo::use_task;
using rondo::wait_for;

namespace {

auto exact_read(wire& w) { return w.near.async_read_some(asio::buffer(w.bytes), use_task); }

awaitable<std::size_t> read_in_coroutine(wire& w) {
  co_return co_await w.near.async_read_some(asio::buffer(w.bytes), asio::use_awaitable);
}

} // namespace

BOOST_AUTO_TEST_CASE(gather_and_join_give_the_results_of_operations_in_order) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    wire a, b, c;
    auto talk = [&]() -> awaitable<void> {
      co_await rondo::sleep(500us);
      c.arrives("ccc");
      b.arrives("bb");
      co_await asio::post(a.executor, asio::deferred);
      a.arrives("a");
    };
    auto [x, y, z, nothing] = (co_await rondo::gather(a.read(), exact_read(b), read_in_coroutine(c), talk));
    BOOST_TEST((x == 1u && y == 2u && z == 3u));
    auto [k, l, m, also_nothing] = (co_await rondo::join(a.read(), exact_read(b), read_in_coroutine(c), talk));
    BOOST_TEST((k == 1u && l == 2u && m == 3u));

    a.far.close();
    b.arrives("bb");
    const auto settled = co_await rondo::gather_settled(a.read(), b.read());
    BOOST_TEST(end_of(std::get<0>(settled).error()) == "eof");
    BOOST_TEST(std::get<1>(settled).value() == 2u);
  });
}

BOOST_AUTO_TEST_CASE(first_failure_in_a_gather_leaves_the_other_reads_alone) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    wire good, bad;
    auto reading = rondo::create_task(good.read());
    bad.far.close();
    const std::string end = co_await end_of_wait(rondo::gather(reading, bad.read()));
    BOOST_TEST(end == "eof");
    BOOST_TEST(!reading.done());
    good.arrives("data");
    const std::size_t n = co_await reading.get();
    BOOST_TEST(n == 4u);
  });
}

BOOST_AUTO_TEST_CASE(first_failure_in_a_join_or_group_cancels_the_other_reads_and_their_data_stay) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    wire good, exact, bad, also_bad; // in Boost 1.81 a second read at the end of a stream may wait for ever
    auto group_of_reads = [&](rondo::task_group& group) -> awaitable<void> {
      group.create_task(good.read());
      group.create_task(exact_read(exact));
      group.create_task(also_bad.read());
      co_await rondo::sleep(1min);
    };
    bad.far.close();
    also_bad.far.close();
    const std::string joined = co_await end_of_wait(rondo::join(good.read(), exact_read(exact), bad.read()));
    BOOST_TEST(joined == "eof");
    const std::string grouped = co_await end_of_wait(rondo::with_task_group(group_of_reads));
    BOOST_TEST(grouped == "group");
    BOOST_TEST(rondo::all_tasks().size() == 1u);
    good.arrives("data");
    exact.arrives("more");
    co_await rondo::sleep(200us);
    BOOST_TEST(good.unread() == "data");
    BOOST_TEST(exact.unread() == "more");
  });
}

BOOST_AUTO_TEST_CASE(race_of_reads_gives_all_that_was_read_and_leaves_the_rest_in_the_socket) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    wire a, b;
    a.arrives("first");
    auto [x, y] = (co_await rondo::race(a.read(), b.read()));
    BOOST_TEST((x == 5u));
    BOOST_TEST(!y.has_value());
    b.arrives("later");
    auto [z, late] = (co_await rondo::race(exact_read(b), rondo::sleep(1min)));
    BOOST_TEST((z == 5u && !late));
    for (int i = 0; i < 50; ++i) {
      a.arrives("both");
      b.arrives("both");
      auto [m, n] = (co_await rondo::race(a.read(), exact_read(b)));
      BOOST_TEST((m || n));
      std::string all = a.unread() + b.unread();
      if (m) all += "both";
      if (n) all += "both";
      BOOST_TEST(all == "bothboth");
    }
    a.far.close();
    const std::string closed = co_await end_of_wait(rondo::race(a.read(), b.read()));
    BOOST_TEST(closed == "eof");
  });
}

namespace {

template <class Read>
awaitable<void> race_against_the_clock(Read read) {
  wire w;
  racing_sender sender(150us);
  std::string received;
  for (int i = 0; i < 120; ++i) {
    sender.send(w);
    auto [n, late] = (co_await rondo::race(read(w), rondo::sleep(150us)));
    sender.came(n.has_value());
    if (!n) co_await wait_for(w.read(), patience);
    received += w.bytes[0];
  }
  BOOST_TEST(received == sender.sent());
  BOOST_TEST(sender.both_occurred());
}

} // namespace

BOOST_AUTO_TEST_CASE(read_that_completes_together_with_the_winner_never_loses_data) {
  on_every_loop([&](loop_kind) -> awaitable<void> {
    auto plain_read = [](wire& w) { return w.read(); };
    co_await race_against_the_clock(plain_read);
    co_await race_against_the_clock(&exact_read);
    co_await race_against_the_clock(&read_in_coroutine);
  });
}

BOOST_AUTO_TEST_CASE(wait_and_as_completed_follow_the_sockets_and_take_nothing) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    std::deque<wire> wires(3);
    auto start = [&] {
      std::vector<task<std::size_t>> reads;
      for (wire& w : wires)
        reads.push_back(rondo::create_task(w.read()));
      return reads;
    };
    auto reads = start();
    wires[1].arrives("x");
    const auto first_only = rondo::wait_options().return_when(rondo::return_when::first_completed);
    const auto first = co_await rondo::wait(reads, first_only);
    BOOST_TEST((first.done == std::vector{reads[1]}));
    BOOST_TEST((first.pending == std::vector{reads[0], reads[2]}));
    const auto still = co_await rondo::wait(first.pending, rondo::wait_options().timeout(1ms));
    BOOST_TEST(still.done.empty());
    wires[0].far.close();
    const auto failed =
        co_await rondo::wait(first.pending, rondo::wait_options().return_when(rondo::return_when::first_exception));
    BOOST_TEST((failed.done == std::vector{reads[0]}));
    BOOST_TEST(end_of(reads[0].exception()) == "eof");
    wires[2].arrives("zzz");
    const std::size_t n = co_await reads[2].get();
    BOOST_TEST(n == 3u);

    wires.pop_front();
    auto again = start();
    auto items = rondo::as_completed(again, 40ms);
    wires[1].arrives("zz");
    const auto second = co_await items.next();
    BOOST_TEST((*second == again[1]));
    BOOST_TEST(second->result() == 2u);
    const std::string end = co_await end_of_wait(items.next());
    BOOST_TEST(end == "timeout");
    BOOST_TEST(!again[0].done()); // its time is over for the consumer only
    wires[0].arrives("y");
    const std::size_t m = co_await again[0].get();
    BOOST_TEST(m == 1u);
  });
}

namespace {

/// What the reads of a combinator do when its user has ended with a cancellation: `ended` before, `end`, or `go_on`.
enum class reads { ended, end, go_on };

struct user {
  const char* name;
  std::function<awaitable<void>(wire&, wire&)> use;
  reads then = reads::ended;
};

const user users[] = {
    {"gather", [](wire& a, wire& b) -> awaitable<void> { co_await rondo::gather(a.read(), exact_read(b)); },
     reads::end},
    {"gather_settled",
     [](wire& a, wire& b) -> awaitable<void> { co_await rondo::gather_settled(a.read(), exact_read(b)); }},
    {"join", [](wire& a, wire& b) -> awaitable<void> { co_await rondo::join(a.read(), exact_read(b)); }},
    {"race", [](wire& a, wire& b) -> awaitable<void> { co_await rondo::race(a.read(), exact_read(b)); }},
    {"map_concurrent",
     [](wire& a, wire& b) -> awaitable<void> {
       std::vector<wire*> both{&a, &b};
       auto read = [](wire* w) { return w->read(); };
       co_await rondo::map_concurrent(both, read, 2);
     }},
    {"group",
     [](wire& a, wire& b) -> awaitable<void> {
       auto body = [&](rondo::task_group& group) -> awaitable<void> {
         group.create_task(a.read());
         co_await read_in_coroutine(b);
       };
       co_await rondo::with_task_group(body);
     }},
    {"group that waits for its tasks",
     [](wire& a, wire& b) -> awaitable<void> {
       auto body = [&](rondo::task_group& group) {
         group.create_task(a.read());
         group.create_task(exact_read(b));
       };
       co_await rondo::with_task_group(body);
     }},
    {"wait",
     [](wire& a, wire& b) -> awaitable<void> {
       auto x = rondo::create_task(a.read());
       auto y = rondo::create_task(b.read());
       co_await rondo::wait(x, y);
     },
     reads::go_on},
    {"as_completed",
     [](wire& a, wire& b) -> awaitable<void> {
       auto items = rondo::as_completed(std::nullopt, a.read(), b.read());
       co_await items.next();
     },
     reads::go_on},
    {"shield",
     [](wire& a, wire& b) -> awaitable<void> {
       auto other = rondo::create_task(b.read());
       co_await rondo::shield(a.read());
     },
     reads::go_on},
};

} // namespace

BOOST_AUTO_TEST_CASE(cancel_of_the_user_loses_no_data) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    for (const user& u : users) {
      BOOST_TEST_INFO_SCOPE(u.name);
      wire a, b;
      auto body = [&] { return u.use(a, b); };
      auto t = rondo::create_task(body);
      co_await rondo::sleep(500us);
      BOOST_TEST(t.cancel());
      co_await rondo::settle(t);
      BOOST_TEST(t.cancelled());
      while (u.then == reads::end && rondo::all_tasks().size() > 1)
        co_await plain_timer(50us);
      BOOST_TEST(rondo::all_tasks().size() == (u.then == reads::go_on ? 3u : 1u));
      a.arrives("a");
      b.arrives("b");
      while (rondo::all_tasks().size() > 1)
        co_await plain_timer(50us);
      if (u.then == reads::go_on) BOOST_TEST((a.bytes[0] == 'a' && b.bytes[0] == 'b'));
      BOOST_TEST(a.unread() + b.unread() == (u.then == reads::go_on ? "" : "ab"));
    }
  });
}

BOOST_AUTO_TEST_CASE(shielded_read_outlives_the_time_limit_around_it) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    wire w;
    auto reading = rondo::create_task(w.read());
    for (int i = 0; i < 3; ++i) {
      const std::string end = co_await end_of_wait(wait_for(rondo::shield(reading), 500us));
      BOOST_TEST(end == "timeout");
      BOOST_TEST(!reading.done());
    }
    w.arrives("data");
    const std::size_t n = co_await wait_for(rondo::shield(reading), patience);
    BOOST_TEST(n == 4u);
  });
}

BOOST_AUTO_TEST_CASE(map_concurrent_over_connections_keeps_its_limit_and_the_order) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    std::deque<wire> wires(7);
    int started = 0, open = 0, most = 0;
    auto ask = [&](wire& w) -> awaitable<std::string> {
      most = std::max(most, ++open);
      w.arrives(std::to_string(started++));
      co_await plain_timer(200us);
      const std::size_t n = co_await w.near.async_read_some(asio::buffer(w.bytes), use_task);
      --open;
      co_return std::string(w.bytes.data(), n);
    };
    const auto answers = co_await rondo::map_concurrent(wires, ask, 3);
    std::string all;
    for (const std::string& s : answers)
      all += s;
    BOOST_TEST(all == "0123456");
    BOOST_TEST(most == 3);
    wires[2].far.close();
    wires[2].near.close();
    const std::string end = co_await end_of_wait(rondo::map_concurrent(wires, ask, 3));
    BOOST_TEST(end != "value");
    BOOST_TEST(rondo::all_tasks().size() == 1u);
  });
}

namespace {

/// Sends back each line, until the client has gone.
awaitable<void> echo_lines(tcp_socket peer, int& served) {
  std::string text;
  for (;;) {
    boost::system::error_code ec;
    const std::size_t n =
        co_await asio::async_read_until(peer, asio::dynamic_buffer(text), '\n', asio::redirect_error(use_task, ec));
    if (ec) break;
    co_await asio::async_write(peer, asio::buffer(text, n), use_task);
    text.erase(0, n);
  }
  ++served;
}

/// Gives the number of lines that came back as they were.
awaitable<int> talk(asio::ip::tcp::endpoint server, int lines) {
  tcp_socket s(rondo::get_running_loop().get_executor());
  co_await s.async_connect(server, asio::deferred);
  int good = 0;
  for (int i = 0; i < lines; ++i) {
    const std::string line = std::to_string(i) + "\n";
    co_await asio::async_write(s, asio::buffer(line), asio::deferred);
    std::string reply;
    co_await asio::async_read_until(s, asio::dynamic_buffer(reply), '\n', asio::deferred);
    good += int(reply == line);
    if (i % 3 == 0) co_await plain_timer(100us);
  }
  co_return good;
}

} // namespace

BOOST_AUTO_TEST_CASE(accept_loop_in_a_group_serves_clients_that_come_and_go_until_the_group_is_cancelled) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    tcp_acceptor acceptor(rondo::get_running_loop().get_executor(), any_port());
    const asio::ip::tcp::endpoint server = acceptor.local_endpoint();
    int accepted = 0, served = 0;
    auto serve = [&](rondo::task_group& group) -> awaitable<void> {
      auto accept_loop = [&]() -> awaitable<void> {
        for (;; ++accepted)
          group.create_task(echo_lines(co_await acceptor.async_accept(asio::deferred), served));
      };
      group.create_task(accept_loop);
      std::vector<awaitable<int>> clients;
      for (int i = 0; i < 12; ++i)
        clients.push_back(talk(server, i));
      const std::vector<int> good = co_await rondo::join(std::move(clients));
      for (int i = 0; i < 12; ++i)
        BOOST_TEST(good[static_cast<std::size_t>(i)] == i);
      tcp_socket stays(acceptor.get_executor());
      co_await stays.async_connect(server, asio::deferred);
      while (accepted != 13 || served != 12)
        co_await plain_timer(100us);
      group.cancel("closing time");
      co_await rondo::sleep(1min);
    };
    co_await rondo::with_task_group(serve);
    BOOST_TEST(served == 12); // he who stays is not served to his end
    BOOST_TEST(rondo::all_tasks().size() == 1u);
    BOOST_TEST(rondo::current_task().cancelling() == 0);
    // Nothing was left in the acceptor, and it still works.
    auto [peer, client] = (co_await rondo::join(acceptor.async_accept(asio::deferred), talk(server, 0)));
    BOOST_TEST(peer.is_open());
  });
}
