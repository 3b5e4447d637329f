// The chat server: who comes, who goes, and how it stops.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "options.hpp"
#include "room.hpp"
#include "session.hpp"

#include <memory>
#include <optional>
#include <set>

namespace chat {

/// A chat server. It must outlive the loop that it runs on.
class server {
public:
  explicit server(options o) : options_(std::move(o)) {}

  /// Serves until SIGINT or SIGTERM; then says goodbye to everybody and returns.
  /// Throws: `std::runtime_error` if it cannot listen.
  rondo::awaitable<void> run();

  const figures& counted() const noexcept { return figures_; }

private:
  void listen();
  rondo::awaitable<void> accept_clients();
  void admit(tcp_socket socket);
  void release(const std::shared_ptr<session>& s);
  rondo::awaitable<void> send_everybody_away();

  options options_;
  house house_;
  figures figures_;
  std::optional<tcp_acceptor> acceptor_;
  std::set<std::shared_ptr<session>> sessions_;
  rondo::future<void> all_gone_; // for the end
};

} // namespace chat
