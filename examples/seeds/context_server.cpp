// A context variable holds the address of the client that a task serves: nobody needs to pass it on.
// The Python program runs for ever and is tried with telnet; here a client in the same program says two lines. Python
// prints the port of the client, too.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/context.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/runner.hpp>
#include <rondo/task.hpp>
#include <rondo/use_task.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <iostream>
#include <string>
#include <vector>

namespace asio = boost::asio;
using asio::ip::tcp;

// Sockets whose operations are waits of the task that calls them.
using tcp_socket = rondo::use_task_t::as_default_on_t<tcp::socket>;
using tcp_acceptor = rondo::use_task_t::as_default_on_t<tcp::acceptor>;

rondo::context_var<std::string> client_addr_var("client_addr");

std::string render_goodbye() { return "Good bye, client @ " + client_addr_var.get() + '\n'; }

rondo::awaitable<std::string> read_line(tcp_socket& socket, std::string& buffer) {
  const std::size_t size = co_await asio::async_read_until(socket, asio::dynamic_buffer(buffer), '\n');
  std::string line = buffer.substr(0, size);
  buffer.erase(0, size);
  co_return line;
}

rondo::awaitable<void> handle_request(tcp_socket socket) {
  client_addr_var.set(socket.remote_endpoint().address().to_string());

  std::string buffer;
  while (true) {
    const std::string line = co_await read_line(socket, buffer);
    std::cout << "server: " << line;
    if (line == "\n") break;
    co_await asio::async_write(socket, asio::buffer(line));
  }

  const std::string goodbye = render_goodbye();
  co_await asio::async_write(socket, asio::buffer(goodbye));
}

rondo::awaitable<void> serve(tcp_acceptor& acceptor) {
  while (true) {
    tcp_socket socket = co_await acceptor.async_accept();
    rondo::create_task(handle_request(std::move(socket))); // a task gets a copy of the context
  }
}

rondo::awaitable<void> async_main() {
  const auto loop = rondo::get_running_loop();
  tcp_acceptor acceptor(loop.get_executor(), {asio::ip::address_v4::loopback(), 0});
  const auto server = rondo::create_task(serve(acceptor));

  tcp_socket socket(loop.get_executor());
  co_await socket.async_connect(acceptor.local_endpoint());
  const std::vector<std::string> lines{"hello\n", "\n"};
  std::string buffer;
  for (const auto& line : lines) {
    co_await asio::async_write(socket, asio::buffer(line));
    const std::string reply = co_await read_line(socket, buffer);
    std::cout << "client: " << reply;
  }

  co_await rondo::cancel_and_wait(server);
}

int main() { rondo::run(async_main()); }
