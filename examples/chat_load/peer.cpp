// SPDX-License-Identifier: BSL-1.0
#include "peer.hpp"

#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

#include <stdexcept>

namespace asio = boost::asio;
using asio::ip::tcp;

namespace load {

rondo::awaitable<void> peer::connect(const std::string& address, std::uint16_t port, bool small_window) {
  const tcp::endpoint server(asio::ip::make_address(address), port);
  socket_.open(server.protocol());
  if (small_window) socket_.set_option(asio::socket_base::receive_buffer_size(4096));
  co_await socket_.async_connect(server);
  socket_.set_option(tcp::no_delay(true));
}

rondo::awaitable<void> peer::write(std::string text) { co_await asio::async_write(socket_, asio::buffer(text)); }

rondo::awaitable<std::optional<std::string>> peer::read_line() {
  while (true) {
    const std::size_t end = input_.find('\n', begin_);
    if (end != input_.npos) {
      std::string line = input_.substr(begin_, end - begin_);
      begin_ = end + 1;
      co_return line;
    }
    input_.erase(0, begin_);
    begin_ = 0;
    boost::system::error_code ec;
    co_await asio::async_read_until(socket_, asio::dynamic_buffer(input_), '\n',
                                    asio::redirect_error(rondo::use_task, ec));
    if (ec) co_return std::nullopt;
  }
}

rondo::awaitable<std::string> peer::read_until(std::string start) {
  while (std::optional<std::string> line = co_await read_line())
    if (line->starts_with(start)) co_return *line;
  throw std::runtime_error("the connection ended before a line that starts with '" + start + "'");
}

void peer::close(bool reset) {
  boost::system::error_code ignored;
  if (reset) socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

} // namespace load
