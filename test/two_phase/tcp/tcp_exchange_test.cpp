// Two TCP transports talk to each other: what is sent arrives, who is whom, what is counted.
// Sockets of the operating system: in real time.
// SPDX-License-Identifier: BSL-1.0
// labels: threads integration
#include "tcp_support.hpp"

#include <rondo/loop_thread.hpp>

#include <atomic>

using namespace tcp_test;

BOOST_AUTO_TEST_SUITE(two_phase_tcp_exchange)

BOOST_AUTO_TEST_CASE(options_are_checked) {
  using std::invalid_argument;
  tp::tcp_transport_options o;
  BOOST_CHECK_EXCEPTION(o.key("too short"), invalid_argument,
                        [](const auto& e) { return contains(e.what(), "at least 16"); });
  BOOST_CHECK_EXCEPTION(tp::tcp_transport(tp::tcp_transport_options().listen("127.0.0.1", 0)), invalid_argument,
                        [](const auto& e) { return contains(e.what(), "needs a key"); });
  BOOST_CHECK_EXCEPTION(tp::tcp_transport(tp::tcp_transport_options().key(secret)), invalid_argument,
                        [](const auto& e) { return contains(e.what(), "or a peer"); });
  BOOST_CHECK_THROW(o.peer(name(""), "a", 1), invalid_argument);
  BOOST_CHECK_THROW(o.peer(name(std::string(256, 'x')), "a", 1), invalid_argument);
  BOOST_CHECK_THROW(o.peer(shop, "", 1), invalid_argument);
  BOOST_CHECK_THROW(o.peer(shop, "a", 0), invalid_argument);
  BOOST_CHECK_THROW(o.listen("", 1), invalid_argument);
  BOOST_CHECK_THROW(o.max_frame_size(1023), invalid_argument);
  BOOST_CHECK_THROW(o.max_frame_size((std::size_t{1} << 30) + 1), invalid_argument);
  BOOST_CHECK_THROW(o.reconnect_delay(0ms, 1ms), invalid_argument);
  BOOST_CHECK_THROW(o.reconnect_delay(2ms, 1ms), invalid_argument);
  BOOST_CHECK_THROW(o.handshake_timeout(0ms), invalid_argument);
  BOOST_CHECK_THROW(o.keepalive(0ms), invalid_argument);
  o.keepalive(std::nullopt).key(bytes(16)).listen("::1", 4000).peer(shop, "shop.example", 4001);
  BOOST_TEST(o.listen()->to_string() == "[::1]:4000");
  BOOST_TEST(o.peers().at(shop).to_string() == "shop.example:4001");
}

BOOST_AUTO_TEST_CASE(every_kind_arrives_in_both_directions) {
  rondo::run([&]() -> awaitable<void> {
    inbox at_stock, at_shop;
    tp::tcp_transport b(server());
    co_await b.open(stock, at_stock);
    BOOST_TEST(b.port() != 0);
    tp::tcp_transport a(client_of(stock, b));
    co_await a.open(shop, at_shop);
    BOOST_TEST(a.port() == 0);
    const auto all = message_test::one_of_each();
    for (const auto& each : all)
      a.send(stock, each);
    co_await eventually([&] { return at_stock.messages.size() == all.size(); });
    BOOST_TEST(std::ranges::equal(at_stock.messages, all));
    for (const auto& each : all) // over the connection on which shop connected: b has no address of it
      b.send(shop, each);
    co_await eventually([&] { return at_shop.messages.size() == all.size(); });
    BOOST_TEST(std::ranges::equal(at_shop.messages, all));
    BOOST_TEST(a.statistics().sent() == all.size());
    BOOST_TEST(a.statistics().received() == all.size());
    BOOST_TEST(b.statistics().sent() == all.size());
    BOOST_TEST(a.statistics().dropped() + b.statistics().dropped() == 0u);
    BOOST_TEST(contains(a.description(), "TCP transport of 'shop', not listening; 'stock' at 127.0.0.1:"));
    BOOST_TEST(contains(a.description(), ", connected"));
    BOOST_TEST(contains(b.description(), "; 'shop', connected from 127.0.0.1:"));
    co_await a.close(5s);
    co_await b.close(5s);
    BOOST_TEST(at_stock.reports.size() + at_shop.reports.size() == 0u);
  });
}

BOOST_AUTO_TEST_CASE(two_threads_exchange_messages) {
  struct side {
    inbox box;
    std::optional<tp::tcp_transport> transport;
  } a, b;
  constexpr std::uint64_t count = 20'000;
  std::atomic<std::uint64_t> answered{0};
  rondo::loop_thread first, second;
  const auto open_b = [&]() -> awaitable<void> {
    b.transport.emplace(server());
    b.box.arrived = [&](const tp::message& what) {
      b.transport->send(shop, tp::message(tp::message_kind::vote, what.branch()).sender(stock));
    };
    co_await b.transport->open(stock, b.box);
  };
  second.submit(open_b).result();
  a.transport.emplace(client_of(stock, *b.transport));
  const auto open_a = [&]() -> awaitable<void> {
    a.box.arrived = [&](const tp::message&) { ++answered; };
    co_await a.transport->open(shop, a.box);
    for (std::uint64_t i = 0; i < count; ++i) {
      a.transport->send(stock, numbered(i, i % 200));
      if (i % 100 == 0) co_await rondo::sleep(0s);
    }
    co_await eventually([&] { return answered == count; });
  };
  const auto sending = first.submit(open_a);
  std::uint64_t dropped = 0;
  while (answered < count / 2)
    dropped += a.transport->statistics().dropped(); // from another thread
  sending.result();
  BOOST_TEST(dropped == 0u);
  BOOST_TEST(b.box.messages.size() == count);
  for (std::uint64_t i = 0; i < count; ++i)
    BOOST_TEST_REQUIRE((b.box.messages[i] == numbered(i, i % 200)));
  const auto close = [](side& one) -> awaitable<void> {
    co_await one.transport->close(5s);
    one.transport.reset();
  };
  first.submit(close(a)).result();
  second.submit(close(b)).result();
}

BOOST_AUTO_TEST_CASE(both_sides_may_listen_and_connect) {
  rondo::run([&]() -> awaitable<void> {
    inbox at_stock, at_shop;
    // The ports are not known before both are open.
    std::optional<tp::tcp_transport> probe(std::in_place, server());
    co_await probe->open(shop, at_shop);
    const auto port = probe->port();
    co_await probe->close(1s);
    tp::tcp_transport b(server().peer(shop, "127.0.0.1", port));
    co_await b.open(stock, at_stock);
    tp::tcp_transport a(client_of(stock, b).listen("127.0.0.1", port));
    co_await a.open(shop, at_shop);
    co_await rondo::sleep(30ms);
    BOOST_TEST(contains(a.description(), "not connected")); // who listens connects when there is something to send
    for (std::uint64_t i = 0; i < 50; ++i) {
      a.send(stock, numbered(i));
      b.send(shop, numbered(i));
      co_await rondo::sleep(0s);
    }
    co_await eventually([&] { return at_stock.messages.size() == 50 && at_shop.messages.size() == 50; });
    co_await a.close(5s);
    co_await b.close(5s);
    BOOST_TEST(at_stock.reports.size() + at_shop.reports.size() == 0u);
  });
}

BOOST_AUTO_TEST_CASE(names_of_hosts_are_resolved) {
  rondo::run([&]() -> awaitable<void> {
    inbox at_stock, at_shop;
    tp::tcp_transport b(quick().listen("localhost", 0));
    co_await b.open(stock, at_stock);
    tp::tcp_transport a(quick().peer(stock, "localhost", b.port()).peer(name("nobody"), "no-such-host.invalid", 1));
    co_await a.open(shop, at_shop);
    a.send(stock, numbered(1));
    co_await eventually([&] { return at_stock.messages.size() == 1; });
    co_await a.close(0s); // also while a name is being resolved
    co_await b.close(1s);
  });
}

BOOST_AUTO_TEST_CASE(messages_for_nobody_are_dropped) {
  rondo::run([&]() -> awaitable<void> {
    inbox box;
    tp::tcp_transport t(server());
    t.send(stock, numbered(1));
    BOOST_TEST(t.statistics().dropped() == 1u);
    co_await t.close(1s); // ignored
    co_await t.open(shop, box);
    BOOST_TEST(t.statistics().dropped() == 0u); // numbers since it was opened
    t.send(stock, numbered(2));
    t.send(shop, numbered(3)); // not to itself either
    BOOST_TEST(t.statistics().dropped() == 2u);
    co_await t.close(1s);
    t.send(stock, numbered(4));
    BOOST_TEST(t.statistics().dropped() == 3u);
    BOOST_TEST(box.reports.empty());
  });
}

BOOST_AUTO_TEST_CASE(a_message_that_is_too_long_is_not_sent) {
  rondo::run([&]() -> awaitable<void> {
    inbox at_stock, at_shop;
    tp::tcp_transport b(server().max_frame_size(2000));
    co_await b.open(stock, at_stock);
    tp::tcp_transport a(client_of(stock, b).max_frame_size(2000));
    co_await a.open(shop, at_shop);
    const std::size_t overhead = tp::encode_message(numbered(1)).size();
    a.send(stock, numbered(1, 2000 - overhead));
    a.send(stock, numbered(2, 2001 - overhead));
    BOOST_TEST(a.statistics().dropped() == 1u);
    BOOST_TEST(at_shop.reports.empty()); // a receiver is not called while it sends
    co_await eventually([&] { return !at_shop.reports.empty(); });
    BOOST_TEST(at_shop.reported("a prepare message of 2001 bytes for 'stock' was not sent: 2000 are allowed"));
    BOOST_TEST(a.statistics().rejected() == 1u);
    a.send(stock, numbered(3));
    co_await eventually([&] { return at_stock.messages.size() == 2; });
    BOOST_TEST(at_stock.messages[0].payload().size() == 2000 - overhead);
    co_await a.close(1s);
    co_await b.close(1s);
  });
}

BOOST_AUTO_TEST_CASE(a_peer_with_a_smaller_limit_cuts_the_connection) {
  rondo::run([&]() -> awaitable<void> {
    inbox at_stock, at_shop;
    tp::tcp_transport b(server().max_frame_size(2000));
    co_await b.open(stock, at_stock);
    tp::tcp_transport a(client_of(stock, b));
    co_await a.open(shop, at_shop);
    a.send(stock, numbered(1, 5000));
    co_await eventually([&] { return at_stock.reported("bytes, but 2000 are allowed here (max_frame_size)"); });
    BOOST_TEST(at_stock.reported("the connection with 'shop' at 127.0.0.1:"));
    BOOST_TEST(at_stock.messages.empty());
    co_await a.close(0s);
    co_await b.close(1s);
  });
}

BOOST_AUTO_TEST_CASE(a_port_that_is_taken_is_explained) {
  rondo::run([&]() -> awaitable<void> {
    inbox box;
    tp::tcp_transport first(server());
    co_await first.open(stock, box);
    tp::tcp_transport second(quick().listen("127.0.0.1", first.port()));
    std::string what;
    try {
      co_await second.open(shop, box);
    } catch (const boost::system::system_error& e) {
      BOOST_TEST((e.code() == asio::error::address_in_use));
      what = e.what();
    }
    BOOST_TEST(contains(what, "'shop' cannot listen on 127.0.0.1:" + std::to_string(first.port())));
    BOOST_TEST(contains(what, "another process listens there"));
    co_await first.close(1s);
    co_await second.open(shop, box); // nothing has changed, so it can try again
    co_await second.close(1s);
  });
}

BOOST_AUTO_TEST_CASE(other_errors_of_open_are_explained) {
  rondo::run([&]() -> awaitable<void> {
    inbox box;
    const auto error_of = [&](tp::tcp_transport& t, const tp::participant_name& self) -> awaitable<std::string> {
      try {
        co_await t.open(self, box);
      } catch (const std::exception& e) {
        co_return e.what();
      }
      co_return "";
    };
    tp::tcp_transport elsewhere(quick().listen("192.0.2.1", 0));
    std::string what = co_await error_of(elsewhere, shop);
    BOOST_TEST(contains(what, "cannot listen on 192.0.2.1:0 (take an address of this machine"));
    tp::tcp_transport unknown(quick().listen("no-such-host.invalid", 0));
    what = co_await error_of(unknown, shop);
    BOOST_TEST(contains(what, "cannot listen on no-such-host.invalid:0"));
    tp::tcp_transport t(server());
    const tp::participant_name nameless("");
    what = co_await error_of(t, nameless);
    BOOST_TEST(contains(what, "1 to 255 bytes"));
    co_await t.open(shop, box);
    what = co_await error_of(t, shop);
    BOOST_TEST(contains(what, "is open already"));
    co_await t.close(1s);
  });
}

BOOST_AUTO_TEST_CASE(a_receiver_that_throws_loses_only_that_message) {
  rondo::run([&]() -> awaitable<void> {
    int failures = 0;
    rondo::get_running_loop().set_exception_handler(
        [&](rondo::event_loop, const rondo::exception_context&) { ++failures; });
    inbox at_stock, at_shop;
    tp::tcp_transport b(server());
    co_await b.open(stock, at_stock);
    at_stock.arrived = [](const tp::message& what) {
      if (what.transaction().seq() == 1) throw std::runtime_error("not this one");
    };
    tp::tcp_transport a(client_of(stock, b));
    co_await a.open(shop, at_shop);
    for (std::uint64_t i = 0; i < 3; ++i)
      a.send(stock, numbered(i));
    co_await eventually([&] { return at_stock.messages.size() == 3; });
    BOOST_TEST(failures == 1);
    at_stock.rejected = [] { throw std::runtime_error("no reports either"); };
    raw_peer stranger;
    co_await stranger.connect(b.port());
    co_await stranger.send_text("what is this port for?");
    co_await eventually([&] { return failures == 2; });
    co_await a.close(1s);
    co_await b.close(1s);
  });
}

BOOST_AUTO_TEST_SUITE_END()
