// with_task_group: tasks that end with their block; what went wrong in them arrives as one exception_group.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/exception_group.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task_group.hpp>

#include <iostream>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

rondo::awaitable<void> square(int x, int& sum) {
  co_await rondo::sleep(10ms);
  sum += x * x;
}

rondo::awaitable<void> read_page(int number) {
  co_await rondo::sleep(10ms);
  throw std::out_of_range("there is no page " + std::to_string(number));
}

rondo::awaitable<void> write_log() {
  try {
    co_await rondo::sleep(1h);
  } catch (const rondo::cancelled_error&) {
    throw std::runtime_error("the log could not be saved");
  }
}

rondo::awaitable<void> async_main() {
  // Tasks in a group may refer to what is around it. The block ends when all of them have ended.
  int sum = 0;
  co_await rondo::with_task_group([&](rondo::task_group& group) {
    group.create_task(square(3, sum));
    group.create_task(square(4, sum));
  });
  std::cout << "3 * 3 + 4 * 4 = " << sum << '\n';

  // The first failure cancels the others and waits for them; here one of those fails, too.
  try {
    co_await rondo::with_task_group([](rondo::task_group& group) {
      group.create_task(write_log());
      group.create_task(read_page(7));
      group.create_task(rondo::sleep(1h));
    });
  } catch (const rondo::exception_group& errors) {
    std::cout << errors.size() << " errors\n";
    const std::exception_ptr rest = errors.handle<std::out_of_range>(
        [](const std::out_of_range& e) { std::cout << "out of range: " << e.what() << '\n'; });
    const std::exception_ptr others = rondo::handle_exceptions<std::runtime_error>(
        rest, [](const std::runtime_error& e) { std::cout << "runtime error: " << e.what() << '\n'; });
    if (others) std::rethrow_exception(others);
  }
}

int main() { rondo::run(async_main()); }
