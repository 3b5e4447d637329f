// run: the entry point of a program. Python prints the address of the coroutine object, and warns that it never ran.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>

#include <iostream>

rondo::awaitable<void> async_main() {
  std::cout << "hello\n";
  co_await rondo::sleep(1 * second);
  std::cout << "world\n";
}

int main() {
  { // a coroutine that nobody runs does nothing
    const rondo::awaitable<void> coroutine = async_main();
    std::cout << "<coroutine object main>\n";
  }
  rondo::run(async_main());
}
