// The handshake on a socket.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "handshake.hpp"

#include <rondo/awaitable.hpp>
#include <rondo/two_phase/tcp_transport.hpp>
#include <rondo/use_task.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail::tcp {

using tcp_socket = use_task_t::as_default_on_t<boost::asio::ip::tcp::socket>;
using tcp_acceptor = use_task_t::as_default_on_t<boost::asio::ip::tcp::acceptor>;
using tcp_endpoints = std::vector<boost::asio::ip::tcp::endpoint>;

/// What both sides agreed on.
class session {
public:
  session(std::string peer, const digest& sending_key, const digest& receiving_key)
      : peer_(std::move(peer)), sending_key_(sending_key), receiving_key_(receiving_key) {}

  /// The name of the other side.
  const std::string& peer() const noexcept { return peer_; }
  const digest& sending_key() const noexcept { return sending_key_; }
  const digest& receiving_key() const noexcept { return receiving_key_; }

private:
  std::string peer_;
  digest sending_key_;
  digest receiving_key_;
};

/// The other side does not belong here; `what` is for people.
class handshake_error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// As the client, which wants to reach a service of that name. Throws: `handshake_error`; `boost::system::system_error`
/// if the connection breaks.
awaitable<session> greet(tcp_socket& socket, mac& key, const std::string& self, const std::string& wanted);

/// As the server. Throws: `handshake_error`; `boost::system::system_error` if the connection ends before it said a word.
awaitable<session> welcome(tcp_socket& socket, mac& key, const std::string& self);

/// The endpoints of a host. Throws: `boost::system::system_error`.
///
/// Cancellation: takes effect at once, although the operating system's resolver goes on in a thread of Asio's.
awaitable<tcp_endpoints> resolve(const tcp_address& address);

/// "127.0.0.1:4000", "[::1]:4000".
std::string text_of(const boost::asio::ip::tcp::endpoint& where);

/// A name in quotes. It may come from anybody: control characters are replaced.
std::string quoted(std::string_view name);

} // namespace two_phase::detail::tcp
RONDO_END_NAMESPACE
