// SPDX-License-Identifier: BSL-1.0
#include "cases.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace peers {

using asio::ip::tcp;

namespace {

tcp::endpoint local(long port) { return {asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(port)}; }

class session : public std::enable_shared_from_this<session> {
public:
  explicit session(tcp::socket socket) : socket_(std::move(socket)) { socket_.set_option(tcp::no_delay(true)); }

  void read() {
    socket_.async_read_some(asio::buffer(data_), [self = shared_from_this()](error_code error, std::size_t size) {
      if (!error) self->write(size);
    });
  }

private:
  void write(std::size_t size) {
    asio::async_write(socket_, asio::buffer(data_, size), [self = shared_from_this()](error_code error, std::size_t) {
      if (!error) self->read();
    });
  }

  tcp::socket socket_;
  std::array<char, 4096> data_;
};

void accept(tcp::acceptor& acceptor) {
  acceptor.async_accept([&acceptor](error_code error, tcp::socket socket) {
    if (error) return;
    std::make_shared<session>(std::move(socket))->read();
    accept(acceptor);
  });
}

template <class Token>
awaitable<void> serve(tcp::socket socket, Token token) {
  socket.set_option(tcp::no_delay(true));
  std::vector<char> data(4096);
  try {
    while (true) {
      const std::size_t size = co_await socket.async_read_some(asio::buffer(data), token);
      co_await asio::async_write(socket, asio::buffer(data, size), token);
    }
  } catch (const boost::system::system_error&) { // the client has gone
  }
}

template <class Token>
awaitable<void> listen(tcp::acceptor& acceptor, Token token) {
  while (true) {
    tcp::socket socket = co_await acceptor.async_accept(use_awaitable);
    asio::co_spawn(acceptor.get_executor(), serve(std::move(socket), token), asio::detached);
  }
}

template <class Token>
void run_coroutines(long port, Token token) {
  io_context_with_timer context;
  tcp::acceptor acceptor(context, local(port));
  asio::co_spawn(context, listen(acceptor, token), asio::detached);
  context.run();
}

} // namespace

void echo_callbacks(meter&, long port, long) {
  io_context_with_timer context;
  tcp::acceptor acceptor(context, local(port));
  accept(acceptor);
  context.run();
}

void echo_use_awaitable(meter&, long port, long) { run_coroutines(port, asio::use_awaitable); }

void echo_deferred(meter&, long port, long) { run_coroutines(port, asio::deferred); }

} // namespace peers
