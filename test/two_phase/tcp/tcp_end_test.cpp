// How TCP transports end: closed, destroyed, or with their loop.
// Sockets of the operating system: in real time.
// SPDX-License-Identifier: BSL-1.0
// labels: threads integration
#include "tcp_support.hpp"

#include <boost/asio/io_context.hpp>

using namespace tcp_test;

BOOST_AUTO_TEST_SUITE(two_phase_tcp_end)

BOOST_AUTO_TEST_CASE(close_sends_what_waits_and_hands_nothing_over) {
  rondo::run([]() -> awaitable<void> {
    inbox at_stock, at_shop;
    tp::tcp_transport b(server());
    co_await b.open(stock, at_stock);
    tp::tcp_transport a(client_of(stock, b));
    co_await a.open(shop, at_shop);
    at_stock.arrived = [&](const tp::message&) { b.send(shop, numbered(1000)); }; // answers, which nobody reads
    constexpr std::uint64_t count = 5000;
    for (std::uint64_t i = 0; i < count; ++i)
      a.send(stock, numbered(i, 1000)); // before it is connected
    co_await a.close(20s);
    co_await eventually([&] { return at_stock.messages.size() == count; });
    BOOST_TEST(a.statistics().sent() == count);
    BOOST_TEST(at_shop.messages.empty());
    co_await b.close(1s);
    BOOST_TEST(count_tasks() == 1u);
  });
}

BOOST_AUTO_TEST_CASE(close_takes_no_longer_than_its_limit) {
  rondo::run([]() -> awaitable<void> {
    raw_server listener;
    inbox box;
    tp::tcp_transport t(quick()
                            .peer(stock, "127.0.0.1", listener.port())
                            .peer(name("nobody"), "127.0.0.1", free_port())
                            .send_queue_limit(std::size_t{64} << 20));
    co_await t.open(shop, box);
    raw_peer peer;
    co_await listener.accept(peer);
    co_await peer.take_hand("stock");
    for (std::uint64_t i = 0; i < 3000; ++i)
      t.send(stock, numbered(i, 10'000)); // which it does not read
    t.send(name("nobody"), numbered(1));
    const auto begin = std::chrono::steady_clock::now();
    co_await t.close(100ms);
    const auto took = std::chrono::steady_clock::now() - begin;
    BOOST_TEST((took >= 90ms && took < 5s));
    BOOST_TEST(count_tasks() == 1u);
  });
}

BOOST_AUTO_TEST_CASE(close_can_be_cancelled) {
  rondo::run([]() -> awaitable<void> {
    inbox box;
    tp::tcp_transport t(quick().peer(stock, "127.0.0.1", free_port()));
    co_await t.open(shop, box);
    t.send(stock, numbered(1));
    const auto closing = rondo::create_task(t.close(std::nullopt));
    co_await rondo::sleep(30ms);
    BOOST_TEST(!closing.done()); // without a limit it goes on trying
    co_await rondo::cancel_and_wait(closing);
    BOOST_TEST(closing.cancelled());
    co_await eventually([&] { return count_tasks() == 1; });
    co_await t.open(shop, box);
    co_await t.close(1s);
  });
}

BOOST_AUTO_TEST_CASE(a_transport_can_be_opened_again) {
  rondo::run([]() -> awaitable<void> {
    inbox at_stock, at_shop;
    tp::tcp_transport b(server());
    for (std::uint64_t i = 0; i < 5; ++i) {
      co_await b.open(stock, at_stock);
      tp::tcp_transport a(client_of(stock, b));
      co_await a.open(shop, at_shop);
      a.send(stock, numbered(i));
      co_await eventually([&] { return at_stock.messages.size() == i + 1; });
      co_await b.close(1s);
      co_await a.close(1s);
    }
    BOOST_TEST(at_stock.reports.size() + at_shop.reports.size() == 0u);
  });
}

BOOST_AUTO_TEST_CASE(destruction_without_close_ends_everything) {
  rondo::run([]() -> awaitable<void> {
    auto at_stock = std::make_unique<inbox>();
    auto at_shop = std::make_unique<inbox>();
    auto b = std::make_unique<tp::tcp_transport>(server());
    co_await b->open(stock, *at_stock);
    auto a = std::make_unique<tp::tcp_transport>(client_of(stock, *b));
    co_await a->open(shop, *at_shop);
    for (std::uint64_t i = 0; i < 1000; ++i)
      a->send(stock, numbered(i, 1000));
    co_await eventually([&] { return !at_stock->messages.empty(); });
    b.reset();
    at_stock.reset();
    co_await rondo::sleep(20ms);
    a.reset();
    at_shop.reset();
    co_await eventually([] { return count_tasks() == 1; });
    BOOST_TEST(count_tasks() == 1u);
  });
}

BOOST_AUTO_TEST_CASE(a_receiver_may_destroy_the_transport) {
  rondo::run([]() -> awaitable<void> {
    inbox at_stock, at_shop;
    auto b = std::make_unique<tp::tcp_transport>(server());
    co_await b->open(stock, at_stock);
    at_stock.arrived = [&](const tp::message&) { b.reset(); };
    tp::tcp_transport a(client_of(stock, *b));
    co_await a.open(shop, at_shop);
    for (std::uint64_t i = 0; i < 10; ++i)
      a.send(stock, numbered(i));
    co_await eventually([&] { return !b; });
    co_await rondo::sleep(10ms);
    BOOST_TEST(at_stock.messages.size() == 1u);
    co_await a.close(0s);
  });
}

BOOST_AUTO_TEST_CASE(a_transport_may_outlive_its_loop) {
  inbox at_stock, at_shop;
  std::optional<tp::tcp_transport> a, b;
  rondo::run([&]() -> awaitable<void> {
    b.emplace(server());
    co_await b->open(stock, at_stock);
    a.emplace(client_of(stock, *b));
    co_await a->open(shop, at_shop);
    for (std::uint64_t i = 0; i < 100; ++i)
      a->send(stock, numbered(i));
    co_await eventually([&] { return !at_stock.messages.empty(); });
    b->send(shop, numbered(1));
  });
  BOOST_TEST(a->statistics().received() <= 1u);
}

BOOST_AUTO_TEST_CASE(a_context_may_end_in_the_middle) {
  inbox at_stock, at_shop;
  std::optional<tp::tcp_transport> a, b;
  {
    asio::io_context context(1);
    rondo::event_loop loop(context.get_executor());
    auto main = loop.create_task([&]() -> awaitable<void> {
      b.emplace(server());
      co_await b->open(stock, at_stock);
      a.emplace(client_of(stock, *b));
      co_await a->open(shop, at_shop);
      a->send(stock, numbered(1));
      co_await eventually([&] { return !at_stock.messages.empty(); });
      a->send(stock, numbered(2));
      rondo::get_running_loop().call_soon([&] { context.stop(); });
      co_await rondo::sleep(std::nullopt);
    });
    context.run();
    BOOST_TEST(!main.done());
  }
  a.reset();
  b.reset();
}

BOOST_AUTO_TEST_SUITE_END()
