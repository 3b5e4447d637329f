// tcp_transport: two-phase commit over TCP, between services that share a key.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/transport.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace two_phase {
namespace detail::tcp {
class live_counters;
class node;
} // namespace detail::tcp

/// A host, by name or by IP address, and a port.
class RONDO_EXPORT tcp_address {
public:
  /// Throws: `std::invalid_argument` for an empty host.
  tcp_address(std::string host, std::uint16_t port);

  const std::string& host() const noexcept { return host_; }
  std::uint16_t port() const noexcept { return port_; }
  /// "stock.example:4000", "[::1]:4000".
  std::string to_string() const;

  friend bool operator==(const tcp_address&, const tcp_address&) = default;

private:
  std::string host_;
  std::uint16_t port_;
};

/// How a TCP transport behaves: `tcp_transport_options().key(secret).listen("0.0.0.0", 4000).peer(shop, "shop", 4000)`.
class RONDO_EXPORT tcp_transport_options {
public:
  static constexpr std::size_t min_key_size = 16;

  tcp_transport_options() = default;

  /// The secret that all services share; required. Take random bytes, such as 32 of /dev/urandom: whoever records a
  /// handshake can try passwords at leisure. Throws: `std::invalid_argument` for fewer than 16 bytes.
  tcp_transport_options& key(std::vector<std::byte> secret);
  tcp_transport_options& key(std::string_view secret);

  /// Where others can connect; port 0 takes a free one. A host name stands for the first address that it has. Without it
  /// the transport only connects to others.
  tcp_transport_options& listen(std::string host, std::uint16_t port);

  /// Where the service of that name listens. Throws: `std::invalid_argument` for a name that is empty or longer than 255
  /// bytes, an empty host, or port 0.
  tcp_transport_options& peer(const participant_name& name, std::string host, std::uint16_t port);

  /// The longest message in bytes, sent or received; 1 MiB. Longer ones are not sent; a peer that sends one is cut off.
  /// Throws: `std::invalid_argument` for less than 1 KiB or more than 1 GiB.
  tcp_transport_options& max_frame_size(std::size_t bytes);

  /// How long to wait before connecting to a peer again: at first `min`, then twice as long each time, up to `max`, and
  /// each time up to half of it less, at random; 50 ms and 10 s. A connection that lived longer than `max` starts it
  /// anew. Throws: `std::invalid_argument` unless 0 < min <= max.
  tcp_transport_options& reconnect_delay(std::chrono::nanoseconds min, std::chrono::nanoseconds max);

  /// How many bytes may wait for one peer, being written or not; 8 MiB. What is more is dropped and counted.
  tcp_transport_options& send_queue_limit(std::size_t bytes);

  /// How long connecting may take, until each side knows that the other has the key; 5 s. Throws:
  /// `std::invalid_argument` unless it is positive.
  tcp_transport_options& handshake_timeout(std::chrono::nanoseconds limit);

  /// A peer that was silent for so long is asked whether it is there, and cut off when it is silent for as long again;
  /// 5 s. `std::nullopt`: never. Throws: `std::invalid_argument` unless it is positive.
  tcp_transport_options& keepalive(time_limit silence);

  const std::vector<std::byte>& key() const noexcept { return key_; }
  const std::optional<tcp_address>& listen() const noexcept { return listen_; }
  const std::map<participant_name, tcp_address>& peers() const noexcept { return peers_; }
  std::size_t max_frame_size() const noexcept { return max_frame_size_; }
  std::chrono::nanoseconds min_reconnect_delay() const noexcept { return min_delay_; }
  std::chrono::nanoseconds max_reconnect_delay() const noexcept { return max_delay_; }
  std::size_t send_queue_limit() const noexcept { return send_queue_limit_; }
  std::chrono::nanoseconds handshake_timeout() const noexcept { return handshake_timeout_; }
  time_limit keepalive() const noexcept { return keepalive_; }

private:
  std::vector<std::byte> key_;
  std::optional<tcp_address> listen_;
  std::map<participant_name, tcp_address> peers_;
  std::size_t max_frame_size_ = std::size_t{1} << 20;
  std::chrono::nanoseconds min_delay_ = std::chrono::milliseconds(50);
  std::chrono::nanoseconds max_delay_ = std::chrono::seconds(10);
  std::size_t send_queue_limit_ = std::size_t{8} << 20;
  std::chrono::nanoseconds handshake_timeout_ = std::chrono::seconds(5);
  time_limit keepalive_ = std::chrono::seconds(5);
};

/// Carries messages over TCP connections between services that share a key.
///
/// **Nothing is encrypted.** Whoever sees the traffic reads every message, payloads included: use a private network, or a
/// tunnel such as WireGuard or IPsec. The key keeps out who does not have it: each side proves that it knows the key
/// (HMAC-SHA256 over random numbers of both, both names and both roles), and each frame carries a number and an HMAC
/// under a key of that connection and direction. Frames that are forged, changed, repeated, reordered, or left out end
/// the connection and are reported with `message_receiver::on_rejected`. Who has the key can call itself by any name.
///
/// There is at most one connection in each direction between two services, and messages go both ways on each. `send` uses
/// the one on which the peer connected; if there is none, the one that is opened to the peer's address. A transport that
/// listens connects when there is something to send. One that does not stays connected to all its peers, since nobody
/// could reach it otherwise. What was not written completely when a connection broke is sent again on the next one, so a
/// message may arrive twice. A peer without an address is known from its first connection until it has been away for
/// twice the longest reconnect delay; what waits for it is dropped then. When somebody connects with the name of a peer
/// that is connected already, the older connection ends.
///
/// Messages that are too long for a frame are dropped, counted, and reported with `on_rejected` in a later pass of the
/// loop. Connecting is tried for ever; `description` says what went wrong last.
///
/// All work is done by background tasks of the loop on which `open` was awaited. The transport can be destroyed without
/// `close`, on that loop's thread or when the loop does not run: its connections end then, and what waits is lost.
class RONDO_EXPORT tcp_transport final : public transport {
public:
  /// Throws: `std::invalid_argument` if there is no key, or neither an address to listen on nor a peer.
  explicit tcp_transport(tcp_transport_options options);
  ~tcp_transport() override;

  /// Listens, and connects to the peers if it does not listen. Transports that were closed can be opened again.
  ///
  /// Cancellation: nothing has changed. Throws: `boost::system::system_error` that names the address and says what to do
  /// if it is not possible to listen; `std::invalid_argument` for a name that is empty or longer than 255 bytes;
  /// `std::logic_error` if it is open.
  awaitable<void> open(const participant_name& self, message_receiver& receiver) override;

  void send(const participant_name& to, const message& what) override;

  /// Hands nothing more over, at once, and accepts no connections; writes what waits and waits until the peers have taken
  /// it, both within `limit`; ends all connections and tasks.
  ///
  /// What is sent from now on is dropped and counted. Cancellation: what waits is lost; connections and tasks end soon.
  awaitable<void> close(time_limit limit) override;

  /// Ends all connections and tasks at once; what waits is lost.
  void abandon() noexcept override;

  /// The port on which it listens since `open`; 0 if it does not listen.
  std::uint16_t port() const noexcept { return port_; }

  transport_statistics statistics() const override;

  /// Where it listens, and for each peer its address, whether it is connected, and why the last attempt failed.
  std::string description() const override;

private:
  std::shared_ptr<const tcp_transport_options> options_;
  std::shared_ptr<detail::tcp::live_counters> counters_;
  std::shared_ptr<detail::tcp::node> node_; // while it is open
  std::uint16_t port_ = 0;
  bool opening_ = false;
};

} // namespace two_phase
RONDO_END_NAMESPACE
