// semaphore, bounded_semaphore: a number of tasks at a time.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/line.hpp>

#include <cstddef>
#include <string>

RONDO_BEGIN_NAMESPACE

/// A number of permits; who finds none waits in line: first come, first served.
///
///     semaphore connections(10);
///     auto permit = co_await connections.scoped();
///
/// A permit that is released is handed to the first in line, so newcomers never overtake. It can be made outside a loop
/// and belongs to the loop of the first task that has to wait. If it is destroyed, those that wait get a
/// `std::runtime_error`. Thread safety: the loop's thread; debug mode refuses a `release` elsewhere that would wake a task.
/// asyncio: `Semaphore`.
class RONDO_EXPORT semaphore {
public:
  /// Throws: `std::invalid_argument` if the number is negative.
  explicit semaphore(std::ptrdiff_t value = 1);

  /// Takes a permit; waits for one if there is none or others wait already.
  ///
  /// Cancellation: leaves the line; a permit that was handed over just then goes to the next in line.
  /// Throws: `std::runtime_error` if it has to wait and the semaphore belongs to another loop.
  detail::acquire_op<semaphore, void> acquire() noexcept { return {*this, line_}; }

  /// The same, and gives a guard that releases when it goes. asyncio: `async with semaphore`.
  detail::acquire_op<semaphore, scoped_guard<semaphore>> scoped() noexcept { return {*this, line_}; }

  /// Takes a permit if that needs no wait.
  bool try_acquire() noexcept {
    if (locked()) return false;
    --value_;
    return true;
  }

  /// Gives a permit back, or a new one: there is no upper limit.
  void release();

  /// Whether `acquire` would have to wait.
  bool locked() const noexcept { return value_ == 0 || !line_.deserted(); }

  /// The permits that are there.
  std::ptrdiff_t value() const noexcept { return value_; }

  sync_statistics statistics() const noexcept { return line_.statistics(); }

protected:
  semaphore(const char* name, std::ptrdiff_t value, std::ptrdiff_t bound);

  std::ptrdiff_t bound() const noexcept { return bound_; }

private:
  friend detail::acquire_wait<semaphore>;
  friend scoped_guard<semaphore>;

  bool hand_over() noexcept;
  void turn(bool woken, bool cancelled) noexcept;
  void give_back() noexcept;
  std::string describe() const;

  std::ptrdiff_t value_;
  std::ptrdiff_t bound_; // of a bounded one; a guard keeps to it too
  detail::waiting_line line_;
};

/// A semaphore whose permits cannot become more than there were at first. asyncio: `BoundedSemaphore`.
class RONDO_EXPORT bounded_semaphore : public semaphore {
public:
  /// Throws: `std::invalid_argument` if the number is negative.
  explicit bounded_semaphore(std::ptrdiff_t value = 1);

  /// Gives a permit back. Throws: `std::invalid_argument` if none was taken; nothing changes then.
  void release();
};

RONDO_END_NAMESPACE
