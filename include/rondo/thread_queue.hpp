// thread_queue: items between threads and the tasks of any loop.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/thread_queue.hpp>

#include <cstddef>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE

/// A queue between threads and tasks of any loops, first in, first out, with back-pressure both ways.
///
///     thread_queue<job> jobs(1000);
///     jobs.blocking_put(std::move(j));        // on a thread without a loop
///     job j = co_await jobs.get();            // in a task, on any loop
///
/// Tasks and threads that wait for an item stand in one line, and those that wait for room in another: first come, first
/// served, and nobody polls. Copies share the queue, and whoever uses one may outlive the others. On a virtual clock the
/// time does not stand still for other threads. Thread safety: all members, on any thread.
/// Python: `queue.Queue`, with an awaitable face.
template <class T>
class thread_queue {
  static_assert(!std::is_reference_v<T> && !std::is_void_v<T>, "a queue holds objects: use a pointer or a value");

public:
  using value_type = T;

  /// Holds at most `maxsize` items; any number if that is zero.
  explicit thread_queue(std::size_t maxsize = 0) : state_(new detail::thread_queue_state<T>(maxsize)) {}

  /// Appends an item; waits while the queue is full.
  ///
  /// The item is moved from when it enters the queue, and not before: a `put` that is cancelled, runs out of time, or is
  /// refused leaves it as it was. It must live until then. An lvalue is copied at once. On GCC 12 name an item that is an
  /// aggregate, and move from the name: a temporary of that kind is destroyed twice in an expression with co_await.
  ///
  /// Cancellation: leaves the line; room that it was given goes to the next. Throws: `queue_shut_down`.
  detail::thread_put_op<T, T&&> put(T&& item) const noexcept { return {state_, std::move(item)}; }
  detail::thread_put_op<T, T> put(const T& item) const {
    static_assert(std::is_copy_constructible_v<T>, "this item cannot be copied: pass it with std::move");
    return {state_, item};
  }

  /// Takes the next item; waits while there is none.
  ///
  /// Cancellation: leaves the line and takes nothing; an item that was set aside for it goes to the next.
  /// Throws: `queue_shut_down` when it is closed and empty.
  detail::thread_get_op<T, T> get() const noexcept { return detail::thread_get_op<T, T>(state_); }

  /// The same, but empty after the end: `while (auto item = co_await q.next())`.
  detail::thread_get_op<T, std::optional<T>> next() const noexcept {
    return detail::thread_get_op<T, std::optional<T>>(state_);
  }

  /// Appends an item, and blocks this thread while the queue is full. The item is left as it was if this throws.
  ///
  /// Throws: `queue_shut_down`; `timeout_error` after `limit`; `cancelled_error` if a stop is requested;
  /// `std::runtime_error` if it would block a thread that runs a loop.
  void blocking_put(T&& item, time_limit limit = std::nullopt, const std::stop_token& stop = {}) const {
    state_->blocking_put(std::move(item), limit, stop);
  }
  void blocking_put(const T& item, time_limit limit = std::nullopt, const std::stop_token& stop = {}) const {
    state_->blocking_put(item, limit, stop);
  }

  /// Takes the next item, and blocks this thread while there is none. Throws: as `blocking_put`; `queue_shut_down` when
  /// it is closed and empty.
  T blocking_get(time_limit limit = std::nullopt, const std::stop_token& stop = {}) const {
    return state_->blocking_get(limit, stop);
  }

  /// The same, but empty after the end or a stop: `while (auto item = q.blocking_next(std::nullopt, stop))`.
  std::optional<T> blocking_next(time_limit limit = std::nullopt, const std::stop_token& stop = {}) const {
    return state_->blocking_next(limit, stop);
  }

  /// Appends an item if there is room; else returns false and leaves it. Throws: `queue_shut_down`.
  bool try_put(T&& item) const { return state_->try_put(std::move(item)); }
  bool try_put(const T& item) const { return state_->try_put(item); }

  /// Takes the next item if there is one that nobody else has been given.
  std::optional<T> try_get() const { return state_->try_get(); }

  /// Says that the work on an item that was taken is done. Throws: `std::invalid_argument` if that was said of all.
  void task_done() const { state_->task_done(); }

  /// Waits until the work on all items is done. On any loop.
  detail::thread_event_wait join() const noexcept { return state_->finished().wait(); }

  /// The same for a thread: false if the time ran out or a stop was requested before.
  bool blocking_join(time_limit limit = std::nullopt, const std::stop_token& stop = {}) const {
    return state_->finished().blocking_wait(limit, stop);
  }

  /// Ends the queue: puts are refused from now on, also those that wait; gets, when it is empty.
  ///
  /// With `immediate` the items are dropped, but for those that somebody has been given, and count as done.
  void close(bool immediate = false) const { state_->close(immediate); }
  bool closed() const { return state_->closed(); }

  std::size_t qsize() const { return state_->size(); }
  bool empty() const { return qsize() == 0; }
  bool full() const { return maxsize() > 0 && qsize() >= maxsize(); }
  std::size_t maxsize() const noexcept { return state_->maxsize(); }
  queue_statistics statistics() const { return state_->statistics(); }

private:
  detail::ref<detail::thread_queue_state<T>> state_;
};

RONDO_END_NAMESPACE
