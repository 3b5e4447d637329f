// SPDX-License-Identifier: BSL-1.0
#include "loop_core.hpp"

#include <rondo/wait.hpp>

#include <fmt/format.h>

#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace detail {

void wait_set::park() {
  const std::size_t count = size();
  for (std::size_t i = 0; i < count; ++i)
    check_same_loop("wait", *core_, item(i));
  watchers_ = std::make_unique<watcher[]>(count);
  limit_.arm(*this);
  left_ = count;
  for (std::size_t i = 0; i < count; ++i)
    watchers_[i].watch(*this, item(i));
  parked();
}

void wait_set::watcher::watch(wait_set& owner, future_state_base& state) noexcept {
  owner_ = &owner;
  watch_node::watch(state);
}

void wait_set::watcher::done(future_state_base& state) noexcept { owner_->completed(state); }

void wait_set::limit::arm(wait_set& owner) {
  owner_ = &owner;
  limit_timer::arm(*owner.core_, owner.options_.timeout());
}

void wait_set::limit::expired() noexcept { owner_->release(); }

void wait_set::completed(future_state_base& state) noexcept {
  const return_when when = options_.return_when();
  // To ask for the exception counts as retrieving it, so it is done only where asyncio does it.
  if (--left_ == 0 || when == return_when::first_completed ||
      (when == return_when::first_exception && !state.cancelled() && state.exception()))
    release();
}

void wait_set::release() noexcept {
  if (cancelled_ || std::exchange(released_, true)) return;
  limit_.disarm();
  push_ready(*core_, *this);
}

bool wait_set::cancel(optional_text& message) noexcept {
  if (std::exchange(released_, true)) return false;
  limit_.disarm();
  push_cancelled(message);
  return true;
}

std::string wait_set::waits_for() const {
  pending_names names;
  for (std::size_t i = 0; i < size(); ++i)
    names.add(item(i));
  const return_when when = options_.return_when();
  const char* which = when == return_when::first_completed   ? "the first of"
                      : when == return_when::first_exception ? "the first exception or the end of"
                                                             : "all of";
  return fmt::format("{} {} futures, pending: {}", which, size(), names.text());
}

void throw_nothing_to_wait_for() {
  throw std::invalid_argument("Set of Tasks/Futures is empty: wait needs at least one handle");
}

} // namespace detail
RONDO_END_NAMESPACE
