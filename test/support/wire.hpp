// Connected sockets on the running loop, and what becomes of waits for them.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/errors.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/exception_group.hpp>
#include <rondo/time.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include <array>
#include <chrono>
#include <exception>
#include <string>
#include <utility>

namespace support {

using unix_socket = boost::asio::local::stream_protocol::socket;
using tcp_socket = boost::asio::ip::tcp::socket;
using tcp_acceptor = boost::asio::ip::tcp::acceptor;

inline boost::asio::ip::tcp::endpoint any_port() { return {boost::asio::ip::address_v4::loopback(), 0}; }

inline void connect_sockets(unix_socket& a, unix_socket& b) { boost::asio::local::connect_pair(a, b); }

inline void connect_sockets(tcp_socket& a, tcp_socket& b) {
  tcp_acceptor acceptor(a.get_executor(), any_port());
  b.connect(acceptor.local_endpoint());
  acceptor.accept(a);
}

/// Two connected sockets on the running loop.
template <class Socket>
struct connection {
  boost::asio::any_io_executor executor = rondo::get_running_loop().get_executor();
  Socket near{executor};
  Socket far{executor};
  std::string text;
  std::array<char, 64> bytes{};

  connection() { connect_sockets(near, far); }

  /// From the far end, at once.
  void arrives(const std::string& s) { boost::asio::write(far, boost::asio::buffer(s)); }

  auto read() { return near.async_read_some(boost::asio::buffer(bytes), boost::asio::deferred); }

  /// What is in the socket and was read by nobody.
  std::string unread() { return unread(near); }
  std::string unread_far() { return unread(far); }

private:
  static std::string unread(Socket& s) {
    std::string rest(s.available(), '\0');
    boost::asio::read(s, boost::asio::buffer(rest));
    return rest;
  }
};

using wire = connection<unix_socket>;
using tcp_wire = connection<tcp_socket>;

inline rondo::awaitable<void> plain_timer(std::chrono::microseconds d) {
  boost::asio::steady_timer timer(rondo::get_running_loop().get_executor(), d);
  co_await timer.async_wait(boost::asio::deferred);
}

/// In a word how something ended: "timeout", "cancelled", "aborted", "eof", "group", the text of another exception.
inline std::string end_of(const std::exception_ptr& error) {
  if (!error) return "value";
  try {
    std::rethrow_exception(error);
  } catch (const rondo::timeout_error&) {
    return "timeout";
  } catch (const rondo::cancelled_error&) {
    return "cancelled";
  } catch (const boost::system::system_error& e) {
    if (e.code() == boost::asio::error::operation_aborted) return "aborted";
    return e.code() == boost::asio::error::eof ? "eof" : e.code().message();
  } catch (const rondo::exception_group&) {
    return "group";
  } catch (const std::exception& e) {
    return e.what();
  }
}

/// Awaits something for the way in which it ends; see `end_of`.
template <class Source>
rondo::awaitable<std::string> end_of_wait(Source source) {
  try {
    (void)co_await std::move(source);
  } catch (...) {
    co_return end_of(std::current_exception());
  }
  co_return "value";
}

} // namespace support
