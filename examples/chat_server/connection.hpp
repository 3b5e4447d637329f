// A client's connection: lines in, lines out.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "lines.hpp"

#include <rondo/awaitable.hpp>
#include <rondo/future.hpp>
#include <rondo/use_task.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace chat {

/// Sockets whose operations are waits of the task that calls them.
using tcp_socket = rondo::use_task_t::as_default_on_t<boost::asio::ip::tcp::socket>;
using tcp_acceptor = rondo::use_task_t::as_default_on_t<boost::asio::ip::tcp::acceptor>;

/// Lines in, lines out. Sending never waits: lines are queued, and a task that runs `write_queued` writes them.
class connection {
public:
  connection(tcp_socket socket, std::size_t max_line, std::size_t max_backlog);

  /// The client's next line, or nothing if the client has closed its side or is gone. A line without an end is dropped.
  rondo::awaitable<std::optional<line>> read_line();

  /// Queues a line for the client. If the queue is full the line is dropped, and the answer is false.
  bool send(std::string_view text);

  /// Forgets the queued lines; what is being written goes on.
  void drop_queued() { queue_.clear(); }

  /// No more lines will follow: `write_queued` writes what is left, says so to the client, and ends.
  void finish();

  /// Writes what is queued, when it is queued, until `finish`. Ends early if the client is gone.
  rondo::awaitable<void> write_queued();

  /// The bytes that are queued or being written.
  std::size_t backlog() const noexcept { return queue_.size() + in_flight_; }

private:
  rondo::awaitable<void> write_batches();
  void wake_writer();

  tcp_socket socket_;
  line_splitter input_;
  std::size_t max_backlog_;
  std::string queue_;
  std::size_t in_flight_ = 0;
  bool finished_ = false;
  bool broken_ = false;
  rondo::future<void> wake_; // pending while the writer has nothing to do
};

} // namespace chat
