// What can be asked of a task.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>

#include <iostream>
#include <string>

rondo::awaitable<std::string> greetings(std::string name, rondo::time_limit delay) {
  co_await rondo::sleep(delay);
  co_return "Hello! " + name;
}

rondo::awaitable<void> async_main() {
  std::cout << std::boolalpha;
  const auto task = rondo::create_task(greetings("刘德华", 1 * second), rondo::task_options().name("刘德华"));
  std::cout << "name: " << task.name() << '\n';
  std::cout << "done: " << task.done() << '\n';
  try {
    task.exception();
  } catch (const rondo::invalid_state_error& e) {
    std::cout << "invalid_state_error: " << e.what() << '\n';
  }

  co_await task.get();
  std::cout << "done: " << task.done() << '\n';
  std::cout << "cancelled: " << task.cancelled() << '\n';
  std::cout << "result: " << task.result() << '\n';
  std::cout << "exception: " << (task.exception() ? "some" : "none") << '\n';

  const auto other = rondo::create_task(greetings("张学友", 2 * second));
  co_await rondo::sleep(1 * second);
  std::cout << "cancel: " << other.cancel() << '\n';
  try {
    co_await other.get();
  } catch (const rondo::cancelled_error&) {
    std::cout << "cancelled: " << other.cancelled() << '\n';
  }
  std::cout << "done: " << other.done() << '\n';
}

int main() { rondo::run(async_main()); }
