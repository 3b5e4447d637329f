// What tests of shield need.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/diagnostics.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/future.hpp>
#include <rondo/shield.hpp>

#include <memory>
#include <vector>

namespace support {

inline rondo::awaitable<int> await_shield(rondo::future<int> f) { co_return co_await rondo::shield(f); }

/// What the exception handler of the running loop is told.
inline std::shared_ptr<std::vector<rondo::exception_context>> record_reports() {
  auto reports = std::make_shared<std::vector<rondo::exception_context>>();
  rondo::get_running_loop().set_exception_handler(
      [reports](rondo::event_loop, const rondo::exception_context& c) { reports->push_back(c); });
  return reports;
}

} // namespace support
