// A process that has nothing to do: two loops whose tasks wait, and a thread that is blocked. tools/check-idle watches it.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/rondo.hpp>

#include <csignal>
#include <cstdio>
#include <thread>

int main() {
  // Blocked in all threads, so that the main thread can wait for it without waking up.
  sigset_t end;
  sigemptyset(&end);
  sigaddset(&end, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &end, nullptr);

  rondo::loop_pool pool(2);
  rondo::thread_event event;
  rondo::thread_queue<int> queue(1);
  const auto wait_for_event = [event]() -> rondo::awaitable<void> { co_await event.wait(); };
  const auto wait_for_item = [queue]() -> rondo::awaitable<void> { co_await queue.next(); };
  const auto first = pool.submit(wait_for_event);
  const auto second = pool.submit(wait_for_item);
  std::thread blocked([queue] { queue.blocking_next(); });
  std::puts("idle");
  std::fflush(stdout);

  int signal = 0;
  sigwait(&end, &signal);
  event.set();
  queue.close();
  blocked.join();
  first.result();
  second.result();
  return 0;
}
