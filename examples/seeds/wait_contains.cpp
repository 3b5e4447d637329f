// wait takes tasks and gives these very tasks back. Python used to wrap a coroutine in a task, and did not find it
// again; now it refuses coroutines, and here they do not compile.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/runner.hpp>
#include <rondo/task.hpp>
#include <rondo/wait.hpp>

#include <iostream>

rondo::awaitable<int> foo() { co_return 42; }

rondo::awaitable<void> async_main() {
  const auto task = rondo::create_task(foo());
  const auto result = co_await rondo::wait(task);
  std::cout << (result.contains(task) ? "True" : "False") << '\n';
}

int main() { rondo::run(async_main()); }
