// event: a flag that tasks can wait for.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/line.hpp>

#include <string>

RONDO_BEGIN_NAMESPACE

class event;

namespace detail {

class RONDO_EXPORT event_wait final : public wait_op<void, event_wait, line_wait> {
  using base = wait_op<void, event_wait, line_wait>;

public:
  explicit event_wait(event& e) noexcept;

  bool ready() const noexcept;
  std::string waits_for() const override { return "an event"; }

private:
  friend base;

  void park() override;
  bool turn(bool) noexcept override { return true; }
  bool outlives_line() const noexcept override { return true; }
  void take() const noexcept {}

  const event* event_;
};

} // namespace detail

/// A flag, at first not set, that tasks can wait for.
///
///     event stop;
///     co_await stop.wait();   // in one task
///     stop.set();             // in another, or in a callback
///
/// It can be made outside a loop and belongs to the loop of the first task that has to wait. If it is destroyed, those that
/// wait get a `std::runtime_error`; once it is set, they need it no more.
/// Thread safety: the loop's thread; between threads use `thread_event`. asyncio: `Event`.
class event {
public:
  event() noexcept : line_("event") {}

  /// Sets the flag and wakes all who wait; they return in the next pass, also if it is cleared before that.
  ///
  /// Throws: `std::runtime_error` in debug mode if tasks wait on another thread's loop.
  void set() {
    if (set_) return;
    line_.check_thread("event::set", "thread_event or call_soon_threadsafe");
    set_ = true;
    line_.wake_all();
  }

  void clear() noexcept { set_ = false; }
  bool is_set() const noexcept { return set_; }

  /// Returns when the flag is set, at once if it is. Cancellation: leaves the line.
  [[nodiscard]] detail::event_wait wait() noexcept { return detail::event_wait(*this); }

  sync_statistics statistics() const noexcept { return line_.statistics(); }

private:
  friend detail::event_wait;

  bool set_ = false;
  detail::waiting_line line_;
};

inline detail::event_wait::event_wait(event& e) noexcept : base(e.line_), event_(&e) {}
inline bool detail::event_wait::ready() const noexcept { return event_->set_; }

RONDO_END_NAMESPACE
