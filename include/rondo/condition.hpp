// condition: wait until something is true of what a lock protects.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/awaitable.hpp>
#include <rondo/detail/callable.hpp>
#include <rondo/lock.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace detail {

template <class F>
concept predicate =
    std::invocable<std::decay_t<F>&> && std::constructible_from<bool, std::invoke_result_t<std::decay_t<F>&>>;

} // namespace detail

/// A condition variable: tasks that hold its lock wait until they are notified.
///
///     condition c;
///     auto guard = co_await c.scoped();
///     co_await c.wait_for([&] { return !items.empty(); });
///
/// With a lock of yours, several conditions can share it; the lock must outlive them. If a condition is destroyed, those
/// that wait get a `std::runtime_error` without the lock. Thread safety: the loop's thread, as debug mode checks when a
/// task is woken. asyncio: `Condition`.
class RONDO_EXPORT condition {
public:
  condition();
  explicit condition(lock& shared) noexcept;
  condition(const condition&) = delete;
  condition& operator=(const condition&) = delete;
  ~condition();

  // Those of the lock.
  detail::acquire_op<lock, void> acquire() noexcept { return lock_->acquire(); }
  detail::acquire_op<lock, scoped_guard<lock>> scoped() noexcept { return lock_->scoped(); }
  bool try_acquire() noexcept { return lock_->try_acquire(); }
  void release() { lock_->release(); }
  bool locked() const noexcept { return lock_->locked(); }

  /// Releases the lock, waits to be notified, and acquires the lock again.
  ///
  /// It may return although nobody has notified it: check what you wait for again, or use `wait_for`.
  ///
  /// Cancellation: it holds the lock again before it throws, so a cancellation may take a while; those that come in the
  /// meantime are remembered and the last one is thrown. A notification that it got is passed on to another waiter.
  /// Throws: `std::runtime_error` if the lock is not locked, or if the condition belongs to another loop; the lock is as
  /// it was then. asyncio: `Condition.wait`.
  [[nodiscard]] awaitable<void> wait();

  /// Waits until `predicate()` is true, and returns what it returned. asyncio: `Condition.wait_for`.
  template <class Predicate>
  [[nodiscard]] auto wait_for(Predicate&& predicate) {
    constexpr bool accepted = detail::predicate<Predicate>;
    static_assert(accepted, "wait_for takes a function without arguments whose result converts to bool");
    static_assert(detail::safe_in_await<Predicate>,
                  "capture by reference, or name the predicate first: this compiler destroys a temporary closure with "
                  "owning captures twice in an expression with co_await");
    if constexpr (accepted) return wait_until<std::decay_t<Predicate>>(std::forward<Predicate>(predicate));
  }

  /// Wakes n of those that wait; they go on one after the other when they get the lock, which this does not release.
  /// Throws: `std::runtime_error` if the lock is not locked.
  void notify(std::size_t n = 1);

  /// Wakes all that wait. Throws: `std::runtime_error` if the lock is not locked.
  void notify_all();

  sync_statistics statistics() const noexcept { return line_.statistics(); }

private:
  friend class barrier;

  condition(std::unique_ptr<lock> own, const char* name) noexcept;

  template <class Predicate>
  awaitable<std::decay_t<std::invoke_result_t<Predicate&>>> wait_until(Predicate predicate) {
    auto result = std::invoke(predicate);
    while (!static_cast<bool>(result)) {
      co_await wait();
      result = std::invoke(predicate);
    }
    co_return result;
  }

  std::unique_ptr<lock> own_;
  lock* lock_;
  detail::waiting_line line_;
};

RONDO_END_NAMESPACE
