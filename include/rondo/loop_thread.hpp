// loop_thread: a background thread with a running loop.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/concurrent_future.hpp>
#include <rondo/runner.hpp>

#include <memory>
#include <source_location>

RONDO_BEGIN_NAMESPACE

/// A thread that runs an event loop until `stop()` or the destructor.
///
/// Thread safety: `loop`, `submit` and `stop` on any thread; `stop` and the destructor not on the thread itself.
class RONDO_EXPORT loop_thread {
public:
  /// Starts the thread and waits until its loop runs.
  explicit loop_thread(run_options options = {});
  loop_thread(const loop_thread&) = delete;
  loop_thread& operator=(const loop_thread&) = delete;

  /// A `stop()`.
  ~loop_thread();

  event_loop loop() const;

  /// `run_coroutine_threadsafe(source, loop())`.
  template <class S>
  auto submit(S&& source, std::source_location where = std::source_location::current()) const {
    return run_coroutine_threadsafe(std::forward<S>(source), loop(), where);
  }

  /// Cancels the tasks of the loop, waits until they have ended, and joins the thread. A second call does nothing.
  /// Throws: `std::runtime_error` on the thread itself, which cannot wait for its own end.
  void stop();

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

RONDO_END_NAMESPACE
