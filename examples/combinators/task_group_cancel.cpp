// task_group::cancel: enough of it. The group's tasks and its body are cancelled, and the block ends without an error.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task_group.hpp>

#include <iostream>
#include <string>

using namespace std::chrono_literals;

rondo::awaitable<void> search(std::string place, rondo::time_limit time, rondo::task_group& group, std::string& found) {
  try {
    co_await rondo::sleep(time);
    found = place;
    group.cancel("found");
  } catch (const rondo::cancelled_error& e) {
    std::cout << "leaving " << place << ": " << e.message() << '\n';
    throw;
  }
}

rondo::awaitable<void> async_main() {
  std::string found;
  co_await rondo::with_task_group([&](rondo::task_group& group) {
    group.create_task(search("the garden", 1h, group, found));
    group.create_task(search("the attic", 10ms, group, found));
    group.create_task(search("the cellar", 1h, group, found));
  });
  std::cout << "the key was in " << found << '\n';
}

int main() { rondo::run(async_main()); }
