// Two at the same time, and their results.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/gather.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>

#include <iostream>
#include <string>

rondo::awaitable<std::string> fetch_data(int delay, std::string name) {
  co_await rondo::sleep(delay * second);
  std::cout << name << " finished after " << delay << " seconds\n";
  co_return name + " result";
}

rondo::awaitable<void> async_main() {
  const auto [a, b] = co_await rondo::gather(fetch_data(2, "Task A"), fetch_data(3, "Task B"));
  std::cout << "['" << a << "', '" << b << "']\n";
}

int main() { rondo::run(async_main()); }
