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

/// What a sleep does whatever its value is. As in asyncio it takes two turns: the first is the timer's callback, which
/// completes the wait, the second the step of the task.
class RONDO_EXPORT sleep_wait : public wait_node {
public:
  bool cancel(optional_text& message) noexcept final;
  std::string waits_for() const final;
  void run() noexcept final;

protected:
  explicit sleep_wait(time_limit delay) noexcept : time_((*delay).count()) {}
  sleep_wait(sleep_wait&& other) noexcept : time_(other.time_) {}
  ~sleep_wait() = default;

private:
  void park() final;
  void start_timer();

  bool timing_ = false; // the timer's turn is still to come
  std::uint32_t slot_;  // of the timer
  std::int64_t time_;   // the delay; once there is a timer, its deadline
};

struct no_value {};

template <class T, class Value>
class [[nodiscard]] sleep_op final : public wait_op<T, sleep_op<T, Value>, sleep_wait> {
  using base = wait_op<T, sleep_op, sleep_wait>;

public:
  sleep_op(time_limit delay, Value value) : base(delay), value_(std::move(value)) {}
  sleep_op(sleep_op&&) = default;

private:
  friend base;

  T take() {
    if constexpr (!std::is_void_v<T>) return std::move(value_);
  }

  [[no_unique_address]] Value value_;
};

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
