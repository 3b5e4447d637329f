// queue, priority_queue, lifo_queue: items from task to task.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/queue.hpp>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace detail {

// Items of each kind: `push` and `pop` do all or nothing, as far as T's own operations do; `clear` gives back what was
// there. `pop<R>()` makes an R of the item before that goes. The R is a variable of the function's outermost block,
// where all compilers return it without another move, which could throw.

/// The oldest item first, or the newest.
template <class T, bool newest_first>
class items_in_order {
public:
  void push(T&& item) { items_.push_back(std::move(item)); }

  template <class R>
  R pop() {
    R item(std::move(newest_first ? items_.back() : items_.front()));
    if constexpr (newest_first)
      items_.pop_back();
    else
      items_.pop_front();
    return item;
  }

  auto clear() {
    std::deque<T> all;
    all.swap(items_);
    return all;
  }

private:
  std::deque<T> items_;
};

/// An item that can be moved without an exception, whatever T is.
template <class T>
class steady_item {
public:
  explicit steady_item(T&& item) : item_(std::make_unique<T>(std::move(item))) {}
  T& operator*() const noexcept { return *item_; }

private:
  std::unique_ptr<T> item_;
};

template <class T>
  requires(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T>)
class steady_item<T> {
public:
  explicit steady_item(T&& item) noexcept : item_(std::move(item)) {}
  T& operator*() noexcept { return item_; }
  const T& operator*() const noexcept { return item_; }

private:
  T item_;
};

/// The smallest item first, as Compare has it.
///
/// A heap, with the comparisons of Python's heapq, so that equal items leave in the same order as there. All
/// comparisons come before the first move: one that throws changes nothing.
template <class T, class Compare>
class sorted_items {
public:
  explicit sorted_items(Compare compare = {}) : compare_(std::move(compare)) {}

  void push(T&& item) {
    std::size_t place = items_.size();
    while (place > 0 && less(item, *items_[parent(place)]))
      place = parent(place);
    if (items_.size() == items_.capacity()) items_.reserve(std::max<std::size_t>(8, 2 * items_.size()));
    items_.emplace_back(std::move(item));
    for (std::size_t i = items_.size() - 1; i != place; i = parent(i))
      std::swap(items_[i], items_[parent(i)]);
  }

  template <class R>
  R pop() {
    const std::size_t last = items_.size() - 1;
    std::size_t place = place_for(last);
    R item(std::move(*items_.front()));
    // The last one goes to its place, and those above move up; what it is swapped with at the end is the hole.
    for (; place > 0; place = parent(place))
      std::swap(items_[place], items_[last]);
    if (last > 0) std::swap(items_.front(), items_[last]);
    items_.pop_back();
    return item;
  }

  auto clear() noexcept { return std::exchange(items_, {}); }

private:
  static std::size_t parent(std::size_t i) noexcept { return (i - 1) / 2; }
  bool less(const T& a, const T& b) { return compare_(a, b); }

  /// Where the last item goes when the first one leaves: down the path of the smaller children, and up again to where
  /// it is not smaller than what is there.
  std::size_t place_for(std::size_t last) {
    std::size_t place = 0;
    for (std::size_t child = 1; child < last; child = 2 * place + 1) {
      if (child + 1 < last && !less(*items_[child], *items_[child + 1])) ++child;
      place = child;
    }
    while (place > 0 && less(*items_[last], *items_[place]))
      place = parent(place);
    return place;
  }

  std::vector<steady_item<T>> items_;
  [[no_unique_address]] Compare compare_;
};

} // namespace detail

/// What `queue`, `lifo_queue` and `priority_queue` have in common; `Items` is the order in which items leave.
///
/// A queue can be made outside a loop and belongs to the loop of the first task that has to wait. It must outlive its
/// waiters. Thread safety: the loop's thread; between threads use `thread_queue`.
template <class T, class Items>
class basic_queue : public detail::queue_state {
public:
  static_assert(std::is_object_v<T> && std::is_same_v<T, std::remove_cv_t<T>>,
                "a queue holds objects that can be moved: use a value or a pointer");
  using value_type = T;

  /// Holds at most `maxsize` items; any number if that is zero or less.
  explicit basic_queue(std::ptrdiff_t maxsize = 0) : queue_state(maxsize) {}
  basic_queue(std::ptrdiff_t maxsize, Items items) : queue_state(maxsize), items_(std::move(items)) {}

  /// Appends an item; waits while the queue is full.
  ///
  /// The item is moved from when it enters the queue, and not before: a `put` that is cancelled, runs out of time, or
  /// is refused leaves it as it was. So it must live until the operation has ended: `put(std::move(x))` can be awaited,
  /// also inside `wait_for`, `join` and the like (`gather` leaves it running when another source fails), but is no
  /// source for `create_task`. An lvalue is copied at once. On GCC 12 name an item that is an aggregate, and move from
  /// the name: a temporary of that kind is destroyed twice in an expression with co_await.
  ///
  /// Cancellation: leaves the line. Throws: `queue_shut_down`; what the move, the copy or the comparison throws; the
  /// queue is then as it was. `std::runtime_error` if it has to wait and the queue belongs to another loop, or if the
  /// queue is destroyed meanwhile. asyncio: `Queue.put`.
  detail::put_op<basic_queue, T&&> put(T&& item) noexcept { return {*this, std::move(item)}; }
  detail::put_op<basic_queue, T> put(const T& item) {
    require_copyable();
    return {*this, item};
  }

  /// Takes the next item; waits while there is none.
  ///
  /// As in asyncio the one who was woken for an item may find that another has taken it meanwhile, without a wait; it
  /// then waits again, behind all others.
  ///
  /// Cancellation: leaves the line and takes nothing. Throws: `queue_shut_down` when there is none and there will not
  /// be any; else as `put`. asyncio: `Queue.get`.
  detail::get_item_op<basic_queue, T> get() noexcept { return {*this}; }

  /// The same, but empty after the end: `while (auto item = co_await q.next())`.
  detail::get_item_op<basic_queue, std::optional<T>> next() noexcept { return {*this}; }

  /// Appends an item without waiting. Throws: `queue_full`, `queue_shut_down`; the item is then as it was.
  void put_nowait(T&& item) {
    check_put();
    items_.push(std::move(item));
    was_put();
  }
  void put_nowait(const T& item) {
    require_copyable();
    check_put();
    items_.push(T(item));
    was_put();
  }

  /// Takes the next item without waiting. Throws: `queue_empty`; `queue_shut_down` if there will not be any.
  T get_nowait() { return take<T>(); }

  /// Appends an item if there is room; else returns false and leaves it. Throws: `queue_shut_down`.
  bool try_put(T&& item) {
    if (full() && !is_shutdown()) return false;
    put_nowait(std::move(item));
    return true;
  }
  bool try_put(const T& item) {
    if (full() && !is_shutdown()) return false;
    put_nowait(item);
    return true;
  }

  /// Takes the next item if there is one.
  std::optional<T> try_get() {
    if (empty()) return std::nullopt;
    return take<std::optional<T>>();
  }

  /// Ends the queue: puts throw `queue_shut_down` from now on, also those that wait; gets, when it is empty.
  ///
  /// With `immediate` the items are dropped and count as done. asyncio: `Queue.shutdown`.
  void shutdown(bool immediate = false) {
    check_shutdown();
    if (!immediate) return end(false);
    const auto dropped = items_.clear(); // their destructors may use the queue
    end(true);
  }

private:
  template <class, class>
  friend class detail::get_item_op;

  template <class Result>
  Result take() {
    check_get();
    Result item = items_.template pop<Result>();
    was_taken();
    return item;
  }

  static constexpr void require_copyable() {
    static_assert(std::is_copy_constructible_v<T>, "this item cannot be copied: pass it with std::move");
  }

  Items items_;
};

/// A queue in which the first item in is the first out. asyncio: `Queue`.
template <class T>
class queue : public basic_queue<T, detail::items_in_order<T, false>> {
public:
  using basic_queue<T, detail::items_in_order<T, false>>::basic_queue;
};

/// A queue in which the newest item is the first out. asyncio: `LifoQueue`.
template <class T>
class lifo_queue : public basic_queue<T, detail::items_in_order<T, true>> {
public:
  using basic_queue<T, detail::items_in_order<T, true>>::basic_queue;
};

/// A queue in which the smallest item is the first out, as `Compare` has it. asyncio: `PriorityQueue`.
template <class T, class Compare = std::less<T>>
class priority_queue : public basic_queue<T, detail::sorted_items<T, Compare>> {
  using items = detail::sorted_items<T, Compare>;

public:
  explicit priority_queue(std::ptrdiff_t maxsize = 0, Compare compare = {})
      : basic_queue<T, items>(maxsize, items(std::move(compare))) {}
};

RONDO_END_NAMESPACE
