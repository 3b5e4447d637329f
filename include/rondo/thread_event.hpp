// thread_event: a flag that threads and tasks of any loop can set and wait for.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/shared_gate.hpp>
#include <rondo/time.hpp>

#include <stop_token>
#include <string>

RONDO_BEGIN_NAMESPACE
namespace detail {

class RONDO_EXPORT thread_event_state final : public shared_state {
public:
  bool is_set() const noexcept { return set_.load(std::memory_order_acquire); }
  void set() noexcept;
  void clear() noexcept;
  bool blocking_wait(time_limit limit, const std::stop_token& stop);
  std::size_t waiters() noexcept;

  shared_gate gate{shared_gate::kind::flag, 0};

private:
  std::atomic<bool> set_ = false;
};

class [[nodiscard]] thread_event_wait final : public wait_op<void, thread_event_wait, gate_wait> {
  using base = wait_op<void, thread_event_wait, gate_wait>;

public:
  explicit thread_event_wait(ref<thread_event_state> s) noexcept : base(s, s->gate) {}

  bool ready() const noexcept { return static_cast<thread_event_state&>(state()).is_set(); }
  std::string waits_for() const override { return "a thread_event"; }

private:
  friend base;

  void take() noexcept { use(); }
};

} // namespace detail

/// A flag, at first not set, that any thread can set, and for which tasks of any loop and threads can wait.
///
///     thread_event arrived;
///     co_await arrived.wait();     // a task on a loop
///     arrived.set();               // the thread of a consumer, which has no loop
///
/// Who waits is woken at once: there is no polling. Copies share the flag, and whoever uses one may outlive the others.
/// An `event` is for one loop alone, as asyncio's is; that one is faster. On a virtual clock the time does not stand still
/// for other threads. Thread safety: all members, on any thread.
class RONDO_EXPORT thread_event {
public:
  thread_event() : state_(new detail::thread_event_state) {}

  /// Sets the flag and wakes all who wait, also if it is cleared before their turn comes.
  void set() const noexcept {
    const auto state = state_; // who is woken may destroy this object
    state->set();
  }

  void clear() const noexcept { state_->clear(); }
  bool is_set() const noexcept { return state_->is_set(); }

  /// Returns when the flag is set, at once if it is. On any loop. Cancellation: leaves the line.
  detail::thread_event_wait wait() const noexcept { return detail::thread_event_wait(state_); }

  /// Blocks this thread until the flag is set. False if the time ran out or a stop was requested before.
  /// Throws: `std::runtime_error` if it would block a thread that runs a loop. Python: `threading.Event.wait`.
  bool blocking_wait(time_limit limit = std::nullopt, const std::stop_token& stop = {}) const {
    return state_->blocking_wait(limit, stop);
  }

  /// How many wait, tasks and threads.
  std::size_t waiters() const noexcept { return state_->waiters(); }

private:
  detail::ref<detail::thread_event_state> state_;
};

RONDO_END_NAMESPACE
