// A callback takes no arguments.
// SPDX-License-Identifier: BSL-1.0
// expect: a callback takes no arguments
#include <rondo/event_loop.hpp>

void f(rondo::event_loop loop) {
  using namespace std::chrono_literals;
#ifdef RONDO_CONTROL
  loop.call_later(1s, [] {});
#else
  loop.call_later(1s, [](int) {});
#endif
}
