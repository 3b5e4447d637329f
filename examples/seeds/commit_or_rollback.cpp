// Commit arrives on one loop, rollback on another; a third thread waits for the first of both, and cancels the other.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/concurrent_future.hpp>
#include <rondo/loop_pool.hpp>
#include <rondo/runner.hpp>
#include <rondo/thread_event.hpp>
#include <rondo/wait.hpp>

#include <iostream>
#include <string>

rondo::awaitable<std::string> wait_for_message(rondo::thread_event arrived, std::string message) {
  co_await arrived.wait();
  co_return message;
}

/// wait wants futures of its own loop: wrap_future makes them of those that threads share.
rondo::awaitable<std::string> first_of(rondo::concurrent_future<std::string> commit,
                                       rondo::concurrent_future<std::string> rollback) {
  const std::vector<rondo::future<std::string>> both{rondo::wrap_future(commit), rondo::wrap_future(rollback)};
  const auto options =
      rondo::wait_options().timeout(std::chrono::seconds(5)).return_when(rondo::return_when::first_completed);
  const rondo::wait_result<rondo::future<std::string>> result = co_await rondo::wait(both, options);
  for (const auto& loser : result.pending)
    loser.cancel(); // and with it the task on the other loop
  if (result.done.empty()) co_return "neither in time";
  co_return result.done.front().result();
}

int main() {
  rondo::loop_pool pool(2);
  const std::vector<rondo::event_loop> loops = pool.loops();
  const rondo::thread_event commit, rollback;
  const auto committed = rondo::run_coroutine_threadsafe(wait_for_message(commit, "commit"), loops[0]);
  const auto rolled_back = rondo::run_coroutine_threadsafe(wait_for_message(rollback, "rollback"), loops[1]);

  rollback.set(); // from any thread
  std::cout << "decision: " << rondo::run(first_of(committed, rolled_back)) << '\n';
  std::cout << "commit cancelled: " << std::boolalpha << committed.cancelled() << '\n';
}
