// barrier: tasks that wait for each other.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/awaitable.hpp>
#include <rondo/condition.hpp>

#include <cstddef>
#include <memory>

RONDO_BEGIN_NAMESPACE

/// A point that a number of tasks pass together: the last one that comes releases the others.
///
/// It can be used again as soon as all have left. If it is destroyed while tasks wait, they get `broken_barrier_error`.
/// Thread safety: the loop's thread. asyncio: `Barrier`.
class RONDO_EXPORT barrier {
public:
  /// Throws: `std::invalid_argument` if parties < 1.
  explicit barrier(std::ptrdiff_t parties);
  barrier(const barrier&) = delete;
  barrier& operator=(const barrier&) = delete;
  ~barrier();

  /// Waits until as many tasks as there are parties wait here, and gives each the number of those that were here before
  /// it: all different, unless one was cancelled meanwhile, when another one may get its number.
  ///
  /// While the tasks of the round before leave, or the barrier is being reset, it waits for that first.
  ///
  /// Cancellation: the task does not count any more; the barrier is not broken. Throws: `broken_barrier_error` if it is
  /// reset or aborted. asyncio: `Barrier.wait`.
  [[nodiscard]] awaitable<std::size_t> wait();

  /// Makes the barrier as new: those that wait get `broken_barrier_error`. asyncio: `Barrier.reset`.
  [[nodiscard]] awaitable<void> reset();

  /// Breaks the barrier: who waits, and who comes until it is reset, gets `broken_barrier_error`.
  /// asyncio: `Barrier.abort`.
  [[nodiscard]] awaitable<void> abort();

  std::size_t parties() const noexcept;

  /// How many wait for others to come.
  std::size_t n_waiting() const noexcept;

  bool broken() const noexcept;

  sync_statistics statistics() const noexcept;

private:
  enum class phase : unsigned char { filling, draining, resetting, broken };
  struct state;
  class place;

  static awaitable<std::size_t> wait_at(std::shared_ptr<state> s);
  static awaitable<void> change(std::shared_ptr<state> s, bool abort);

  std::shared_ptr<state> state_; // shared with those that wait
};

RONDO_END_NAMESPACE
