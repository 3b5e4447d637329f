// Three workers share a queue of jobs; join waits until all jobs are done.
// The Python program draws its sleeps at random. Here they are fixed, and the clock is the virtual one, which jumps
// when nothing is ready, so that ten seconds of sleep take no time.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/gather.hpp>
#include <rondo/queue.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

using std::chrono::milliseconds;

std::string seconds(std::chrono::duration<double> d) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(2) << d.count();
  return text.str();
}

rondo::awaitable<void> worker_coro(std::string name, rondo::queue<milliseconds>& queue) {
  while (true) {
    const milliseconds sleep_for = co_await queue.get();
    co_await rondo::sleep(sleep_for);
    queue.task_done();
    std::cout << name << " has slept for " << seconds(sleep_for) << " seconds\n";
  }
}

rondo::awaitable<void> async_main() {
  rondo::queue<milliseconds> queue; // the workers refer to it, and have ended before it goes
  std::vector<rondo::task<>> workers;
  for (int i = 0; i < 3; ++i)
    workers.push_back(rondo::create_task(worker_coro("worker-" + std::to_string(i), queue)));

  milliseconds total_sleep_time(0);
  for (int i = 0; i < 20; ++i) {
    const milliseconds sleep_for(50 + 10 * (21 * i % 95));
    total_sleep_time += sleep_for;
    queue.put_nowait(sleep_for);
  }

  const auto started_at = rondo::clock::now();
  co_await queue.join();
  const auto total_slept_for = rondo::clock::now() - started_at;

  for (const auto& worker : workers)
    worker.cancel();
  co_await rondo::gather_settled(workers);

  std::cout << "====\n";
  std::cout << "3 workers slept in parallel for " << seconds(total_slept_for) << " seconds\n";
  std::cout << "total expected sleep time: " << seconds(total_sleep_time) << " seconds\n";
}

int main() { rondo::testing::run_virtual(async_main()); }
