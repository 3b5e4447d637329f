// exception_group: several errors as one; handle them by type, and pass on what you cannot handle.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/exception_group.hpp>
#include <rondo/runner.hpp>
#include <rondo/task_group.hpp>

#include <iostream>
#include <stdexcept>
#include <string>

template <class E>
rondo::awaitable<void> fail(std::string message) {
  throw E(message);
  co_return; // which makes it a coroutine
}

// Handles what it knows, as Python's except* does; the rest leaves as a group.
rondo::awaitable<void> load() {
  std::exception_ptr rest;
  try {
    co_await rondo::with_task_group([](rondo::task_group& group) {
      group.create_task(fail<std::out_of_range>("there is no page 7"));
      group.create_task(fail<std::invalid_argument>("'x' is no number"));
      group.create_task(fail<std::out_of_range>("there is no page 9"));
    });
  } catch (const rondo::exception_group& errors) {
    rest = errors.handle<std::out_of_range>(
        [](const std::out_of_range& e) { std::cout << "handled: " << e.what() << '\n'; });
  }
  if (rest) std::rethrow_exception(rest);
}

rondo::awaitable<void> async_main() {
  try {
    co_await load();
  } catch (const rondo::exception_group& errors) {
    std::cout << "left: " << errors.size() << '\n' << errors.what() << '\n';
    const auto [arguments, others] = errors.split<std::invalid_argument>();
    std::cout << "invalid arguments: " << (arguments ? "some" : "none") << ", others: " << (others ? "some" : "none")
              << '\n';
  }
}

int main() { rondo::run(async_main()); }
