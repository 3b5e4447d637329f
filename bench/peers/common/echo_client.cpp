// The client of all echo servers: each connection sends 64 bytes, waits until they are back, and sends again.
// SPDX-License-Identifier: BSL-1.0
#include "meter.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t message_size = 64;

int check(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

/// A server that was just started may not listen yet.
int connect_to(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (const auto deadline = clock_type::now() + 10s;;) {
    const int fd = check(socket(AF_INET, SOCK_STREAM, 0), "socket");
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
      const int one = 1;
      const linger reset{1, 0}; // leaves no ports behind in TIME_WAIT
      check(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), "TCP_NODELAY");
      check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), "SO_LINGER");
      return fd;
    }
    const int error = errno;
    close(fd);
    if (error != ECONNREFUSED || clock_type::now() > deadline)
      throw std::system_error(error, std::generic_category(), "connect to the server");
    std::this_thread::sleep_for(10ms);
  }
}

class connection {
public:
  explicit connection(std::uint16_t port) : fd_(connect_to(port)) {}

  int fd() const { return fd_; }

  void send() {
    static constexpr std::array<char, message_size> message{};
    sent_ = clock_type::now();
    if (::send(fd_, message.data(), message.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(message.size()))
      throw std::system_error(errno, std::generic_category(), "send");
  }

  /// Whether the whole message is back.
  bool receive() {
    std::array<char, message_size> data;
    const ssize_t size = check(static_cast<int>(recv(fd_, data.data(), message_size - received_, 0)), "recv");
    if (size == 0) throw std::runtime_error("the server has closed a connection");
    received_ += static_cast<std::size_t>(size);
    if (received_ < message_size) return false;
    received_ = 0;
    return true;
  }

  clock_type::time_point sent() const { return sent_; }

private:
  int fd_;
  std::size_t received_ = 0;
  clock_type::time_point sent_;
};

struct cpu_time {
  long user = 0, system = 0; // in ticks
  long long total_ns = 0;    // of the process's first thread
};

/// Ticks from /proc/PID/stat, whose second field may contain spaces.
cpu_time cpu_of(long pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  std::ifstream stat(folder + "/stat"), schedstat(folder + "/schedstat");
  std::string skipped;
  std::getline(stat, skipped, ')');
  for (int i = 0; i < 11; ++i)
    stat >> skipped;
  cpu_time result;
  stat >> result.user >> result.system;
  schedstat >> result.total_ns;
  return result;
}

class load {
public:
  load(std::uint16_t port, long connections) : epoll_(check(epoll_create1(0), "epoll_create1")) {
    for (long i = 0; i < connections; ++i)
      connections_.emplace_back(port);
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      check(epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_[i].fd(), &event), "epoll_ctl");
      connections_[i].send();
    }
  }

  /// Goes on for that long and gives the time of every request that ended in it.
  std::vector<std::uint32_t> run(clock_type::duration time) {
    std::vector<std::uint32_t> latencies;
    latencies.reserve(1 << 20);
    std::array<epoll_event, 128> events;
    for (const auto end = clock_type::now() + time; clock_type::now() < end;) {
      const int n = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 1000);
      if (n == 0) throw std::runtime_error("no answer for a second");
      for (int i = 0; i < n; ++i) {
        connection& c = connections_[events[static_cast<std::size_t>(i)].data.u64];
        if (!c.receive()) continue;
        latencies.push_back(static_cast<std::uint32_t>((clock_type::now() - c.sent()) / 1ns));
        c.send();
      }
    }
    return latencies;
  }

private:
  int epoll_;
  std::vector<connection> connections_;
};

double percentile_us(std::vector<std::uint32_t>& latencies, double part) {
  const auto at = latencies.begin() + static_cast<std::ptrdiff_t>(part * static_cast<double>(latencies.size() - 1));
  std::nth_element(latencies.begin(), at, latencies.end());
  return *at / 1e3;
}

void measure(std::uint16_t port, long connections, long milliseconds, long server) {
  load l(port, connections);
  l.run(200ms);
  const cpu_time before = cpu_of(server);
  const auto begin = clock_type::now();
  std::vector<std::uint32_t> latencies = l.run(std::chrono::milliseconds(milliseconds));
  const double seconds = std::chrono::duration<double>(clock_type::now() - begin).count();
  const cpu_time after = cpu_of(server);
  if (latencies.empty()) throw std::runtime_error("the server answered nothing");
  const double requests = static_cast<double>(latencies.size());
  std::printf("{\"requests\": %.0f, \"seconds\": %.6f, \"p50_us\": %.2f, \"p99_us\": %.2f, \"user_ticks\": %ld, "
              "\"system_ticks\": %ld, \"ticks_per_second\": %ld, \"server_cpu_ns\": %lld}\n",
              requests, seconds, percentile_us(latencies, 0.5), percentile_us(latencies, 0.99),
              after.user - before.user, after.system - before.system, sysconf(_SC_CLK_TCK),
              after.total_ns - before.total_ns);
}

} // namespace

int main(int argc, char** argv) {
  long numbers[4] = {0, 0, 0, 0};
  for (int i = 1; i < argc && i <= 4; ++i)
    numbers[i - 1] = peers::number(argv[i]);
  const auto [port, connections, milliseconds, server] = numbers;
  if (argc != 5 || port <= 0 || port > 65535 || connections <= 0 || milliseconds <= 0 || server <= 0) {
    std::cerr << "usage: echo_client PORT CONNECTIONS MILLISECONDS PID_OF_THE_SERVER\n";
    return 2;
  }
  try {
    measure(static_cast<std::uint16_t>(port), connections, milliseconds, server);
    return 0;
  } catch (const std::exception& e) {
    std::cerr << "echo_client: " << e.what() << '\n';
    return 1;
  }
}
