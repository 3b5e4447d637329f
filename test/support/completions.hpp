// A consumer of as_completed that writes down what it meets.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "futures.hpp"
#include "trace.hpp"

#include <rondo/as_completed.hpp>
#include <rondo/errors.hpp>

#include <cstddef>
#include <string>

namespace support {

/// What one consumer meets: "name:number", "name:end", "name:timeout", "name:cancelled".
inline rondo::awaitable<void> consume(rondo::completions<rondo::future<int>>& items, const futures& set,
                                      std::string name, trace& log) {
  std::string what;
  try {
    auto f = co_await items.next();
    what = "end";
    for (std::size_t i = 0; i < set.size(); ++i)
      if (f && *f == set[i]) what = std::to_string(i);
  } catch (const rondo::timeout_error&) {
    what = "timeout";
  } catch (const rondo::cancelled_error&) {
    what = "cancelled";
  }
  log.push_back(name + ":" + what);
}

} // namespace support
