// SPDX-License-Identifier: BSL-1.0
#include "loop_core.hpp"

#include <rondo/sleep.hpp>

#include <fmt/format.h>

#include <limits>

RONDO_BEGIN_NAMESPACE
namespace detail {

namespace {

std::int64_t deadline_after(std::int64_t now, clock::duration delay) noexcept {
  constexpr auto never = std::numeric_limits<std::int64_t>::max();
  return delay.count() > 0 && now > never - delay.count() ? never : now + delay.count();
}

} // namespace

sleep_timer::sleep_timer(sleep_timer&& other, wait_node& target) noexcept {
  if (!other.pending()) return;
  core_ = other.core_;
  target_ = &target;
  deadline_ = other.deadline_;
  slot_ = std::exchange(other.slot_, none);
  replace(other);
  if (slot_ != none) core_->timers().move(slot_, *this);
}

void sleep_timer::arm(loop_core& core, clock::duration delay, wait_node& target) noexcept {
  core_ = &core;
  target_ = &target;
  deadline_ = deadline_after(core.now(), delay);
  slot_ = core.add_timer(deadline_, *this);
}

void sleep_timer::cancel() noexcept {
  if (linked()) return unlink();
  core_->cancel_timer(std::exchange(slot_, none));
}

void sleep_timer::run() noexcept {
  slot_ = none;
  push_ready(*core_, *target_);
}

std::string sleep_timer::describe() const {
  if (deadline_ == std::numeric_limits<std::int64_t>::max()) return "sleep without end";
  return fmt::format("sleep, {:.3f} s left", static_cast<double>(deadline_ - core_->now()) * 1e-9);
}

} // namespace detail

clock::time_point clock::now() noexcept {
  const detail::loop_core* core = detail::this_thread().core;
  if (core) return time_point(duration(core->now()));
  return time_point(std::chrono::duration_cast<duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

RONDO_END_NAMESPACE
