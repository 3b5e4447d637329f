// The one Asio timer of a loop.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/config.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <functional>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// Wakes the loop at a time. Arming is a system call, so an alarm that is too early is left alone.
class alarm {
public:
  /// `ring` is called on the executor.
  alarm(const boost::asio::any_io_executor& executor, std::function<void()> ring);
  alarm(const alarm&) = delete;
  alarm& operator=(const alarm&) = delete;

  /// Makes sure that it rings at `deadline` (nanoseconds of the monotonic clock) or earlier.
  void arm(std::int64_t deadline);
  void disarm();
  bool armed() const noexcept { return armed_; }

  /// Whether the alarm counts as outstanding work of the execution context: one that only background tasks wait for
  /// must not keep the context running. Asio has no such timers, so its count is corrected while the alarm is armed, if
  /// the context is an `io_context`.
  void count_as_work(bool counts);

private:
  void correct(bool counts);

  boost::asio::any_io_executor executor_; // dispatches: a strand that is free rings at once
  boost::asio::steady_timer timer_;
  std::function<void()> ring_;
  std::int64_t deadline_ = 0;
  std::uint64_t generation_ = 0; // of the current wait; handlers of earlier ones do nothing
  bool armed_ = false;
  bool counted_ = true; // while armed
};

} // namespace detail
RONDO_END_NAMESPACE
