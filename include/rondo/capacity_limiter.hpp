// capacity_limiter: how many tasks may do something at the same time.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/line.hpp>

#include <cstddef>
#include <string>

RONDO_BEGIN_NAMESPACE

/// A number of tokens that tasks borrow; the number can be changed while they do.
///
///     capacity_limiter downloads(4);
///     auto token = co_await downloads.scoped();
///
/// Unlike a semaphore it knows how many tokens there are: one cannot give back more than was borrowed, and with fewer of
/// them those that come back are withheld until the new number is reached. It can be made outside a loop and belongs to
/// the loop of the first task that has to wait. It must outlive its waiters. Thread safety: the loop's thread.
/// trio: `CapacityLimiter`, whose tokens also know their borrower.
class RONDO_EXPORT capacity_limiter {
public:
  /// Throws: `std::invalid_argument` if `total` < 1.
  explicit capacity_limiter(std::ptrdiff_t total);

  /// Borrows a token; waits for one if there is none or others wait already.
  ///
  /// Cancellation: leaves the line; a token that was handed over just then goes to the next in line.
  /// Throws: `std::runtime_error` if it has to wait and the limiter belongs to another loop.
  detail::acquire_op<capacity_limiter, void> acquire() noexcept { return {*this, line_}; }

  /// The same, and gives a guard that releases when it goes.
  detail::acquire_op<capacity_limiter, scoped_guard<capacity_limiter>> scoped() noexcept { return {*this, line_}; }

  /// Borrows a token if that needs no wait.
  bool try_acquire() noexcept {
    if (locked()) return false;
    ++borrowed_;
    return true;
  }

  /// Gives a token back. Throws: `std::runtime_error` if none is borrowed; nothing changes then.
  void release();

  /// Whether `acquire` would have to wait.
  bool locked() const noexcept { return borrowed_ >= total_ || !line_.deserted(); }

  std::ptrdiff_t total() const noexcept { return total_; }
  std::ptrdiff_t borrowed() const noexcept { return borrowed_; }
  std::ptrdiff_t available() const noexcept { return borrowed_ < total_ ? total_ - borrowed_ : 0; }

  /// Changes the number of tokens; new ones go to those that wait. Throws: `std::invalid_argument` if `total` < 1.
  void set_total(std::ptrdiff_t total);

  sync_statistics statistics() const noexcept { return line_.statistics(); }

private:
  friend detail::acquire_wait<capacity_limiter>;
  friend scoped_guard<capacity_limiter>;

  void hand_over() noexcept;
  void turn(bool woken, bool cancelled) noexcept;
  void give_back() noexcept;
  std::string describe() const;

  std::ptrdiff_t total_;
  std::ptrdiff_t borrowed_ = 0;
  detail::waiting_line line_;
};

RONDO_END_NAMESPACE
