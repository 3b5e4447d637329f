// Coroutines of another thread's loop, awaited in this one: wrap_future turns their results into futures.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/concurrent_future.hpp>
#include <rondo/loop_thread.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>

#include <iostream>
#include <string>
#include <thread>
#include <utility>

class async_task_executor {
public:
  // To be called in a running loop, whose thread is not blocked by it.
  template <class S>
  auto run_coro(S&& coro) const {
    return rondo::wrap_future(thread_.submit(std::forward<S>(coro)));
  }

private:
  rondo::loop_thread thread_;
};

rondo::awaitable<std::thread::id> work() {
  co_await rondo::sleep(1 * second);
  co_return std::this_thread::get_id();
}

rondo::awaitable<void> async_main() {
  const async_task_executor executor;
  const auto first = executor.run_coro(work());
  const auto second_one = executor.run_coro(work());

  const std::thread::id here = std::this_thread::get_id();
  const std::thread::id there = co_await first.get();
  std::cout << "done in " << (there == here ? "this thread" : "the thread of the executor") << '\n';
  const bool same = there == co_await second_one.get();
  std::cout << "and again in " << (same ? "that one" : "another one") << '\n';
}

int main() { rondo::run(async_timed(async_main)); }
