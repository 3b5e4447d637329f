// How waits end, in asyncio's words.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "children.hpp"

#include <rondo/awaitable.hpp>
#include <rondo/errors.hpp>

#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

namespace support::asyncio_words {

/// "value", "CancelledError", "TimeoutError", or the text of another exception.
inline std::string name_of(const std::exception_ptr& error) {
  if (!error) return "value";
  try {
    std::rethrow_exception(error);
  } catch (const rondo::cancelled_error&) {
    return "CancelledError";
  } catch (const rondo::timeout_error&) {
    return "TimeoutError";
  } catch (const std::runtime_error& e) {
    return e.what();
  }
}

/// The error with which `wait` ends, also if that is a cancellation of the task itself.
inline rondo::awaitable<std::exception_ptr> error_of(rondo::awaitable<void> wait) {
  try {
    co_await std::move(wait);
  } catch (...) {
    co_return std::current_exception();
  }
  co_return nullptr;
}

inline rondo::awaitable<std::string> end_of(rondo::awaitable<void> wait) {
  std::exception_ptr error = co_await error_of(std::move(wait));
  co_return name_of(error);
}

/// Waits for ever and returns when it is cancelled.
inline rondo::awaitable<void> swallow() { co_await refuses(0); }

} // namespace support::asyncio_words
