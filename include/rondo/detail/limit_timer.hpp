// A time limit as part of what is limited: a timer that costs no allocation of its own.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/core.hpp>

#include <cstdint>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// `expired()` comes at the place of a `call_later` callback, once, unless the timer is disarmed before. A limit of zero
/// or less expires in the next pass. Loop's thread only.
class RONDO_EXPORT limit_timer : public ready_node {
public:
  limit_timer() noexcept = default;

  /// Nothing happens without a limit.
  void arm(loop_core& core, time_limit limit);

  void disarm() noexcept;

  void run() noexcept final;
  void drop() noexcept final;

protected:
  ~limit_timer() { disarm(); }

  virtual void expired() noexcept = 0;

private:
  loop_core* core_ = nullptr; // while it is armed: a loop that ends drops its timers first
  std::uint32_t slot_ = 0;
};

} // namespace detail
RONDO_END_NAMESPACE
