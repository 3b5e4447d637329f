// with_timeout: a block with a time limit, which the block may move.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/timeout.hpp>

#include <iostream>
#include <string>

using namespace std::chrono_literals;

rondo::awaitable<std::string> read_line(int number, rondo::time_limit delay) {
  co_await rondo::sleep(delay);
  co_return "line " + std::to_string(number);
}

rondo::awaitable<void> async_main() {
  // The block may refer to what is around it.
  std::string last;
  try {
    co_await rondo::with_timeout(150ms, [&]() -> rondo::awaitable<void> {
      last = co_await read_line(1, 10ms);
      last = co_await read_line(2, 10ms);
      last = co_await read_line(3, 1h);
    });
  } catch (const rondo::timeout_error&) {
    std::cout << "150 ms are over, at " << last << '\n';
  }

  // A limit on silence instead of one on the whole: every line moves the deadline.
  last = co_await rondo::with_timeout(200ms, [](rondo::timeout_scope& scope) -> rondo::awaitable<std::string> {
    std::string line;
    for (int i = 1; i <= 4; ++i) {
      line = co_await read_line(i, 60ms);
      scope.reschedule(rondo::clock::now() + 200ms);
    }
    co_return line;
  });
  std::cout << "no silence of 200 ms up to " << last << '\n';
}

int main() { rondo::run(async_main()); }
