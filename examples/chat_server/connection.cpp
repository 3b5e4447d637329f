// SPDX-License-Identifier: BSL-1.0
#include "connection.hpp"

#include <rondo/event_loop.hpp>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include <utility>

namespace asio = boost::asio;

namespace chat {

connection::connection(tcp_socket socket, std::size_t max_line, std::size_t max_backlog)
    : socket_(std::move(socket)), input_(max_line), max_backlog_(max_backlog) {
  boost::system::error_code ignored; // the client may be gone already; reading will tell
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  // By default the kernel keeps megabytes for a client that does not read, beside our own queue.
  socket_.set_option(asio::socket_base::send_buffer_size(64 << 10), ignored);
}

rondo::awaitable<std::optional<line>> connection::read_line() {
  while (true) {
    if (std::optional<line> next = input_.next()) co_return next;
    boost::system::error_code ec;
    const std::size_t n = co_await socket_.async_read_some(input_.space(), asio::redirect_error(rondo::use_task, ec));
    if (ec) co_return std::nullopt; // a connection that breaks is as good as one that is closed
    input_.arrived(n);
  }
}

bool connection::send(std::string_view text) {
  if (broken_) return true;
  if (backlog() + text.size() + 1 > max_backlog_) return false;
  queue_.append(text).push_back('\n');
  wake_writer();
  return true;
}

void connection::finish() {
  finished_ = true;
  wake_writer();
}

void connection::wake_writer() {
  if (wake_ && !wake_.done()) wake_.set_result();
}

rondo::awaitable<void> connection::write_queued() {
  try {
    co_await write_batches();
  } catch (const boost::system::system_error&) {
    // The client is gone, which the reading side finds out too.
    broken_ = true;
    queue_.clear();
  }
  in_flight_ = 0;
}

rondo::awaitable<void> connection::write_batches() {
  while (!finished_ || !queue_.empty()) {
    if (queue_.empty()) {
      wake_ = rondo::get_running_loop().create_future();
      co_await wake_.get();
      continue;
    }
    // All lines that have gathered go out in one write.
    const std::string batch = std::exchange(queue_, std::string());
    in_flight_ = batch.size();
    co_await asio::async_write(socket_, asio::buffer(batch));
    in_flight_ = 0;
  }
  socket_.shutdown(asio::socket_base::shutdown_send);
}

} // namespace chat
