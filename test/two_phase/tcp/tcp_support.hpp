// What the tests of the TCP transport share.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../../fuzz/message_checks.hpp"
#include "tcp/frames.hpp"
#include "tcp/handshake_io.hpp"

#include <rondo/event_loop.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/two_phase/tcp_transport.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace tcp_test {

namespace asio = boost::asio;
namespace tp = rondo::two_phase;
namespace wire = tp::detail::tcp;
using namespace std::chrono_literals;
using rondo::awaitable;
using bytes = std::vector<std::byte>;

inline constexpr std::string_view secret = "0123456789abcdef0123456789abcdef";

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

/// Takes what a transport receives, and remembers it.
class inbox final : public tp::message_receiver {
public:
  void on_message(tp::message what, std::uint64_t delivery) override {
    if (delivery != 0) throw std::logic_error("TCP keeps no account of deliveries");
    messages.push_back(std::move(what));
    if (arrived) arrived(messages.back());
  }
  void on_rejected(std::string_view why) override {
    reports.emplace_back(why);
    if (rejected) rejected();
  }

  bool reported(std::string_view part) const {
    return std::ranges::any_of(reports, [part](const std::string& each) { return contains(each, part); });
  }

  std::deque<tp::message> messages;
  std::vector<std::string> reports;
  std::function<void(const tp::message&)> arrived;
  std::function<void()> rejected;
};

/// Waits until something holds; a test in which it does not fails.
template <class F>
awaitable<void> eventually(F holds, std::chrono::milliseconds limit = 20s) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error("what should have happened did not");
    co_await rondo::sleep(1ms);
  }
}

inline tp::participant_name name(std::string text) { return tp::participant_name(std::move(text)); }

inline const tp::participant_name shop("shop");
inline const tp::participant_name stock("stock");

/// A message with a number by which it is known again.
inline tp::message numbered(std::uint64_t number, std::size_t payload = 0) {
  return tp::message(tp::message_kind::prepare, tp::branch_id(tp::txid(message_test::uuid_of(1), 1, number), 0))
      .from(message_test::uuid_of(1))
      .sender(shop)
      .payload(bytes(payload, std::byte{7}));
}

/// Quick to connect again, so that tests are short.
inline tp::tcp_transport_options quick() { return tp::tcp_transport_options().key(secret).reconnect_delay(5ms, 50ms); }
inline tp::tcp_transport_options server() { return quick().listen("127.0.0.1", 0); }
inline tp::tcp_transport_options client_of(const tp::participant_name& peer, const tp::tcp_transport& at) {
  return quick().peer(peer, "127.0.0.1", at.port());
}

/// A socket that speaks the protocol by hand, and can do it wrongly.
class raw_peer {
public:
  raw_peer() : socket(rondo::get_running_loop().get_executor()) {}

  awaitable<void> connect(std::uint16_t port) {
    co_await socket.async_connect(asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), port));
  }

  awaitable<void> shake_hands(const std::string& self, const std::string& wanted, std::string_view key = secret) {
    wire::mac shared(std::as_bytes(std::span(key)));
    begin(co_await wire::greet(socket, shared, self, wanted));
  }

  awaitable<void> take_hand(const std::string& self) {
    wire::mac shared(std::as_bytes(std::span(secret)));
    begin(co_await wire::welcome(socket, shared, self));
  }

  /// The next frame of a message, sealed.
  bytes frame_of(const tp::message& what) { return frame(wire::frame_kind::message, tp::encode_message(what)); }
  bytes frame(wire::frame_kind kind, const bytes& body = {}) {
    bytes result;
    wire::append_frame(result, kind, body);
    sealer->seal(result);
    return result;
  }

  awaitable<void> send(bytes what) { co_await asio::async_write(socket, asio::buffer(what)); }
  awaitable<void> send_text(std::string what) { co_await asio::async_write(socket, asio::buffer(what)); }

  /// Reads until the other side closes the connection; returns how much came.
  awaitable<std::size_t> read_to_the_end() {
    std::size_t total = 0;
    bytes some(64 << 10);
    boost::system::error_code ec;
    while (!ec)
      total += co_await socket.async_read_some(asio::buffer(some), asio::redirect_error(rondo::use_task, ec));
    co_return total;
  }

  /// The bodies of the messages that come, up to a number of them.
  awaitable<std::vector<tp::message>> read_messages(std::size_t count) {
    std::vector<tp::message> result;
    while (result.size() < count) {
      const auto space = decoder->space();
      decoder->arrived(co_await socket.async_read_some(asio::buffer(space.data(), space.size())));
      while (const auto next = decoder->next()) {
        std::string why;
        if (next->kind() == wire::frame_kind::message)
          result.push_back(tp::decode_message(next->body(), why).value());
        else
          ++(next->kind() == wire::frame_kind::ping ? pings : pongs);
      }
      if (!decoder->wrong().empty()) throw std::runtime_error(decoder->wrong());
    }
    co_return result;
  }

  wire::tcp_socket socket;
  std::optional<wire::frame_sealer> sealer;
  std::optional<wire::frame_decoder> decoder;
  int pings = 0;
  int pongs = 0;

private:
  void begin(const wire::session& agreed) {
    sealer.emplace(agreed.sending_key());
    decoder.emplace(agreed.receiving_key(), std::size_t{1} << 20);
  }
};

/// Listens like a service, and serves what connects by hand.
class raw_server {
public:
  raw_server()
      : acceptor_(rondo::get_running_loop().get_executor(),
                  asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {}

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  awaitable<void> accept(raw_peer& into) { co_await acceptor_.async_accept(into.socket); }
  void close() { acceptor_.close(); }

private:
  wire::tcp_acceptor acceptor_;
};

/// A port on which nobody listens, most likely.
inline std::uint16_t free_port() {
  const raw_server taken;
  return taken.port();
}

inline std::size_t count_tasks() { return rondo::all_tasks().size(); }

} // namespace tcp_test
