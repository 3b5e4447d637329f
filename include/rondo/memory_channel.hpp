// memory_channel: a queue with counted ends, so that each side learns when the other has gone.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/thread_queue.hpp>

#include <atomic>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE

template <class T>
class memory_sender;
template <class T>
class memory_receiver;
template <class T>
struct memory_channel;

namespace detail {

template <class T>
class channel_state final : public thread_queue_state<T> {
public:
  using thread_queue_state<T>::thread_queue_state;

  std::atomic<std::size_t> senders = 0;
  std::atomic<std::size_t> receivers = 0;
};

/// One end of a channel, which counts itself in `Count` and calls `End` when it was the last.
template <class T, std::atomic<std::size_t> channel_state<T>::* Count, bool Immediate>
class channel_end {
public:
  channel_end() noexcept = default;
  explicit channel_end(ref<channel_state<T>> s) noexcept : state_(std::move(s)) { ++(*state_.*Count); }
  channel_end(channel_end&& other) noexcept : state_(std::move(other.state_)) {}
  channel_end& operator=(channel_end&& other) noexcept {
    if (this == &other) return *this;
    close();
    state_ = std::move(other.state_);
    return *this;
  }
  ~channel_end() { close(); }

  void close() noexcept {
    const ref<channel_state<T>> s = std::move(state_);
    if (s && --(*s.*Count) == 0) s->close(Immediate);
  }

  const ref<channel_state<T>>& state(const char* call) const {
    if (!state_) throw std::runtime_error(std::string(call) + ": this end of the channel is closed, or was moved from");
    return state_;
  }

  bool open() const noexcept { return state_ != nullptr; }

private:
  ref<channel_state<T>> state_;
};

} // namespace detail

/// The end of a memory channel where items go in. Thread safety: different ends on any threads; one end on one at a time.
///
/// All members throw `std::runtime_error` on an end that is closed or was moved from, but for `close` and `operator bool`.
/// trio: `MemorySendChannel`.
template <class T>
class memory_sender {
public:
  memory_sender() noexcept = default;

  /// Sends an item; waits while the channel is full.
  ///
  /// The item is moved from when it enters the channel, and not before; it must live until then. An lvalue is copied at
  /// once. Cancellation: leaves the line. Throws: `queue_shut_down` when all receivers have gone.
  detail::thread_put_op<T, T&&> send(T&& item) const { return {end_.state("send"), std::move(item)}; }
  detail::thread_put_op<T, T> send(const T& item) const {
    static_assert(std::is_copy_constructible_v<T>, "this item cannot be copied: pass it with std::move");
    return {end_.state("send"), item};
  }

  /// Sends an item if there is room; else returns false and leaves it. Throws: `queue_shut_down`.
  bool try_send(T&& item) const { return end_.state("try_send")->try_put(std::move(item)); }
  bool try_send(const T& item) const { return end_.state("try_send")->try_put(item); }

  /// Sends an item, and blocks this thread while the channel is full. Throws: as `thread_queue::blocking_put`.
  void blocking_send(T&& item, time_limit limit = std::nullopt, const std::stop_token& stop = {}) const {
    end_.state("blocking_send")->blocking_put(std::move(item), limit, stop);
  }
  void blocking_send(const T& item, time_limit limit = std::nullopt, const std::stop_token& stop = {}) const {
    end_.state("blocking_send")->blocking_put(item, limit, stop);
  }

  /// Another sender of the same channel.
  memory_sender clone() const { return memory_sender(end_.state("clone")); }

  /// Closes this end, as its destructor does. When the last sender goes, receivers get what is left, and then the end.
  void close() noexcept { end_.close(); }
  explicit operator bool() const noexcept { return end_.open(); }

  queue_statistics statistics() const { return end_.state("statistics")->statistics(); }

private:
  friend struct memory_channel<T>;
  explicit memory_sender(detail::ref<detail::channel_state<T>> s) noexcept : end_(std::move(s)) {}

  detail::channel_end<T, &detail::channel_state<T>::senders, false> end_;
};

/// The end of a memory channel where items come out. Thread safety and errors: as those of `memory_sender`.
/// trio: `MemoryReceiveChannel`.
template <class T>
class memory_receiver {
public:
  memory_receiver() noexcept = default;

  /// Takes the next item; waits while there is none. Each item goes to one receiver.
  ///
  /// Cancellation: leaves the line and takes nothing. Throws: `queue_shut_down` when there is none and all senders have
  /// gone.
  detail::thread_get_op<T, T> receive() const { return detail::thread_get_op<T, T>(end_.state("receive")); }

  /// The same, but empty after the end: `while (auto item = co_await receiver.next())`.
  detail::thread_get_op<T, std::optional<T>> next() const {
    return detail::thread_get_op<T, std::optional<T>>(end_.state("next"));
  }

  /// Takes the next item if there is one that nobody else has been given.
  std::optional<T> try_receive() const { return end_.state("try_receive")->try_get(); }

  /// Takes the next item, and blocks this thread while there is none. Throws: as `thread_queue::blocking_get`.
  T blocking_receive(time_limit limit = std::nullopt, const std::stop_token& stop = {}) const {
    return end_.state("blocking_receive")->blocking_get(limit, stop);
  }

  /// The same, but empty after the end or a stop.
  std::optional<T> blocking_next(time_limit limit = std::nullopt, const std::stop_token& stop = {}) const {
    return end_.state("blocking_next")->blocking_next(limit, stop);
  }

  /// Another receiver of the same channel.
  memory_receiver clone() const { return memory_receiver(end_.state("clone")); }

  /// Closes this end, as its destructor does. When the last receiver goes, what is left is dropped and senders are
  /// refused.
  void close() noexcept { end_.close(); }
  explicit operator bool() const noexcept { return end_.open(); }

  queue_statistics statistics() const { return end_.state("statistics")->statistics(); }

private:
  friend struct memory_channel<T>;
  explicit memory_receiver(detail::ref<detail::channel_state<T>> s) noexcept : end_(std::move(s)) {}

  detail::channel_end<T, &detail::channel_state<T>::receivers, true> end_;
};

/// The two ends of a new channel.
template <class T>
struct memory_channel {
  memory_sender<T> sender;
  memory_receiver<T> receiver;

  /// For `make_memory_channel`.
  explicit memory_channel(std::size_t n) : memory_channel(detail::ref(new detail::channel_state<T>(n))) {}

private:
  explicit memory_channel(const detail::ref<detail::channel_state<T>>& s) : sender(s), receiver(s) {}
};

/// Makes a channel with room for n items, between tasks of any loops and threads.
///
///     auto [sender, receiver] = make_memory_channel<line>(100);
///
/// Ends can be cloned and moved; items that were sent are not lost while a receiver is there.
/// Throws: `std::invalid_argument` if n is 0. trio: `open_memory_channel`.
template <class T>
memory_channel<T> make_memory_channel(std::size_t n) {
  static_assert(!std::is_reference_v<T> && !std::is_void_v<T>, "a channel holds objects: use a pointer or a value");
  if (n == 0) throw std::invalid_argument("make_memory_channel: it needs room for at least one item");
  return memory_channel<T>(n);
}

RONDO_END_NAMESPACE
