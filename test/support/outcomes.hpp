// In a word what becomes of waits that a cancel meets.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/awaitable.hpp>
#include <rondo/errors.hpp>
#include <rondo/task.hpp>

#include <exception>
#include <string>
#include <utility>

namespace support {

/// "result", "cancelled", also by an operation's abort, or "error".
template <class Source>
rondo::awaitable<std::string> word_of(Source source) {
  try {
    co_await std::move(source);
  } catch (...) {
    co_return rondo::is_cancellation(std::current_exception()) ? "cancelled" : "error";
  }
  co_return "result";
}

/// Calls wait(), and sets `result` to the word when what that gives has ended.
template <class Wait>
rondo::awaitable<void> note(std::string& result, Wait wait) {
  result = co_await word_of(wait());
}

/// Of two waits in a row, one of which a cancel met; empty: has not ended.
struct outcome {
  std::string first;
  std::string second;
};

/// How often a cancel came: in the waits of a task, and as its end.
inline int deliveries(const outcome& o, const rondo::any_task& t) {
  return int(o.first == "cancelled") + int(o.second == "cancelled") + int(t.cancelled());
}

inline rondo::awaitable<rondo::any_task> ended(rondo::task<void> t) {
  co_await rondo::settle(t);
  co_return t;
}

} // namespace support
