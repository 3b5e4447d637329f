// A connection to the chat server, as a client sees it.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/awaitable.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/use_task.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <optional>
#include <string>

namespace load {

class peer {
public:
  peer() : socket_(rondo::get_running_loop().get_executor()) {}

  /// Connects; with `small_window` the kernel takes little for a client that does not read.
  rondo::awaitable<void> connect(const std::string& address, std::uint16_t port, bool small_window = false);

  rondo::awaitable<void> write(std::string text);

  /// The next line, or nothing when the connection is over.
  rondo::awaitable<std::optional<std::string>> read_line();

  /// Reads until a line that starts with this. Throws: `std::runtime_error` if none comes.
  rondo::awaitable<std::string> read_until(std::string start);

  /// Closes; with `reset` so that the server sees an error instead of the end of input.
  void close(bool reset);

private:
  rondo::use_task_t::as_default_on_t<boost::asio::ip::tcp::socket> socket_;
  std::string input_;
  std::size_t begin_ = 0; // of what has not been given out
};

} // namespace load
