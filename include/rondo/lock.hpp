// lock: one task at a time.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/line.hpp>

#include <string>

RONDO_BEGIN_NAMESPACE

/// Mutual exclusion between tasks of one loop: first come, first served.
///
///     lock m;
///     {
///       auto guard = co_await m.scoped();   // not without a name: that would unlock at once
///       ...
///     }
///
/// Any task may release it, as in asyncio; it is not recursive. It can be made outside a loop and belongs to the loop of
/// the first task that has to wait. If it is destroyed, those that wait get a `std::runtime_error`. Thread safety: the
/// loop's thread; debug mode refuses a `release` elsewhere that would wake a task. asyncio: `Lock`.
class RONDO_EXPORT lock {
public:
  lock() noexcept : line_("lock") {}

  /// Waits until the lock is free and everybody who came before has had it, and locks it.
  ///
  /// Cancellation: leaves the line; a lock that was handed over just then goes to the next in line.
  /// Throws: `std::runtime_error` if it has to wait and the lock belongs to another loop. asyncio: `Lock.acquire`.
  detail::acquire_op<lock, void> acquire() noexcept { return {*this, line_}; }

  /// The same, and gives a guard that unlocks when it goes. asyncio: `async with lock`.
  detail::acquire_op<lock, scoped_guard<lock>> scoped() noexcept { return {*this, line_}; }

  /// Locks it if that needs no wait.
  bool try_acquire() noexcept {
    if (locked_ || !line_.deserted()) return false;
    locked_ = true;
    return true;
  }

  /// Unlocks it and wakes the first in line. Throws: `std::runtime_error` if it is not locked.
  void release();

  bool locked() const noexcept { return locked_; }
  sync_statistics statistics() const noexcept { return line_.statistics(); }

private:
  friend detail::acquire_wait<lock>;
  friend scoped_guard<lock>;

  void turn(bool woken, bool cancelled) noexcept;
  void give_back() noexcept;
  std::string describe() const;

  bool locked_ = false;
  detail::waiting_line line_;
};

RONDO_END_NAMESPACE
