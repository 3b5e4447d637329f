// The timers of a loop: a heap with lazy deletion.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/list.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// Timers in the order of (deadline, arming). A cancelled timer leaves its entry behind, which goes when it reaches the
/// top, or when more than half of the entries are such: cancelling is cheap, and most timeouts are cancelled.
class timer_heap {
public:
  using slot = std::uint32_t;

  slot add(std::int64_t deadline, ready_node& node) {
    const slot s = take_slot();
    nodes_[s] = &node;
    entries_.push_back(entry{deadline, next_++, s});
    std::push_heap(entries_.begin(), entries_.end(), later());
    return s;
  }

  void cancel(slot s) noexcept {
    nodes_[s] = nullptr;
    ++cancelled_;
    if (entries_.size() > 100 && cancelled_ * 2 > entries_.size()) purge();
  }

  bool empty() const noexcept { return entries_.empty() || entries_.size() == cancelled_; }

  /// The earliest deadline; there must be one.
  std::int64_t next_deadline() noexcept {
    drop_cancelled_top();
    return entries_.front().deadline;
  }

  /// The earliest timer if it is due at `now`, else null. It leaves the heap.
  ready_node* pop_due(std::int64_t now) noexcept {
    drop_cancelled_top();
    if (entries_.empty() || entries_.front().deadline > now) return nullptr;
    return pop_top();
  }

  /// Any timer, or null: for the end of the loop.
  ready_node* pop_any() noexcept {
    drop_cancelled_top();
    return entries_.empty() ? nullptr : pop_top();
  }

private:
  struct entry {
    std::int64_t deadline;
    std::uint64_t order;
    slot where;
  };

  struct later {
    bool operator()(const entry& a, const entry& b) const noexcept {
      return a.deadline != b.deadline ? a.deadline > b.deadline : a.order > b.order;
    }
  };

  slot take_slot() {
    if (free_.empty()) {
      nodes_.push_back(nullptr);
      // Room for every slot, so that giving one back cannot fail.
      if (free_.capacity() < nodes_.capacity()) free_.reserve(nodes_.capacity());
      return static_cast<slot>(nodes_.size() - 1);
    }
    const slot s = free_.back();
    free_.pop_back();
    return s;
  }

  ready_node* pop_top() noexcept {
    const slot s = entries_.front().where;
    std::pop_heap(entries_.begin(), entries_.end(), later());
    entries_.pop_back();
    free_.push_back(s);
    return nodes_[s];
  }

  void drop_cancelled_top() noexcept {
    while (!entries_.empty() && !nodes_[entries_.front().where]) {
      pop_top();
      --cancelled_;
    }
  }

  void purge() noexcept {
    const auto dead = [&](const entry& e) {
      if (nodes_[e.where]) return false;
      free_.push_back(e.where);
      return true;
    };
    entries_.erase(std::remove_if(entries_.begin(), entries_.end(), dead), entries_.end());
    std::make_heap(entries_.begin(), entries_.end(), later());
    cancelled_ = 0;
    if (entries_.empty()) {
      // After a burst of timers the memory is given back.
      entries_.shrink_to_fit();
      nodes_.clear();
      nodes_.shrink_to_fit();
      free_.clear();
      free_.shrink_to_fit();
    }
  }

  std::vector<entry> entries_;
  std::vector<ready_node*> nodes_; // by slot; null: cancelled
  std::vector<slot> free_;
  std::size_t cancelled_ = 0;
  std::uint64_t next_ = 0;
};

} // namespace detail
RONDO_END_NAMESPACE
