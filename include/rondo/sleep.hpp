// sleep: wait for time to pass.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/wait.hpp>
#include <rondo/time.hpp>

#include <concepts>
#include <cstdint>
#include <string>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// The timer of a sleep. As in asyncio a sleep takes two turns: the timer's callback, which completes the wait, and then
/// the step of the task.
class RONDO_EXPORT sleep_timer final : public ready_node {
public:
  sleep_timer() noexcept {}
  sleep_timer(sleep_timer&& other, wait_node& target) noexcept;
  ~sleep_timer() = default;

  void arm(loop_core& core, clock::duration delay, wait_node& target) noexcept;

  /// Whether the timer's callback has not run yet.
  bool pending() const noexcept { return slot_ != none || linked(); }

  void cancel() noexcept;

  void run() noexcept override;
  void drop() noexcept override {}

  std::string describe() const;

private:
  static constexpr std::uint32_t none = ~std::uint32_t(0);

  loop_core* core_; // these three are set by arm()
  wait_node* target_;
  std::int64_t deadline_;
  std::uint32_t slot_ = none;

  friend class loop_core;
};

struct no_value {};

template <class T, class Value>
class [[nodiscard]] sleep_op final : public wait_op<T, sleep_op<T, Value>> {
  using base = wait_op<T, sleep_op>;

public:
  sleep_op(time_limit delay, Value value) : delay_(delay), value_(std::move(value)) {}
  sleep_op(sleep_op&& other) noexcept
      : base(std::move(other)), delay_(other.delay_), timer_(std::move(other.timer_), *this),
        value_(std::move(other.value_)) {}
  ~sleep_op() { this->rescue(); }

  bool cancel(optional_text& message) noexcept override {
    if (!timer_.pending()) return false;
    timer_.cancel();
    this->push_cancelled(message);
    return true;
  }

  std::string waits_for() const override { return timer_.pending() ? timer_.describe() : "its next turn (sleep)"; }

private:
  friend base;

  void park() noexcept {
    // A bare yield has no timer, and nothing that a cancellation could end early: it is delivered at the next turn.
    if (delay_ && *delay_ <= clock::duration::zero()) return push_ready(*this->core_, *this);
    timer_.arm(*this->core_, delay_ ? *delay_ : clock::duration::max(), *this);
    this->parked();
  }

  void collect(std::exception_ptr&, value_slot_t<T>& out) noexcept(std::is_void_v<T>) {
    if constexpr (!std::is_void_v<T>) out.emplace(std::move(value_));
  }

  time_limit delay_;
  sleep_timer timer_;
  [[no_unique_address]] Value value_;
};

#if !defined(RONDO_SHARED) // see instances.hpp
extern template class wait_op<void, sleep_op<void, no_value>>;
extern template class sleep_op<void, no_value>;
#endif

} // namespace detail

/// Waits until `d` has passed on the loop's clock: `co_await sleep(100ms)`.
///
/// A duration of zero or less is a yield: everything that is ready runs once. `std::nullopt` sleeps until cancelled.
/// Cancellation: the timer is dropped. asyncio: `sleep`.
inline detail::sleep_op<void, detail::no_value> sleep(time_limit d) { return {d, detail::no_value()}; }

/// The same with a value: `co_await sleep(1s, 42)` gives 42.
template <class T>
detail::sleep_op<T, T> sleep(time_limit d, T value) {
  return {d, std::move(value)};
}

/// `sleep(1)` would be POSIX's, which blocks the loop: use `sleep(1s)`.
void sleep(std::integral auto) = delete;

RONDO_END_NAMESPACE
