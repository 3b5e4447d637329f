// A trace in which each word has the number of its pass, and the users of locks and the like that write it.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "ticker.hpp"
#include "trace.hpp"

#include <rondo/awaitable.hpp>
#include <rondo/errors.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/timeout.hpp>

#include <chrono>
#include <string>
#include <utility>

namespace support {

/// What happens, and in which pass: "3 a in".
class diary {
public:
  void operator()(const std::string& word) { words_.push_back(std::to_string(now()) + " " + word); }

  int now() const noexcept { return ticker_ ? ticker_->now() : last_; }
  const trace& words() const noexcept { return words_; }

  /// Counts the passes while it lives.
  class counter {
  public:
    explicit counter(diary& d) : diary_(d), ticker_(rondo::get_running_loop()) { d.ticker_ = &ticker_; }
    counter(const counter&) = delete;
    counter& operator=(const counter&) = delete;
    ~counter() {
      diary_.last_ = diary_.now();
      diary_.ticker_ = nullptr;
    }

  private:
    diary& diary_;
    ticker ticker_;
  };

private:
  trace words_;
  const ticker* ticker_ = nullptr;
  int last_ = 0;
};

/// Runs `body(diary&)` as the main task, on virtual time, and gives what was written.
template <class Body>
trace traced(Body body) {
  diary note;
  rondo::testing::run_virtual([&]() -> rondo::awaitable<void> {
    const diary::counter counts(note);
    co_await rondo::sleep(std::chrono::seconds(0));
    co_await body(note);
  });
  return note.words();
}

/// Awaits something and notes if that is cancelled.
template <class Op>
rondo::awaitable<typename Op::value_type> noted(diary& note, std::string name, Op op) {
  try {
    co_return co_await std::move(op);
  } catch (const rondo::cancelled_error&) {
    note(name + " cancelled");
    throw;
  }
}

/// Holds a lock, or a permit, for a number of passes.
template <class Primitive>
rondo::awaitable<void> use(diary& note, Primitive& primitive, std::string name, int held = 1) {
  const auto guard = co_await noted(note, name, primitive.scoped());
  note(name + " in");
  try {
    co_await rondo::testing::passes(held);
  } catch (const rondo::cancelled_error&) {
    note(name + " cut");
    throw;
  }
  note(name + " out");
}

/// Awaits something for a second, and notes if that is not enough.
inline rondo::awaitable<void> late(diary& note, std::string name, rondo::awaitable<void> what) {
  try {
    const auto body = [&] { return std::move(what); };
    co_await rondo::with_timeout(std::chrono::seconds(1), body);
  } catch (const rondo::timeout_error&) {
    note(name + " late");
  }
}

} // namespace support
