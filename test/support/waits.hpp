// What a wait gives, and when.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "futures.hpp"
#include "ticker.hpp"

#include <rondo/wait.hpp>

namespace support {

/// What a wait gave, as handles, and the tick at which it was over.
struct seen {
  futures done;
  futures pending;
  int tick = -1;
};

inline rondo::awaitable<void> wait_and_note(ticker& tick, futures set, rondo::wait_options options, seen& out) {
  auto r = co_await rondo::wait(set, options);
  out.done = r.done;
  out.pending = r.pending;
  out.tick = tick.now();
}

} // namespace support
