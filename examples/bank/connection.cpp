// SPDX-License-Identifier: BSL-1.0
#include "connection.hpp"

#include <rondo/event_loop.hpp>

#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

#include <utility>

namespace asio = boost::asio;
using asio::ip::tcp;

namespace bank {

connection::connection(tcp_socket socket) : socket_(std::move(socket)) {
  boost::system::error_code ignored; // the other side may be gone already; reading will tell
  socket_.set_option(tcp::no_delay(true), ignored);
}

rondo::awaitable<connection> connection::to(address server) {
  const auto executor = rondo::get_running_loop().get_executor();
  boost::system::error_code not_an_address;
  tcp::endpoint where(asio::ip::make_address(server.host, not_an_address), server.port);
  if (not_an_address) {
    tcp::resolver resolver(executor);
    const std::string port = std::to_string(server.port);
    const auto found = co_await resolver.async_resolve(server.host, port, rondo::use_task);
    where = *found.begin();
  }
  tcp_socket socket(executor);
  co_await socket.async_connect(where);
  co_return connection(std::move(socket));
}

rondo::awaitable<std::optional<std::string>> connection::read_line() {
  boost::system::error_code ec;
  const std::size_t size = co_await asio::async_read_until(socket_, asio::dynamic_buffer(input_, max_line), '\n',
                                                           asio::redirect_error(rondo::use_task, ec));
  if (ec) co_return std::nullopt;
  std::string line = input_.substr(0, size - 1);
  input_.erase(0, size);
  if (line.ends_with('\r')) line.pop_back();
  co_return line;
}

rondo::awaitable<void> connection::write_line(std::string text) {
  text += '\n';
  co_await asio::async_write(socket_, asio::buffer(text));
}

rondo::awaitable<std::optional<std::string>> connection::ask(std::string question) {
  question += '\n';
  boost::system::error_code ec;
  co_await asio::async_write(socket_, asio::buffer(question), asio::redirect_error(rondo::use_task, ec));
  if (ec) co_return std::nullopt;
  co_return co_await read_line();
}

} // namespace bank
