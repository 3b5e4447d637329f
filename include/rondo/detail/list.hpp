// Intrusive FIFO lists: waiters of a future, the ready queue, the registries of a loop.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/config.hpp>

#include <utility>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// The links of an element; `next` is null while it is in no list, and `prev` means nothing then.
struct list_hook {
  list_hook* next = nullptr;
  list_hook* prev;

  list_hook() noexcept {}
  list_hook(const list_hook&) = delete;
  list_hook& operator=(const list_hook&) = delete;

  bool linked() const noexcept { return next != nullptr; }

  void unlink() noexcept {
    prev->next = next;
    next->prev = prev;
    next = nullptr;
  }

  /// Takes the place of `other` in the list that `other` is in, if any.
  void replace(list_hook& other) noexcept {
    if (!other.linked()) return;
    next = std::exchange(other.next, nullptr);
    prev = other.prev;
    next->prev = this;
    prev->next = this;
  }
};

/// A circular list of hooks with the list itself as its end; it owns nothing.
class hook_list {
public:
  hook_list() noexcept { end_.next = end_.prev = &end_; }

  bool empty() const noexcept { return end_.next == &end_; }
  list_hook* first() noexcept { return end_.next; }
  list_hook* end() noexcept { return &end_; }

  void push_back(list_hook& x) noexcept {
    x.next = &end_;
    x.prev = end_.prev;
    end_.prev->next = &x;
    end_.prev = &x;
  }

  list_hook& pop_front() noexcept {
    list_hook& x = *end_.next;
    x.unlink();
    return x;
  }

  /// Moves all elements of `other` behind the elements of this list, in their order.
  void splice_back(hook_list& other) noexcept {
    if (other.empty()) return;
    other.end_.next->prev = end_.prev;
    end_.prev->next = other.end_.next;
    other.end_.prev->next = &end_;
    end_.prev = other.end_.prev;
    other.end_.next = other.end_.prev = &other.end_;
  }

private:
  list_hook end_;
};

/// A typed view of `hook_list` for elements that derive from `Hook` (by default the plain hook).
template <class T, class Hook = list_hook>
class list : public hook_list {
public:
  T& front() noexcept { return static_cast<T&>(static_cast<Hook&>(*first())); }
  T& pop_front() noexcept { return static_cast<T&>(static_cast<Hook&>(hook_list::pop_front())); }
  void push_back(T& x) noexcept { hook_list::push_back(static_cast<Hook&>(x)); }
};

/// Something that gets its turn in a loop.
class ready_node : public list_hook {
public:
  /// Takes its turn, on the loop's thread, unlinked. Does not throw: what user code throws is handled inside.
  virtual void run() noexcept = 0;

  /// The loop has ended: gives up what the node holds without running it.
  virtual void drop() noexcept = 0;

protected:
  ~ready_node() = default;
};

} // namespace detail
RONDO_END_NAMESPACE
