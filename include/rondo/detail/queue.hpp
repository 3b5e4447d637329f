// What the queues have in common whatever their items are: who waits, and how many are left.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/line.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE

/// What a queue tells about itself.
struct queue_statistics {
  std::size_t size = 0;
  std::size_t most_items = 0; // at the same time, ever
  std::size_t getters = 0;    // tasks that wait for an item
  std::size_t putters = 0;    // tasks that wait for room
  std::size_t unfinished = 0; // items for which task_done() is still to be called
};

namespace detail {

class join_wait;

class RONDO_EXPORT queue_state {
public:
  queue_state(const queue_state&) = delete;
  queue_state& operator=(const queue_state&) = delete;

  std::size_t qsize() const noexcept { return size_; }
  std::ptrdiff_t maxsize() const noexcept { return maxsize_; }
  bool empty() const noexcept { return size_ == 0; }
  bool full() const noexcept { return maxsize_ > 0 && size_ >= static_cast<std::size_t>(maxsize_); }
  bool is_shutdown() const noexcept { return shut_down_; }

  /// Says that the work on an item that was taken is done. Throws: `std::invalid_argument` if that was said of all.
  void task_done();

  /// Waits until the work on all items is done. Cancellation: leaves the line.
  [[nodiscard]] join_wait join() noexcept;

  queue_statistics statistics() const noexcept;

protected:
  explicit queue_state(std::ptrdiff_t maxsize) noexcept;
  ~queue_state() = default;

  void check_put() const;
  void check_get() const;
  void check_shutdown() const;

  void was_put() noexcept {
    if (++size_ > most_) most_ = size_;
    ++unfinished_;
    if (!getters_.deserted()) getters_.wake_next();
  }
  void was_taken() noexcept {
    --size_;
    if (!putters_.deserted()) putters_.wake_next();
  }

  /// `drop`: the items that are left will never be taken.
  void end(bool drop) noexcept;

private:
  friend class get_wait;
  friend class put_wait;
  friend class join_wait;

  bool can_get() const noexcept { return size_ > 0 || shut_down_; }
  bool can_put() const noexcept { return !full() || shut_down_; }

  /// The queue belongs to one loop, whichever of its lines was the first to have a waiter: this one stands for all.
  void bind(loop_core& core) { getters_.bind(core); }

  /// Whoever was woken makes no use of it.
  void pass_on_get() noexcept {
    if (size_ > 0) getters_.wake_next();
  }
  void pass_on_put() noexcept {
    if (!full()) putters_.wake_next();
  }

  waiting_line getters_;
  waiting_line putters_;
  waiting_line joiners_;
  std::ptrdiff_t maxsize_;
  std::size_t size_ = 0;
  std::size_t most_ = 0;
  std::size_t unfinished_ = 0;
  bool shut_down_ = false;
};

/// Waits for an item. It joins the end of the line again if somebody took the item before its turn.
class RONDO_EXPORT get_wait : public line_wait {
public:
  bool ready() const noexcept { return queue_->can_get(); }
  std::string waits_for() const final { return "an item of a queue"; }

protected:
  explicit get_wait(queue_state& q) noexcept : line_wait(q.getters_), queue_(&q) {}

  queue_state& state() const noexcept { return *queue_; }
  void pass_on() noexcept { queue_->pass_on_get(); }

private:
  void park() final;
  bool turn(bool cancelled) noexcept final;

  queue_state* queue_;
};

/// Waits for room.
class RONDO_EXPORT put_wait : public line_wait {
public:
  bool ready() const noexcept { return queue_->can_put(); }
  std::string waits_for() const final { return "room in a queue"; }

protected:
  explicit put_wait(queue_state& q) noexcept : line_wait(q.putters_), queue_(&q) {}

  queue_state& state() const noexcept { return *queue_; }
  void pass_on() noexcept { queue_->pass_on_put(); }

private:
  void park() final;
  bool turn(bool cancelled) noexcept final;

  queue_state* queue_;
};

/// Waits until the work on all items is done.
class RONDO_EXPORT join_wait final : public wait_op<void, join_wait, line_wait> {
  using base = wait_op<void, join_wait, line_wait>;

public:
  explicit join_wait(queue_state& q) noexcept : base(q.joiners_), queue_(&q) {}

  bool ready() const noexcept { return queue_->unfinished_ == 0; }
  std::string waits_for() const override { return "the work on the items of a queue"; }

private:
  friend base;

  void park() override;
  bool turn(bool) noexcept override { return true; } // also if an item came in since
  bool outlives_line() const noexcept override { return true; }
  void take() const noexcept {}

  queue_state* queue_;
};

inline join_wait queue_state::join() noexcept { return join_wait(*this); }

/// Result is the item, or an optional one.
template <class Queue, class Result>
class [[nodiscard]] get_item_op final : public wait_op<Result, get_item_op<Queue, Result>, get_wait> {
  using base = wait_op<Result, get_item_op, get_wait>;

public:
  get_item_op(Queue& q) noexcept : base(q) {}

private:
  friend base;

  Result take() {
    Queue& q = static_cast<Queue&>(this->state());
    if constexpr (!std::is_same_v<Result, typename Queue::value_type>)
      if (q.empty()) return std::nullopt;
    try {
      return q.template take<Result>();
    } catch (...) {
      this->pass_on();
      throw;
    }
  }
};

/// Item is the item, or a reference to that of the caller.
template <class Queue, class Item>
class [[nodiscard]] put_op final : public wait_op<void, put_op<Queue, Item>, put_wait> {
  using base = wait_op<void, put_op, put_wait>;

public:
  put_op(Queue& q, Item item) : base(q), item_(std::forward<Item>(item)) {}
  put_op(put_op&& other) noexcept(std::is_nothrow_constructible_v<Item, Item>)
      : base(std::move(other)), item_(std::forward<Item>(other.item_)) {}

  /// Such an operation must not outlive the statement that made it.
  static constexpr bool refers_to_caller = std::is_reference_v<Item>;

private:
  friend base;

  void take() {
    Queue& q = static_cast<Queue&>(this->state());
    try {
      q.put_nowait(std::forward<Item>(item_));
    } catch (...) {
      this->pass_on();
      throw;
    }
  }

  Item item_;
};

} // namespace detail
RONDO_END_NAMESPACE
