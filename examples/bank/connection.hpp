// Lines over TCP, as the coordinator and its clients speak them.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "options.hpp"

#include <rondo/awaitable.hpp>
#include <rondo/use_task.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <optional>
#include <string>

namespace bank {

/// Sockets whose operations are waits of the task that calls them.
using tcp_socket = rondo::use_task_t::as_default_on_t<boost::asio::ip::tcp::socket>;
using tcp_acceptor = rondo::use_task_t::as_default_on_t<boost::asio::ip::tcp::acceptor>;

/// One question at a time, each with one line as its answer.
class connection {
public:
  static constexpr std::size_t max_line = 1000;

  explicit connection(tcp_socket socket);

  /// Throws: `boost::system::system_error`.
  static rondo::awaitable<connection> to(address server);

  /// The next line without its end, or nothing if the other side is gone or sends a line that is too long.
  rondo::awaitable<std::optional<std::string>> read_line();

  /// Throws: `boost::system::system_error` if the other side is gone.
  rondo::awaitable<void> write_line(std::string text);

  /// Asks and reads the answer; nothing if the other side is gone before it has answered.
  rondo::awaitable<std::optional<std::string>> ask(std::string question);

private:
  tcp_socket socket_;
  std::string input_;
};

} // namespace bank
