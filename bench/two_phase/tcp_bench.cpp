// Transactions over TCP on loopback: two participants, each a process of its own.
// SPDX-License-Identifier: BSL-1.0
#include "bench_tools.hpp"
#include "tx_bench.hpp"

#include <rondo/rondo.hpp>
#include <rondo/two_phase/coordinator.hpp>
#include <rondo/two_phase/memory_log.hpp>
#include <rondo/two_phase/participant.hpp>
#include <rondo/two_phase/tcp_transport.hpp>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read.hpp>

#include <sys/wait.h>

#include <array>
#include <stdexcept>
#include <vector>

namespace bench {
namespace {

namespace tp = rondo::two_phase;
namespace asio = boost::asio;
using rondo::awaitable;

constexpr std::string_view key = "a key for the benchmark alone";
constexpr std::array<const char*, 2> names{"first", "second"};

/// What a participant's process does: tells its port, and works until the other end of `alive` is closed.
int serve(const char* name, int port_out, int alive) {
  const auto nothing = [] {};
  const auto yes = tp::make_resource(nothing, nothing, nothing);
  rondo::run([&]() -> awaitable<void> {
    tp::memory_log log;
    tp::tcp_transport net(tp::tcp_transport_options().key(key).listen("127.0.0.1", 0));
    tp::participant who(tp::participant_name(name), *yes, log, net);
    co_await who.start();
    const std::uint16_t port = net.port();
    if (::write(port_out, &port, sizeof port) != sizeof port) throw std::runtime_error("nobody wants the port");
    asio::posix::stream_descriptor parent(rondo::get_running_loop().get_executor(), alive);
    std::array<char, 1> byte{};
    try {
      co_await asio::async_read(parent, asio::buffer(byte), rondo::use_task);
    } catch (const boost::system::system_error&) { // the end of the benchmark
    }
    co_await who.stop();
  });
  return 0;
}

/// The process of a participant, which ends with this object.
class site {
public:
  explicit site(const char* name) {
    std::array<int, 2> port_pipe{}, alive_pipe{};
    if (::pipe(port_pipe.data()) != 0 || ::pipe(alive_pipe.data()) != 0)
      throw std::system_error(errno, std::generic_category(), "pipe");
    process_ = ::fork();
    if (process_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (process_ == 0) {
      ::close(port_pipe[0]);
      ::close(alive_pipe[1]);
      ::_exit(serve(name, port_pipe[1], alive_pipe[0]));
    }
    ::close(port_pipe[1]);
    ::close(alive_pipe[0]);
    alive_ = alive_pipe[1];
    if (::read(port_pipe[0], &port_, sizeof port_) != sizeof port_)
      throw std::runtime_error("a participant did not start");
    ::close(port_pipe[0]);
    ::fcntl(alive_, F_SETFD, FD_CLOEXEC);
  }
  site(const site&) = delete;
  site& operator=(const site&) = delete;
  ~site() {
    ::close(alive_);
    ::waitpid(process_, nullptr, 0);
  }

  std::uint16_t port() const noexcept { return port_; }

private:
  ::pid_t process_;
  int alive_ = -1;
  std::uint16_t port_ = 0;
};

} // namespace

throughput measure_tcp(int clients, double seconds) {
  // The second must not hold the first one's pipe open: it is closed last.
  const site second(names[1]);
  const site first(names[0]);
  throughput result;
  rondo::run([&]() -> awaitable<void> {
    tp::memory_log log;
    tp::tcp_transport net(tp::tcp_transport_options()
                              .key(key)
                              .peer(tp::participant_name(names[0]), "127.0.0.1", first.port())
                              .peer(tp::participant_name(names[1]), "127.0.0.1", second.port()));
    tp::coordinator owner(tp::participant_name("bench"), log, net);
    co_await owner.start();
    result = co_await run_clients(owner, log, clients, seconds);
    co_await owner.stop();
  });
  return result;
}

} // namespace bench
