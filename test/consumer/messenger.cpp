// The program of a project that uses the TCP transport of two-phase commit.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/rondo.hpp>
#include <rondo/two_phase/tcp_transport.hpp>

#include <chrono>
#include <cstdio>

namespace two_phase = rondo::two_phase;

class nobody final : public two_phase::message_receiver {
public:
  void on_message(two_phase::message, std::uint64_t) override {}
  void on_rejected(std::string_view) override {}
};

rondo::awaitable<int> listen() {
  nobody receiver;
  two_phase::tcp_transport transport(
      two_phase::tcp_transport_options().key("a key of at least 16 bytes").listen("127.0.0.1", 0));
  const two_phase::participant_name name("shop");
  co_await transport.open(name, receiver);
  const int port = transport.port();
  co_await transport.close(std::chrono::seconds(1));
  co_return port;
}

int main() { std::printf("%d\n", rondo::run(listen()) != 0 ? 42 : 1); }
