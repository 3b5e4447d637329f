// An echo server by hand, level-triggered epoll and nothing else: the limit of what one thread can do here.
// SPDX-License-Identifier: BSL-1.0
#include "../common/meter.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace {

int check(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

void watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  check(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

int listen_on(long port) {
  const int fd = check(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
  const int one = 1;
  check(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), "SO_REUSEADDR");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  check(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), "bind");
  check(listen(fd, SOMAXCONN), "listen");
  return fd;
}

void accept_one(int epoll, int listener) {
  const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
  if (fd < 0) return;
  const int one = 1;
  check(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), "TCP_NODELAY");
  watch(epoll, fd);
}

void echo(int fd) {
  std::array<char, 4096> data;
  const ssize_t size = recv(fd, data.data(), data.size(), 0);
  if (size < 0 && errno == EAGAIN) return;
  // The clients of this comparison have at most one message under way, for which there is always room.
  if (size <= 0 || send(fd, data.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL) != size) close(fd);
}

struct echo_case {
  std::string_view name;
};
constexpr echo_case cases[] = {{"echo"}};

} // namespace

int main(int argc, char** argv) {
  return peers::run_case(argc, argv, cases, [](const echo_case&, peers::meter&, long port, long) {
    const int epoll = check(epoll_create1(0), "epoll_create1");
    const int listener = listen_on(port);
    watch(epoll, listener);
    std::array<epoll_event, 128> events;
    while (true) {
      const int n = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < n; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == listener)
          accept_one(epoll, listener);
        else
          echo(fd);
      }
    }
  });
}
