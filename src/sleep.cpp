// SPDX-License-Identifier: BSL-1.0
#include "loop_core.hpp"

#include <rondo/sleep.hpp>

#include <fmt/format.h>

#include <limits>

RONDO_BEGIN_NAMESPACE
namespace detail {

void sleep_wait::park() {
  // A bare yield has no timer, and nothing that a cancellation could end early: it is delivered at the next turn.
  if (time_ <= 0)
    core_->push(*this);
  else
    start_timer();
}

void sleep_wait::start_timer() {
  time_ = time_after(core_->now(), clock::duration(time_));
  slot_ = core_->add_timer(time_, *this);
  timing_ = true;
  parked();
}

void sleep_wait::run() noexcept {
  if (!timing_) return wait_node::run();
  timing_ = false;
  core_->push(*this);
}

bool sleep_wait::cancel(optional_text& message) noexcept {
  if (!timing_) return false;
  timing_ = false;
  if (!static_cast<ready_node&>(*this).linked()) core_->cancel_timer(slot_);
  push_cancelled(message);
  return true;
}

std::string sleep_wait::waits_for() const {
  if (!timing_) return "its next turn (sleep)";
  if (time_ == std::numeric_limits<std::int64_t>::max()) return "sleep without end";
  return fmt::format("sleep, {:.3f} s left", static_cast<double>(time_ - core_->now()) * 1e-9);
}

} // namespace detail

clock::time_point clock::now() noexcept {
  const detail::loop_core* core = detail::this_thread().core;
  if (core) return time_point(duration(core->now()));
  return time_point(std::chrono::duration_cast<duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

RONDO_END_NAMESPACE
