// An echo server: every client gets back what it sends. Try it with `nc 127.0.0.1 4001`; Ctrl-C ends it.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/rondo.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <charconv>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <vector>

namespace asio = boost::asio;
using asio::ip::tcp;

// Sockets whose operations are waits of the task that calls them.
using tcp_socket = rondo::use_task_t::as_default_on_t<tcp::socket>;
using tcp_acceptor = rondo::use_task_t::as_default_on_t<tcp::acceptor>;

rondo::awaitable<void> echo(tcp_socket socket) {
  std::vector<char> data(4096); // large buffers do not belong into the coroutine itself
  try {
    while (true) {
      const std::size_t n = co_await socket.async_read_some(asio::buffer(data));
      co_await asio::async_write(socket, asio::buffer(data, n));
    }
  } catch (const boost::system::system_error&) {
    // The client is gone. A cancellation is no std::exception, and passes through.
  }
}

rondo::awaitable<void> serve(std::uint16_t port) {
  tcp_acceptor acceptor(rondo::get_running_loop().get_executor(), {asio::ip::address_v4::loopback(), port});
  std::cout << "echo_server: listening on " << acceptor.local_endpoint() << std::endl;
  while (true) {
    tcp_socket socket = co_await acceptor.async_accept();
    rondo::create_task(echo(std::move(socket)));
  }
}

int main(int argc, char** argv) {
  std::uint16_t port = 4001;
  if (argc > 1) {
    const char* const end = argv[1] + std::strlen(argv[1]);
    const auto [rest, error] = std::from_chars(argv[1], end, port);
    if (argc > 2 || rest != end || error != std::errc()) {
      std::cerr << "usage: echo_server [PORT]    0 takes a free port; the default is 4001\n";
      return 2;
    }
  }
  try {
    rondo::run(serve(port));
  } catch (const rondo::keyboard_interrupt&) {
    std::cout << "echo_server: goodbye" << std::endl; // run() has cancelled what was left, and waited for it
    return 0;
  } catch (const std::exception& e) {
    std::cerr << "echo_server: " << e.what() << '\n';
    return 1;
  }
}
