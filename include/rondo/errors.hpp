// The exceptions of the library, and what counts as a cancellation.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/config.hpp>

#include <exception>
#include <stdexcept>
#include <string>

RONDO_BEGIN_NAMESPACE

/// Thrown into a task that was cancelled, at the place where it waits.
///
/// It is not a `std::exception`, so that `catch (std::exception&)` does not swallow a cancellation by accident. Code
/// that catches everything should let it pass: see `rethrow_if_cancelled()`. asyncio: `CancelledError`.
class RONDO_EXPORT cancelled_error {
public:
  explicit cancelled_error(std::string message = {}) : message_(std::move(message)) {}

  /// The text that was given to `cancel()`, or an empty one.
  const std::string& message() const noexcept { return message_; }

private:
  std::string message_;
};

/// A time limit ran out. asyncio: `TimeoutError`.
class RONDO_EXPORT timeout_error : public std::runtime_error {
public:
  explicit timeout_error(const std::string& what = "the time limit ran out") : std::runtime_error(what) {}
  ~timeout_error() override;
};

/// The state of a future does not permit the call: a result that is not there yet, or one set twice.
/// asyncio: `InvalidStateError`.
class RONDO_EXPORT invalid_state_error : public std::logic_error {
public:
  using std::logic_error::logic_error;
  ~invalid_state_error() override;
};

/// A `concurrent_future` was cancelled. Unlike `cancelled_error` it is a `std::exception`, since it tells a thread about
/// somebody else's cancellation. Python: `concurrent.futures.CancelledError`.
class RONDO_EXPORT future_cancelled : public std::runtime_error {
public:
  future_cancelled() : std::runtime_error("the concurrent_future was cancelled") {}
  ~future_cancelled() override;
};

/// `get_nowait` of a queue that has no item. asyncio: `QueueEmpty`.
class RONDO_EXPORT queue_empty : public std::runtime_error {
public:
  queue_empty() : std::runtime_error("the queue is empty") {}
  ~queue_empty() override;
};

/// `put_nowait` into a queue that has no room. asyncio: `QueueFull`.
class RONDO_EXPORT queue_full : public std::runtime_error {
public:
  queue_full() : std::runtime_error("the queue is full") {}
  ~queue_full() override;
};

/// The queue was shut down: it takes no more items, or there will not be any more. asyncio: `QueueShutDown`.
class RONDO_EXPORT queue_shut_down : public std::runtime_error {
public:
  queue_shut_down() : std::runtime_error("the queue was shut down") {}
  ~queue_shut_down() override;
};

/// The barrier was reset or aborted. asyncio: `BrokenBarrierError`.
class RONDO_EXPORT broken_barrier_error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
  ~broken_barrier_error() override;
};

/// Ctrl-C. It is stored in the task that let it through and leaves `run` at once, past all other tasks.
/// Not a `std::exception`. Python: `KeyboardInterrupt`.
class RONDO_EXPORT keyboard_interrupt {};

/// Whether an exception means "cancelled": a `cancelled_error`; a `system_error` with `operation_aborted`, which is what
/// a plain Asio operation throws when its task is cancelled; Asio's `multiple_exceptions` whose first is one of these.
RONDO_EXPORT bool is_cancellation(const std::exception_ptr& error) noexcept;

/// In a `catch (...)` block: throws the exception on if it is a cancellation or a `keyboard_interrupt`, and does nothing
/// otherwise. Outside a catch block it does nothing.
RONDO_EXPORT void rethrow_if_cancelled();

RONDO_END_NAMESPACE
