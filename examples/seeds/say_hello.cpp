// Calling a coroutine function does not run it. Python prints the address of the coroutine object.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/runner.hpp>

#include <iostream>

rondo::awaitable<void> say_hello() {
  std::cout << "Hello, world!\n";
  co_return;
}

int main() {
  rondo::awaitable<void> result = say_hello();
  std::cout << "<coroutine object say_hello>\n";

  rondo::run(std::move(result));
}
