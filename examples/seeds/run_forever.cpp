// A loop with callbacks, which runs until somebody stops it.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/event_loop.hpp>
#include <rondo/runner.hpp>

#include <iostream>

int main() {
  rondo::runner runner;
  const rondo::event_loop loop = runner.loop();

  loop.call_soon([] { std::cout << "call_soon\n"; });
  loop.call_later(2 * second, [&] {
    std::cout << "call_later: 2 seconds, stop\n";
    loop.stop();
  });
  loop.call_at(loop.time() + 1 * second, [] { std::cout << "call_at: in a second\n"; });
  auto handle = loop.call_later(1 * second, [] { std::cout << "never\n"; });
  handle.cancel();

  loop.run_forever();
  std::cout << std::boolalpha << "running: " << loop.is_running() << ", closed: " << loop.is_closed() << '\n';
  runner.close();
  std::cout << "running: " << loop.is_running() << ", closed: " << loop.is_closed() << '\n';
}
