// task_group::start: wait until a task is ready, and get what it reports; it goes on as a task of the group.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task_group.hpp>

#include <iostream>
#include <stdexcept>

using namespace std::chrono_literals;

rondo::awaitable<void> serve(rondo::task_status<int>& status) {
  co_await rondo::sleep(10ms);
  std::cout << "the server listens\n";
  status.started(8080);
  try {
    co_await rondo::sleep(std::nullopt);
  } catch (const rondo::cancelled_error&) {
    std::cout << "the server has ended\n";
    throw;
  }
}

rondo::awaitable<void> serve_nobody(rondo::task_status<int>&) {
  co_await rondo::sleep(10ms);
  throw std::runtime_error("the address is in use");
}

rondo::awaitable<void> async_main() {
  co_await rondo::with_task_group([](rondo::task_group& group) -> rondo::awaitable<void> {
    const int port = co_await group.start(serve);
    std::cout << "connecting to port " << port << '\n';

    // A task that fails before it is ready fails here, and does not disturb the group.
    try {
      co_await group.start(serve_nobody);
    } catch (const std::runtime_error& e) {
      std::cout << "no second server: " << e.what() << '\n';
    }
    group.cancel();
  });
  std::cout << "the group has ended\n";
}

int main() { rondo::run(async_main()); }
