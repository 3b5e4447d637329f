// A server and two clients that count for each other, over TCP.
// The Python program has no end, and its clients may come before the server listens. Here everybody says three things,
// in messages that end with a full stop, and what was received is printed at the end, so that the order is always the
// same. The port is a free one.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/event_loop.hpp>
#include <rondo/gather.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/use_task.hpp>
#include <rondo/wait.hpp>

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

using messages = std::vector<std::string>;

rondo::awaitable<void> read_all(tcp_socket& socket, messages& received) {
  std::string buffer;
  while (true) { // until the other side has no more to say, which is an exception
    const std::size_t size = co_await asio::async_read_until(socket, asio::dynamic_buffer(buffer), '.');
    received.push_back(buffer.substr(0, size));
    buffer.erase(0, size);
  }
}

rondo::awaitable<void> count(tcp_socket& socket, std::string who) {
  for (int i = 0; i < 3; ++i) {
    const std::string message = who + " count " + std::to_string(i) + '.';
    co_await asio::async_write(socket, asio::buffer(message));
    co_await rondo::sleep(1 * second);
  }
  socket.shutdown(tcp::socket::shutdown_send);
}

rondo::awaitable<messages> talk(tcp_socket socket, std::string who) {
  messages received;
  const auto read_task = rondo::create_task(read_all(socket, received));
  const auto write_task = rondo::create_task(count(socket, who));
  const auto first_exception = rondo::wait_options().return_when(rondo::return_when::first_exception);
  co_await rondo::wait(read_task, write_task, first_exception);

  read_task.cancel();
  write_task.cancel();
  co_await rondo::gather_settled(read_task, write_task); // they refer to the socket: wait until they have ended
  co_return received;
}

void print(const std::string& who, const messages& received) {
  for (const auto& message : received)
    std::cout << who << '\'' << message << "'\n";
}

rondo::awaitable<void> tcp_server(tcp_acceptor& acceptor, int clients) {
  std::vector<rondo::task<messages>> agents;
  for (int i = 0; i < clients; ++i) {
    tcp_socket socket = co_await acceptor.async_accept();
    std::cout << "Accept peer " << socket.remote_endpoint().address() << '\n';
    agents.push_back(rondo::create_task(talk(std::move(socket), "server")));
  }
  const std::vector<messages> all_received = co_await rondo::gather(agents);
  for (const auto& received : all_received)
    print("Server receive: ", received);
}

rondo::awaitable<messages> tcp_client(tcp::endpoint server) {
  tcp_socket socket(rondo::get_running_loop().get_executor());
  co_await socket.async_connect(server);
  co_return co_await talk(std::move(socket), "client");
}

rondo::awaitable<void> async_main() {
  tcp_acceptor acceptor(rondo::get_running_loop().get_executor(), {asio::ip::address_v4::loopback(), 0});
  std::cout << "Serving on " << acceptor.local_endpoint().address() << '\n';

  const auto task_server = rondo::create_task(tcp_server(acceptor, 2));
  std::vector<rondo::task<messages>> task_clients;
  for (int i = 0; i < 2; ++i)
    task_clients.push_back(rondo::create_task(tcp_client(acceptor.local_endpoint())));

  co_await task_server.get();
  for (const auto& client : task_clients) {
    const messages received = co_await client.get();
    print("Client receive: ", received);
  }
}

int main() { rondo::run(async_main()); }
