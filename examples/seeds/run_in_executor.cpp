// What blocks: in the loop's own thread it stops everything, in a pool it does not.
// The end of a pool waits for its jobs, and blocks the loop meanwhile, as it does in Python, where a pool of processes
// comes third. Python prints the time of day, and all of its jobs take three seconds, which leaves the order of the
// pools to chance.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/as_completed.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/runner.hpp>
#include <rondo/task.hpp>
#include <rondo/threads.hpp>

#include <iostream>
#include <memory>
#include <string>
#include <thread>

std::string synchronized_block(std::string place, int block_time) {
  std::this_thread::sleep_for(block_time * second);
  return place + " block " + std::to_string(block_time) + " second";
}

rondo::awaitable<std::string> async_block(std::string place, int block_time) {
  co_return synchronized_block(place, block_time);
}

rondo::awaitable<void> async_main() {
  const auto loop = rondo::get_running_loop();

  const auto here = rondo::create_task(async_block("current thread", 3));
  const auto in_default = loop.run_in_executor(nullptr, [] { return synchronized_block("default thread pool", 2); });
  const auto pool = std::make_shared<rondo::thread_pool_executor>(1);
  const auto in_pool = loop.run_in_executor(pool, [] { return synchronized_block("custom thread pool", 3); });
  pool->shutdown();

  const auto start = rondo::clock::now();
  std::cout << "started at " << (rondo::clock::now() - start) / second << " s\n";
  auto results = rondo::as_completed(std::nullopt, here, in_default, in_pool);
  while (const auto result = co_await results.next())
    std::cout << result->result() << '\n';
  std::cout << "finished at " << (rondo::clock::now() - start) / second << " s\n";
}

int main() { rondo::run(async_main()); }
