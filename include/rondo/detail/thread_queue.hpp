// The state and the operations of queues between threads.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/shared_gate.hpp>
#include <rondo/errors.hpp>
#include <rondo/queue.hpp>
#include <rondo/thread_event.hpp>

#include <cstddef>
#include <deque>
#include <optional>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// What does not depend on the items.
///
/// Who gets an item, or room for one, is decided when it becomes free: by a permit of a gate. The item itself moves when
/// the permit is used, at the turn of who got it. So the permits of `items()` are the items that nobody was given yet.
class RONDO_EXPORT thread_queue_base : public shared_state {
public:
  shared_gate& items() noexcept { return items_; }
  shared_gate& rooms() noexcept { return rooms_; }

  /// Set while the work on all items is done.
  const thread_event& finished() const noexcept { return finished_; }

  std::size_t maxsize() const noexcept { return maxsize_; }
  std::size_t size();
  bool closed();
  void task_done();
  queue_statistics statistics();

protected:
  using outcome = thread_wait::outcome;

  explicit thread_queue_base(std::size_t maxsize);

  outcome pass(shared_gate& gate, const char* call, time_limit limit, const std::stop_token& stop);

  /// Gives a permit back that could not be used.
  void unused(shared_gate& gate) noexcept;

  [[noreturn]] static void throw_failed(outcome o, const char* call, time_limit limit);

  // Under the mutex.
  void check_put() const;
  void was_put() noexcept;
  void was_taken() noexcept;
  void end() noexcept;
  /// Returns how many items are to be dropped, at the end of the queue.
  std::size_t drop_items() noexcept;

private:
  shared_gate items_{shared_gate::kind::counting, 0};
  shared_gate rooms_;
  thread_event finished_;
  const std::size_t maxsize_; // 0: any number
  std::size_t size_ = 0;
  std::size_t most_ = 0;
  std::size_t unfinished_ = 0;
};

template <class T>
class thread_queue_state : public thread_queue_base {
public:
  explicit thread_queue_state(std::size_t maxsize) : thread_queue_base(maxsize) {}

  /// Uses a permit for room, which is still there if it throws.
  template <class Item>
  void enter(Item&& item) {
    std::lock_guard lock(mutex);
    check_put();
    store_.push_back(std::forward<Item>(item));
    was_put();
  }

  /// Uses a permit for an item, which is still there if it throws.
  T leave() {
    std::lock_guard lock(mutex);
    T item(std::move(store_.front()));
    store_.pop_front();
    was_taken();
    return item;
  }

  template <class Item>
  void blocking_put(Item&& item, time_limit limit, const std::stop_token& stop) {
    const outcome o = pass(rooms(), "blocking_put", limit, stop);
    if (o != outcome::granted) throw_failed(o, "blocking_put", limit);
    enter_now(std::forward<Item>(item));
  }

  template <class Item>
  bool try_put(Item&& item) {
    const outcome o = pass(rooms(), "try_put", at_once, {});
    if (o == outcome::refused) throw queue_shut_down();
    if (o == outcome::granted) enter_now(std::forward<Item>(item));
    return o == outcome::granted;
  }

  T blocking_get(time_limit limit, const std::stop_token& stop) {
    const outcome o = pass(items(), "blocking_get", limit, stop);
    if (o != outcome::granted) throw_failed(o, "blocking_get", limit);
    return leave_now();
  }

  std::optional<T> blocking_next(time_limit limit, const std::stop_token& stop) {
    const outcome o = pass(items(), "blocking_next", limit, stop);
    if (o == outcome::timed_out) throw_failed(o, "blocking_next", limit);
    if (o != outcome::granted) return std::nullopt;
    return leave_now();
  }

  std::optional<T> try_get() {
    if (pass(items(), "try_get", at_once, {}) != outcome::granted) return std::nullopt;
    return leave_now();
  }

  void close(bool immediate) {
    std::deque<T> dropped; // their destructors may use the queue
    std::lock_guard lock(mutex);
    end();
    if (!immediate) return;
    for (std::size_t n = drop_items(); n > 0; --n) {
      dropped.push_back(std::move(store_.back()));
      store_.pop_back();
    }
  }

private:
  static constexpr clock::duration at_once{0};

  template <class Item>
  void enter_now(Item&& item) {
    try {
      enter(std::forward<Item>(item));
    } catch (...) {
      unused(rooms());
      throw;
    }
  }

  T leave_now() {
    try {
      return leave();
    } catch (...) {
      unused(items());
      throw;
    }
  }

  std::deque<T> store_;
};

/// Result is the item, or an optional one.
template <class T, class Result>
class [[nodiscard]] thread_get_op final : public wait_op<Result, thread_get_op<T, Result>, gate_wait> {
  using base = wait_op<Result, thread_get_op, gate_wait>;
  using queue = thread_queue_state<T>;

public:
  explicit thread_get_op(ref<queue> q) noexcept : base(q, q->items()) {}

  std::string waits_for() const override { return "an item of a thread_queue"; }

private:
  friend base;

  Result take() {
    if (this->refused()) {
      if constexpr (std::is_same_v<Result, T>)
        throw queue_shut_down();
      else
        return std::nullopt;
    }
    Result item(static_cast<queue&>(this->state()).leave());
    this->use();
    return item;
  }
};

/// Item is the item, or a reference to that of the caller.
template <class T, class Item>
class [[nodiscard]] thread_put_op final : public wait_op<void, thread_put_op<T, Item>, gate_wait> {
  using base = wait_op<void, thread_put_op, gate_wait>;
  using queue = thread_queue_state<T>;

public:
  thread_put_op(const ref<queue>& q, Item item) : base(q, q->rooms()), item_(std::forward<Item>(item)) {}
  thread_put_op(thread_put_op&& other) noexcept(std::is_nothrow_move_constructible_v<Item>)
      : base(std::move(other)), item_(std::forward<Item>(other.item_)) {}

  std::string waits_for() const override { return "room in a thread_queue"; }

  static constexpr bool refers_to_caller = std::is_reference_v<Item>;

private:
  friend base;

  void take() {
    if (this->refused()) throw queue_shut_down();
    static_cast<queue&>(this->state()).enter(std::forward<Item>(item_));
    this->use();
  }

  Item item_;
};

} // namespace detail
RONDO_END_NAMESPACE
