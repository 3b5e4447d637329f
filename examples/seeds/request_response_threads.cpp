// Two loops in two threads that pass the turn to each other. The Python program has no end; this one has two rounds.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/concurrent_future.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/future.hpp>
#include <rondo/loop_thread.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>

#include <iostream>

// Where the two live, and how to end.
struct game {
  rondo::event_loop main_loop, work_loop;
  rondo::future<void> over; // of the main loop
};

rondo::awaitable<void> response(game g, int rounds);

rondo::awaitable<void> request(game g, int rounds) {
  std::cout << "request!\n";
  co_await rondo::sleep(1 * second);
  rondo::run_coroutine_threadsafe(response(g, rounds), g.main_loop);
}

rondo::awaitable<void> response(game g, int rounds) {
  std::cout << "response!\n";
  co_await rondo::sleep(1 * second);
  if (rounds > 1)
    rondo::run_coroutine_threadsafe(request(g, rounds - 1), g.work_loop);
  else
    g.over.set_result();
}

rondo::awaitable<void> async_main() {
  const rondo::loop_thread work_thread;
  const auto main_loop = rondo::get_running_loop();
  const game g{main_loop, work_thread.loop(), main_loop.create_future()};

  rondo::run_coroutine_threadsafe(request(g, 2), g.work_loop);
  co_await g.over.get();
}

int main() { rondo::run(async_main()); }
