// SPDX-License-Identifier: BSL-1.0
#include "server.hpp"

#include <rondo/rondo.hpp>

#include <boost/asio/redirect_error.hpp>
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <stdexcept>

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

namespace chat {

namespace {

template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  fmt::print("chat_server: {}\n", fmt::format(format, std::forward<Args>(args)...));
  std::fflush(stdout);
}

std::string text_of(const tcp::endpoint& e) {
  return fmt::format(fmt::runtime(e.address().is_v6() ? "[{}]:{}" : "{}:{}"), e.address().to_string(), e.port());
}

} // namespace

rondo::awaitable<void> server::run() {
  // Eager: from here on a signal ends the server in good order, also one that comes before it serves.
  const rondo::task<int> stop =
      rondo::create_task(rondo::wait_signal(SIGINT, SIGTERM), rondo::task_options().name("signals").eager(true));
  listen();
  const rondo::task<void> accepting = rondo::create_task(accept_clients(), rondo::task_options().name("accept"));
  const int signal = co_await stop.get();
  co_await rondo::cancel_and_wait(accepting);
  acceptor_.reset();
  say("{}: stopping, {} clients are connected", signal == SIGINT ? "SIGINT" : "SIGTERM", sessions_.size());
  co_await send_everybody_away();
  say("served {} clients, {} lines in, {} lines out, {} refused; sent away: {} slow readers, {} idle; cut off: {}; "
      "greatest backlog: {} bytes",
      figures_.clients, figures_.lines_in, figures_.lines_out, figures_.refused_lines, figures_.slow_readers,
      figures_.idle, figures_.cut_off, figures_.greatest_backlog);
}

void server::listen() {
  const tcp::endpoint where(asio::ip::make_address(options_.address), options_.port);
  try {
    acceptor_.emplace(rondo::get_running_loop().get_executor(), where); // with SO_REUSEADDR
  } catch (const boost::system::system_error& e) {
    throw std::runtime_error(fmt::format("cannot listen on {}: {}", text_of(where), e.code().message()));
  }
  say("listening on {}", text_of(acceptor_->local_endpoint()));
}

rondo::awaitable<void> server::accept_clients() {
  while (true) {
    boost::system::error_code ec;
    tcp_socket socket = co_await acceptor_->async_accept(asio::redirect_error(rondo::use_task, ec));
    if (!ec) {
      admit(std::move(socket));
    } else if (ec != asio::error::connection_aborted) {
      // Too many open files, most likely: clients that wait are accepted as others leave.
      say("cannot accept: {}; trying again in a second", ec.message());
      co_await rondo::sleep(1s);
    }
  }
}

void server::admit(tcp_socket socket) {
  ++figures_.clients;
  const auto s = std::make_shared<session>(std::move(socket), options_, house_, figures_);
  const rondo::task<void> reader = s->start(fmt::format("client {}", figures_.clients));
  sessions_.insert(s);
  reader.add_done_callback([this, s] { release(s); });
}

void server::release(const std::shared_ptr<session>& s) {
  s->release();
  sessions_.erase(s);
  if (sessions_.empty() && all_gone_ && !all_gone_.done()) all_gone_.set_result();
}

rondo::awaitable<void> server::send_everybody_away() {
  if (sessions_.empty()) co_return;
  all_gone_ = rondo::get_running_loop().create_future();
  for (const auto& s : sessions_)
    s->end("* the server is stopping: goodbye");
  // The grace time of each session sees to it that this ends.
  co_await all_gone_.get();
}

} // namespace chat
