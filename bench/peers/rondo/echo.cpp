// SPDX-License-Identifier: BSL-1.0
#include "cases.hpp"

#include <rondo/rondo.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <cstdint>
#include <vector>

namespace peers {

namespace asio = boost::asio;
using asio::ip::tcp;
using rondo::use_task;

namespace {

awaitable<void> serve(tcp::socket socket) {
  socket.set_option(tcp::no_delay(true));
  std::vector<char> data(4096);
  try {
    while (true) {
      const std::size_t size = co_await socket.async_read_some(asio::buffer(data), use_task);
      co_await asio::async_write(socket, asio::buffer(data, size), use_task);
    }
  } catch (const boost::system::system_error&) { // the client has gone
  }
}

} // namespace

awaitable<void> echo(meter&, long port, long) {
  tcp::acceptor acceptor(rondo::get_running_loop().get_executor(),
                         {asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(port)});
  while (true) {
    tcp::socket socket = co_await acceptor.async_accept(use_task);
    rondo::create_task(serve(std::move(socket)));
  }
}

} // namespace peers
