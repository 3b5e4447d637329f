// Small coroutines that combinators run in tests, and how things end in asyncio's words.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "futures.hpp"
#include "trace.hpp"

#include <rondo/awaitable.hpp>
#include <rondo/errors.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/exception_group.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/time.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace support {

inline rondo::awaitable<int> value_of(int i) { co_return i; }
inline rondo::awaitable<void> nothing() { co_return; }

inline rondo::awaitable<int> value_after(rondo::time_limit d, int i) {
  co_await rondo::sleep(d);
  co_return i;
}

inline rondo::awaitable<int> value_after_passes(int passes, int i) {
  co_await rondo::testing::passes(passes);
  co_return i;
}

inline rondo::awaitable<int> fails(std::string text) {
  throw std::runtime_error(text);
  co_return 0;
}

inline rondo::awaitable<int> fails_after(rondo::time_limit d, std::string text) {
  co_await rondo::sleep(d);
  throw std::runtime_error(text);
}

inline rondo::awaitable<void> raise(std::string text) {
  throw std::runtime_error(text);
  co_return;
}

inline rondo::awaitable<void> raise_after(int passes, std::string text) {
  co_await rondo::testing::passes(passes);
  throw std::runtime_error(text);
}

inline rondo::awaitable<void> for_ever() { co_await rondo::sleep(std::nullopt); }
inline rondo::awaitable<void> sleep_long() { co_await rondo::sleep(std::chrono::hours(1)); }

/// Sleeps and tells whether that was cancelled: "slept", or "cancelled " with the message of the cancellation.
inline rondo::awaitable<std::string> outcome_of_sleep(rondo::time_limit d) {
  try {
    co_await rondo::sleep(d);
  } catch (const rondo::cancelled_error& e) {
    co_return "cancelled " + e.message();
  }
  co_return "slept";
}

inline rondo::awaitable<void> write(trace& log, std::string word) {
  log.push_back(word);
  co_return;
}

/// Holds something alive, to see when a coroutine is destroyed.
inline rondo::awaitable<void> hold(std::shared_ptr<int>) { co_await rondo::sleep(std::nullopt); }

/// Waits until it is cancelled and returns all the same.
inline rondo::awaitable<int> refuses(int i) {
  try {
    co_await rondo::sleep(std::nullopt);
  } catch (const rondo::cancelled_error&) {
  }
  co_return i;
}

/// Waits until it is cancelled and fails instead.
inline rondo::awaitable<int> fails_instead(std::string text) {
  co_await refuses(0);
  throw std::runtime_error(text);
}

/// Waits until it is cancelled, cleans up for a second, writes its name and ends as it was told.
inline rondo::awaitable<int> ends_late(trace* log, std::string name = "late") {
  std::exception_ptr error;
  try {
    co_await rondo::sleep(std::nullopt);
  } catch (const rondo::cancelled_error&) {
    error = std::current_exception();
  }
  co_await rondo::sleep(std::chrono::seconds(1));
  log->push_back(name);
  std::rethrow_exception(error);
}

/// Waits until it is cancelled and writes that down: "name cancelled", and the message if there is one.
inline rondo::awaitable<void> note_cancel(trace* log, std::string name) {
  try {
    co_await rondo::sleep(std::nullopt);
  } catch (const rondo::cancelled_error& e) {
    log->push_back(name + " cancelled" + (e.message().empty() ? "" : " " + e.message()));
    throw;
  }
}

/// A clean-up that takes two seconds, and shows if it is interrupted.
class two_seconds {
public:
  explicit two_seconds(trace& log) : log_(log) {}

  rondo::awaitable<void> operator()() {
    log_.push_back("begin");
    try {
      co_await rondo::sleep(std::chrono::seconds(2));
      log_.push_back("end");
    } catch (const rondo::cancelled_error& e) {
      log_.push_back("interrupted " + e.message());
      throw;
    }
  }

private:
  trace& log_;
};

/// An error and its nesting: "none", "Group[a, Group[b]]", "Cancelled(message)", "Timeout", "KeyboardInterrupt".
inline std::string shape(const std::exception_ptr& error) {
  if (!error) return "none";
  try {
    std::rethrow_exception(error);
  } catch (const rondo::exception_group& group) {
    std::string text;
    for (const std::exception_ptr& member : group)
      text += (text.empty() ? "" : ", ") + shape(member);
    return "Group[" + text + "]";
  } catch (const rondo::timeout_error&) {
    return "Timeout";
  } catch (const std::exception& e) {
    return e.what();
  } catch (const rondo::cancelled_error& e) {
    return "Cancelled(" + e.message() + ")";
  } catch (const rondo::keyboard_interrupt&) {
    return "KeyboardInterrupt";
  }
}

/// Awaits something for the shape of its end; unlike `settle` it does not let a cancellation of the task itself through.
template <class Source>
rondo::awaitable<std::string> end_of(Source source) {
  std::exception_ptr error;
  try {
    co_await std::move(source);
  } catch (...) {
    error = std::current_exception();
  }
  co_return shape(error);
}

/// Writes down what a block ends with, the count of cancel requests then, and what the next wait ends with.
template <class Block>
rondo::awaitable<void> note_block(trace& log, Block block) {
  auto end = co_await end_of(std::move(block));
  log.push_back(end);
  log.push_back(std::to_string(rondo::current_task().cancelling()));
  end = co_await end_of(rondo::testing::passes(1));
  log.push_back(end);
}

/// The time since the running loop began, on virtual time.
inline rondo::clock::duration elapsed() { return rondo::get_running_loop().time().time_since_epoch(); }

inline bool now_is(rondo::clock::duration d) { return rondo::clock::now().time_since_epoch() == d; }

} // namespace support
