// What a TCP transport does with those who do not know the key, or who know it and do not keep to the protocol.
// Sockets of the operating system: in real time.
// SPDX-License-Identifier: BSL-1.0
// labels: threads integration
#include "tcp_support.hpp"

#include <random>

using namespace tcp_test;

namespace {

constexpr std::string_view other_secret = "another secret, of another company";

/// A transport called stock that listens, and a raw socket that is connected to it.
struct scene {
  scene() : scene(server()) {}
  explicit scene(tp::tcp_transport_options options) : stock_service(std::move(options)) {}

  awaitable<void> begin() {
    co_await stock_service.open(stock, box);
    co_await intruder.connect(stock_service.port());
  }

  awaitable<void> begin_as_shop() {
    co_await begin();
    co_await intruder.shake_hands("shop", "stock");
  }

  /// The connection was ended, somebody was told why, and the service goes on.
  awaitable<void> expect_end(std::string_view report) {
    co_await intruder.read_to_the_end();
    BOOST_TEST(box.reported(report), "no report of '" << report << "'");
    for (const auto& each : box.reports)
      BOOST_TEST_MESSAGE(each);
    BOOST_TEST(stock_service.statistics().rejected() == box.reports.size());
    raw_peer honest;
    co_await honest.connect(stock_service.port());
    co_await honest.shake_hands("honest", "stock");
    const auto before = box.messages.size();
    co_await honest.send(honest.frame_of(numbered(77)));
    co_await eventually([&] { return box.messages.size() == before + 1; });
    co_await stock_service.close(0s);
  }

  inbox box;
  tp::tcp_transport stock_service;
  raw_peer intruder;
};

} // namespace

BOOST_AUTO_TEST_SUITE(two_phase_tcp_attack)

BOOST_AUTO_TEST_CASE(a_client_with_another_key_is_refused) {
  rondo::run([]() -> awaitable<void> {
    scene s;
    co_await s.begin();
    std::string what;
    try {
      co_await s.intruder.shake_hands("shop", "stock", other_secret);
    } catch (const wire::handshake_error& e) {
      what = e.what();
    }
    BOOST_TEST(what == "it has another key");
    s.intruder.socket.close();
    co_await eventually([&] { return s.box.reported("in the middle of the handshake; has it another key?"); });
    co_await s.stock_service.close(0s);
  });
}

BOOST_AUTO_TEST_CASE(a_client_that_does_not_care_about_our_proof_must_still_prove) {
  rondo::run([]() -> awaitable<void> {
    scene s;
    co_await s.begin();
    const wire::handshake hello("shop", "stock", wire::random_bytes());
    co_await s.intruder.send(wire::encode_hello(hello));
    bytes answer(wire::answer_head_size + wire::welcome_tail_size);
    co_await asio::async_read(s.intruder.socket, asio::buffer(answer));
    // The server's own proof, sent back to it.
    co_await s.intruder.send(bytes(answer.end() - wire::mac_size, answer.end()));
    co_await s.expect_end("calls itself 'shop', and has another key");
  });
}

BOOST_AUTO_TEST_CASE(transports_with_different_keys_explain_it) {
  rondo::run([]() -> awaitable<void> {
    inbox at_stock, at_shop;
    tp::tcp_transport b(server());
    co_await b.open(stock, at_stock);
    tp::tcp_transport a(client_of(stock, b).key(other_secret));
    co_await a.open(shop, at_shop);
    a.send(stock, numbered(1));
    const auto explained = [&] { return at_shop.reported("the connection to 'stock' at 127.0.0.1:"); };
    co_await eventually(explained);
    BOOST_TEST(at_shop.reported("failed: it has another key"));
    BOOST_TEST(contains(a.description(), "not connected: it has another key"));
    co_await eventually([&] { return at_stock.reported("has it another key?"); });
    BOOST_TEST(at_stock.messages.empty());
    co_await a.close(0s);
    co_await b.close(1s);
  });
}

BOOST_AUTO_TEST_CASE(a_connection_for_another_service_is_refused) {
  rondo::run([]() -> awaitable<void> {
    inbox at_stock, at_shop;
    tp::tcp_transport b(server());
    co_await b.open(stock, at_stock);
    tp::tcp_transport a(client_of(name("pay"), b));
    co_await a.open(shop, at_shop);
    co_await eventually([&] { return !at_stock.reports.empty() && !at_shop.reports.empty(); });
    BOOST_TEST(at_stock.reported("'shop' wants to reach 'pay', but this is 'stock'"));
    BOOST_TEST(at_shop.reported("the connection to 'pay' at 127.0.0.1:"));
    BOOST_TEST(at_shop.reported("the service there has another name; is its address right?"));
    co_await a.close(0s);
    co_await b.close(1s);
  });
}

BOOST_AUTO_TEST_CASE(two_services_of_one_name_are_refused) {
  rondo::run([]() -> awaitable<void> {
    scene s;
    co_await s.begin();
    std::string what;
    try {
      co_await s.intruder.shake_hands("stock", "stock");
    } catch (const wire::handshake_error& e) {
      what = e.what();
    }
    BOOST_TEST(contains(what, "the service there has the name of this one"));
    co_await s.expect_end("it calls itself 'stock', which is the name of this service");
  });
}

BOOST_AUTO_TEST_CASE(another_version_is_refused_and_told_so) {
  rondo::run([]() -> awaitable<void> {
    scene s;
    co_await s.begin();
    auto hello = wire::encode_hello(wire::handshake("shop", "stock", wire::random_bytes()));
    hello[8] = std::byte{2};
    co_await s.intruder.send(hello);
    bytes answer(wire::answer_head_size);
    co_await asio::async_read(s.intruder.socket, asio::buffer(answer));
    BOOST_TEST((answer.back() == static_cast<std::byte>(wire::verdict::other_version)));
    co_await s.expect_end("it speaks version 2 of the protocol, and this program version 1");
  });
}

BOOST_AUTO_TEST_CASE(a_name_with_control_characters_does_not_reach_the_log) {
  rondo::run([]() -> awaitable<void> {
    scene s;
    co_await s.begin();
    co_await s.intruder.send(wire::encode_hello(wire::handshake("a\nb\x1B", "c\r", wire::random_bytes())));
    co_await s.expect_end("'a?b?' wants to reach 'c?'");
  });
}

BOOST_AUTO_TEST_CASE(garbage_is_refused) {
  rondo::run([]() -> awaitable<void> {
    scene s;
    co_await s.begin();
    co_await s.intruder.send_text("GET / HTTP/1.1\r\nHost: stock\r\n\r\n");
    co_await s.expect_end("it does not speak the protocol of rondo's TCP transport");
  });
}

BOOST_AUTO_TEST_CASE(random_bytes_are_refused) {
  rondo::run([]() -> awaitable<void> {
    scene s;
    co_await s.begin();
    std::mt19937_64 random(11);
    for (int i = 0; i < 200; ++i) {
      raw_peer peer;
      co_await peer.connect(s.stock_service.port());
      bytes hello = wire::encode_hello(wire::handshake("shop", "stock", wire::random_bytes()));
      hello.resize(random() % 200);
      for (auto flips = random() % 3; flips > 0 && !hello.empty(); --flips)
        hello[random() % hello.size()] = static_cast<std::byte>(random());
      co_await peer.send(hello);
      if (i % 2 == 0) peer.socket.shutdown(asio::socket_base::shutdown_send);
      if (i % 4 == 0) co_await peer.read_to_the_end();
    }
    s.intruder.socket.close();
    BOOST_TEST(s.box.messages.empty());
    co_await s.expect_end("");
  });
}

BOOST_AUTO_TEST_CASE(who_connects_and_leaves_is_not_reported) {
  rondo::run([]() -> awaitable<void> {
    scene s;
    co_await s.begin();
    for (int i = 0; i < 300; ++i) {
      raw_peer probe;
      co_await probe.connect(s.stock_service.port());
    }
    s.intruder.socket.close();
    co_await rondo::sleep(20ms);
    BOOST_TEST(s.box.reports.empty());
    co_await s.stock_service.close(0s);
  });
}

BOOST_AUTO_TEST_CASE(many_silent_connections_do_not_keep_others_out) {
  rondo::run([]() -> awaitable<void> {
    scene s;
    co_await s.begin();
    std::deque<raw_peer> silent(300);
    for (raw_peer& each : silent)
      co_await each.connect(s.stock_service.port());
    co_await s.expect_end("more than 256 connections have not finished their handshakes: the oldest is ended");
  });
}

BOOST_AUTO_TEST_CASE(a_handshake_that_trickles_ends_in_time) {
  rondo::run([]() -> awaitable<void> {
    scene s(server().handshake_timeout(500ms));
    co_await s.begin();
    const auto hello = wire::encode_hello(wire::handshake("shop", "stock", wire::random_bytes()));
    const auto begin = std::chrono::steady_clock::now();
    boost::system::error_code ec;
    for (std::size_t i = 0; i < hello.size() && !ec; ++i) {
      co_await asio::async_write(s.intruder.socket, asio::buffer(&hello[i], 1),
                                 asio::redirect_error(rondo::use_task, ec));
      co_await rondo::sleep(20ms);
    }
    BOOST_TEST(static_cast<bool>(ec));
    BOOST_TEST((std::chrono::steady_clock::now() - begin < 5s));
    co_await s.expect_end("did not finish the handshake in 0.5 s");
  });
}

BOOST_AUTO_TEST_CASE(a_repeated_frame_ends_the_connection) {
  rondo::run([]() -> awaitable<void> {
    scene s;
    co_await s.begin_as_shop();
    const auto frame = s.intruder.frame_of(numbered(1));
    co_await s.intruder.send(frame);
    co_await s.intruder.send(frame);
    co_await s.expect_end("frame 0 came instead of frame 1: frames were repeated, reordered or left out");
    BOOST_TEST(s.box.messages.size() == 2u); // the second is the honest one's
  });
}

BOOST_AUTO_TEST_CASE(reordered_frames_end_the_connection) {
  rondo::run([]() -> awaitable<void> {
    scene s;
    co_await s.begin_as_shop();
    const auto first = s.intruder.frame_of(numbered(1));
    co_await s.intruder.send(s.intruder.frame_of(numbered(2)));
    co_await s.intruder.send(first);
    co_await s.expect_end("frame 1 came instead of frame 0");
  });
}

BOOST_AUTO_TEST_CASE(a_changed_frame_ends_the_connection) {
  rondo::run([]() -> awaitable<void> {
    scene s;
    co_await s.begin_as_shop();
    auto frame = s.intruder.frame_of(numbered(1, 10));
    frame[60] ^= std::byte{1};
    co_await s.intruder.send(frame);
    co_await s.expect_end("frame 0 was forged or damaged");
  });
}

BOOST_AUTO_TEST_CASE(a_frame_of_another_connection_is_refused) {
  rondo::run([]() -> awaitable<void> {
    scene s;
    co_await s.begin_as_shop();
    raw_peer other;
    co_await other.connect(s.stock_service.port());
    co_await other.shake_hands("pay", "stock");
    co_await s.intruder.send(other.frame_of(numbered(1)));
    co_await s.expect_end("frame 0 was forged or damaged");
  });
}

BOOST_AUTO_TEST_CASE(a_frame_that_is_sent_back_is_refused) {
  rondo::run([]() -> awaitable<void> {
    scene s;
    co_await s.begin_as_shop();
    co_await eventually([&] { return contains(s.stock_service.description(), "'shop', connected"); });
    s.stock_service.send(shop, numbered(1));
    bytes frame(tp::encode_message(numbered(1)).size() + wire::frame_overhead);
    co_await asio::async_read(s.intruder.socket, asio::buffer(frame));
    co_await s.intruder.send(frame);
    co_await s.expect_end("frame 0 was forged or damaged");
  });
}

BOOST_AUTO_TEST_CASE(a_frame_that_is_cut_is_reported) {
  rondo::run([]() -> awaitable<void> {
    scene s;
    co_await s.begin_as_shop();
    auto frame = s.intruder.frame_of(numbered(1));
    frame.resize(frame.size() - 1);
    co_await s.intruder.send(frame);
    s.intruder.socket.shutdown(asio::socket_base::shutdown_send);
    co_await s.expect_end("ended in the middle of a frame");
  });
}

BOOST_AUTO_TEST_CASE(a_message_that_cannot_be_read_is_reported_and_the_connection_stays) {
  rondo::run([]() -> awaitable<void> {
    scene s;
    co_await s.begin_as_shop();
    co_await s.intruder.send(s.intruder.frame(wire::frame_kind::message, bytes(3, std::byte{1})));
    co_await s.intruder.send(s.intruder.frame(wire::frame_kind::message));
    co_await s.intruder.send(s.intruder.frame_of(numbered(1)));
    co_await eventually([&] { return s.box.messages.size() == 1; });
    BOOST_TEST(s.box.reports.size() == 2u);
    BOOST_TEST(s.box.reported("'shop' at 127.0.0.1:"));
    BOOST_TEST(s.box.reported("sent a vote message that is damaged"));
    BOOST_TEST(s.box.reported("sent a message without bytes"));
    co_await s.stock_service.close(0s);
  });
}

BOOST_AUTO_TEST_CASE(a_client_does_not_talk_to_a_server_without_the_key) {
  rondo::run([]() -> awaitable<void> {
    raw_server impostor;
    inbox box;
    tp::tcp_transport t(quick().peer(stock, "127.0.0.1", impostor.port()));
    co_await t.open(shop, box);
    t.send(stock, numbered(1));
    raw_peer connected;
    co_await impostor.accept(connected);
    bytes hello(wire::hello_head_size + 9);
    co_await asio::async_read(connected.socket, asio::buffer(hello));
    co_await connected.send(wire::encode_answer(wire::verdict::welcome, wire::random_bytes(), wire::digest{}));
    const std::size_t more = co_await connected.read_to_the_end();
    BOOST_TEST(more == 0u);
    co_await eventually([&] { return box.reported("failed: it has another key"); });
    impostor.close();
    co_await t.close(0s);
  });
}

BOOST_AUTO_TEST_SUITE_END()
