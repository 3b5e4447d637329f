// TCP transports when peers restart, do not read, fall silent or are not there.
// Sockets of the operating system: in real time.
// SPDX-License-Identifier: BSL-1.0
// labels: threads integration
#include "tcp_support.hpp"

using namespace tcp_test;

BOOST_AUTO_TEST_SUITE(two_phase_tcp_trouble)

BOOST_AUTO_TEST_CASE(a_server_that_restarts_gets_what_was_sent_meanwhile) {
  rondo::run([]() -> awaitable<void> {
    inbox at_stock, at_shop;
    const auto port = free_port();
    tp::tcp_transport a(quick().peer(stock, "127.0.0.1", port));
    co_await a.open(shop, at_shop);
    std::size_t expected = 0;
    for (std::uint64_t life = 0; life < 3; ++life) {
      for (std::uint64_t i = 0; i < 10; ++i)
        a.send(stock, numbered(10 * life + i)); // nobody is there yet, or any more
      tp::tcp_transport b(quick().listen("127.0.0.1", port));
      co_await b.open(stock, at_stock);
      expected += 10;
      co_await eventually([&] { return at_stock.messages.size() == expected; });
      co_await b.close(1s);
      co_await eventually([&] { return contains(a.description(), "not connected"); });
    }
    for (std::size_t i = 0; i < expected; ++i)
      BOOST_TEST((at_stock.messages[i] == numbered(i)));
    BOOST_TEST(a.statistics().dropped() == 0u);
    co_await a.close(0s);
    BOOST_TEST(at_shop.reports.empty());
  });
}

BOOST_AUTO_TEST_CASE(messages_flow_again_after_a_server_has_died) {
  rondo::run([]() -> awaitable<void> {
    inbox at_stock, at_shop;
    const auto port = free_port();
    tp::tcp_transport a(quick().peer(stock, "127.0.0.1", port));
    co_await a.open(shop, at_shop);
    for (int life = 0; life < 5; ++life) {
      tp::tcp_transport b(quick().listen("127.0.0.1", port));
      co_await b.open(stock, at_stock); // its predecessor has the port no longer, although its tasks have not ended
      const std::size_t before = at_stock.messages.size();
      const auto arrives = [&] { // what was in the buffers of a dying server is lost, and sent again by the protocol
        a.send(stock, numbered(1));
        return at_stock.messages.size() > before;
      };
      co_await eventually(arrives);
    }
    BOOST_TEST(at_stock.messages.size() >= 5u);
    co_await a.close(0s);
  });
}

BOOST_AUTO_TEST_CASE(a_client_that_restarts_gets_what_waits_for_it) {
  rondo::run([]() -> awaitable<void> {
    inbox at_stock;
    tp::tcp_transport b(server().reconnect_delay(5ms, 10s));
    co_await b.open(stock, at_stock);
    std::uint64_t next = 0;
    for (int life = 0; life < 3; ++life) {
      inbox at_shop;
      tp::tcp_transport a(client_of(stock, b));
      co_await a.open(shop, at_shop);
      co_await eventually([&] { return contains(b.description(), "'shop', connected from"); });
      b.send(shop, numbered(next++));
      const auto all = [&] { return !at_shop.messages.empty() && at_shop.messages.back() == numbered(next - 1); };
      co_await eventually(all);
      BOOST_TEST(at_shop.messages.size() == (life == 0 ? 1u : 2u));
      co_await a.close(1s);
      co_await eventually([&] { return contains(b.description(), "'shop', not connected: the peer has closed"); });
      b.send(shop, numbered(next++)); // waits
    }
    co_await b.close(0s);
  });
}

BOOST_AUTO_TEST_CASE(a_client_that_does_not_come_back_is_forgotten) {
  rondo::run([]() -> awaitable<void> {
    inbox at_stock, at_shop;
    tp::tcp_transport b(server().reconnect_delay(5ms, 400ms));
    co_await b.open(stock, at_stock);
    tp::tcp_transport a(client_of(stock, b));
    co_await a.open(shop, at_shop);
    co_await eventually([&] { return contains(b.description(), "'shop', connected from"); });
    co_await a.close(1s);
    co_await eventually([&] { return contains(b.description(), "'shop', not connected"); });
    b.send(shop, numbered(1));
    BOOST_TEST(b.statistics().dropped() == 0u);
    co_await eventually([&] { return !contains(b.description(), "shop"); });
    BOOST_TEST(b.statistics().dropped() == 1u);
    co_await b.close(0s);
  });
}

BOOST_AUTO_TEST_CASE(what_was_not_written_completely_is_sent_again) {
  rondo::run([]() -> awaitable<void> {
    raw_server listener;
    inbox box;
    tp::tcp_transport t(quick().peer(stock, "127.0.0.1", listener.port()).send_queue_limit(std::size_t{64} << 20));
    co_await t.open(shop, box);
    constexpr std::uint64_t count = 2000;
    for (std::uint64_t i = 0; i < count; ++i)
      t.send(stock, numbered(i, 10'000)); // more than the kernel's buffers hold
    {
      raw_peer first;
      co_await listener.accept(first);
      co_await first.take_hand("stock");
      const auto some = co_await first.read_messages(10);
      BOOST_TEST((some[9] == numbered(9, 10'000)));
    }
    raw_peer second;
    co_await listener.accept(second);
    co_await second.take_hand("stock");
    std::uint64_t expected = 0;
    while (expected < count) {
      for (const auto& each : co_await second.read_messages(1)) {
        if (expected == 0) expected = each.transaction().seq();
        BOOST_TEST_REQUIRE(each.transaction().seq() == expected++);
      }
    }
    BOOST_TEST(t.statistics().sent() + t.statistics().dropped() <= count);
    co_await t.close(0s);
  });
}

BOOST_AUTO_TEST_CASE(a_peer_that_does_not_read_costs_bounded_memory) {
  rondo::run([]() -> awaitable<void> {
    raw_server listener;
    inbox box;
    constexpr std::size_t limit = std::size_t{1} << 20;
    tp::tcp_transport t(
        quick().peer(stock, "127.0.0.1", listener.port()).send_queue_limit(limit).keepalive(std::nullopt));
    co_await t.open(shop, box);
    raw_peer peer;
    co_await listener.accept(peer);
    co_await peer.take_hand("stock");
    const std::size_t size = tp::encode_message(numbered(1, 10'000)).size() + wire::frame_overhead;
    std::uint64_t sent = 0;
    for (; sent < 3000; ++sent) { // 30 MB, more than the kernel's buffers take
      t.send(stock, numbered(sent, 10'000));
      if (sent % 20 == 0) co_await rondo::sleep(1ms);
    }
    const auto counted = t.statistics();
    BOOST_TEST(counted.dropped() > 0u);
    const auto waiting = sent - counted.sent() - counted.dropped();
    BOOST_TEST(waiting * size <= limit);
    BOOST_TEST(box.reports.empty());
    // Once it reads, it gets what was not dropped.
    const auto got = co_await peer.read_messages(sent - counted.dropped());
    BOOST_TEST(got.size() == sent - counted.dropped());
    co_await eventually([&] { return t.statistics().sent() == sent - counted.dropped(); });
    co_await t.close(0s);
  });
}

BOOST_AUTO_TEST_CASE(a_peer_that_falls_silent_is_cut_off) {
  rondo::run([]() -> awaitable<void> {
    raw_server listener;
    inbox box;
    tp::tcp_transport t(quick().peer(stock, "127.0.0.1", listener.port()).keepalive(40ms));
    co_await t.open(shop, box);
    raw_peer silent;
    co_await listener.accept(silent);
    const auto begin = std::chrono::steady_clock::now();
    co_await silent.take_hand("stock");
    const std::size_t read = co_await silent.read_to_the_end();
    BOOST_TEST(read == wire::frame_overhead); // one ping
    BOOST_TEST((std::chrono::steady_clock::now() - begin >= 70ms));
    raw_peer again; // and it connects anew
    co_await listener.accept(again);
    listener.close();
    co_await t.close(0s);
  });
}

BOOST_AUTO_TEST_CASE(a_peer_that_answers_pings_stays) {
  rondo::run([]() -> awaitable<void> {
    inbox at_stock, at_shop;
    tp::tcp_transport b(server().keepalive(20ms));
    co_await b.open(stock, at_stock);
    tp::tcp_transport a(client_of(stock, b).keepalive(std::nullopt));
    co_await a.open(shop, at_shop);
    co_await eventually([&] { return contains(b.description(), "connected from"); });
    const auto connected = b.description();
    co_await rondo::sleep(300ms);
    BOOST_TEST(b.description() == connected); // the client's port is in it
    co_await a.close(1s);
    co_await b.close(1s);
  });
}

BOOST_AUTO_TEST_CASE(a_newer_connection_of_a_name_replaces_the_older) {
  rondo::run([]() -> awaitable<void> {
    inbox box;
    tp::tcp_transport t(server());
    co_await t.open(stock, box);
    raw_peer first, second;
    co_await first.connect(t.port());
    co_await first.shake_hands("shop", "stock");
    co_await eventually([&] { return contains(t.description(), "connected from"); });
    co_await second.connect(t.port());
    co_await second.shake_hands("shop", "stock");
    co_await first.read_to_the_end();
    t.send(shop, numbered(1));
    const auto got = co_await second.read_messages(1);
    BOOST_TEST((got[0] == numbered(1)));
    co_await t.close(0s);
  });
}

BOOST_AUTO_TEST_CASE(connecting_again_takes_longer_and_longer) {
  rondo::run([]() -> awaitable<void> {
    raw_server listener;
    inbox box;
    tp::tcp_transport t(quick().peer(stock, "127.0.0.1", listener.port()).reconnect_delay(20ms, 160ms));
    co_await t.open(shop, box);
    std::vector<std::chrono::steady_clock::time_point> times;
    for (int i = 0; i < 7; ++i) {
      raw_peer refused;
      co_await listener.accept(refused);
      times.push_back(std::chrono::steady_clock::now());
    }
    // 20, 40, 80, 160, 160, 160 ms, each up to half of it less.
    BOOST_TEST((times[6] - times[0] >= 310ms));
    BOOST_TEST((times[6] - times[5] >= 80ms));
    BOOST_TEST((times[1] - times[0] >= 10ms));
    co_await t.close(0s);
  });
}

BOOST_AUTO_TEST_CASE(a_server_that_is_not_there_is_tried_again_only_when_something_waits) {
  rondo::run([]() -> awaitable<void> {
    inbox box;
    tp::tcp_transport t(server().peer(stock, "127.0.0.1", free_port()));
    co_await t.open(shop, box);
    const std::size_t idle = count_tasks();
    co_await rondo::sleep(20ms);
    BOOST_TEST(count_tasks() == idle);
    t.send(stock, numbered(1));
    co_await eventually([&] { return contains(t.description(), "not connected: Connection refused"); });
    BOOST_TEST(count_tasks() == idle + 1);
    BOOST_TEST(box.reports.empty()); // nothing has arrived
    co_await t.close(0s);
    BOOST_TEST(count_tasks() == 1u);
  });
}

BOOST_AUTO_TEST_CASE(many_connections_come_and_go) {
  rondo::run([]() -> awaitable<void> {
    inbox box;
    tp::tcp_transport t(server());
    co_await t.open(stock, box);
    const std::size_t idle = count_tasks();
    for (int i = 0; i < 200; ++i) {
      raw_peer peer;
      co_await peer.connect(t.port());
      co_await peer.shake_hands("shop" + std::to_string(i % 5), "stock");
      co_await peer.send(peer.frame_of(numbered(1)));
      if (i % 2 == 0) co_await eventually([&] { return box.messages.size() > 0; });
    }
    co_await eventually([&] { return count_tasks() == idle; });
    BOOST_TEST(box.reports.empty());
    co_await t.close(0s);
  });
}

BOOST_AUTO_TEST_SUITE_END()
