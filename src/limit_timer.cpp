// SPDX-License-Identifier: BSL-1.0
#include "loop_core.hpp"

#include <rondo/detail/limit_timer.hpp>

RONDO_BEGIN_NAMESPACE
namespace detail {

void limit_timer::arm(loop_core& core, time_limit limit) {
  if (!limit) return;
  slot_ = core.add_timer(time_after(core.now(), *limit), *this);
  core_ = &core;
}

void limit_timer::disarm() noexcept {
  loop_core* const core = std::exchange(core_, nullptr);
  if (!core) return;
  if (linked()) // due, and on its way through the ready queue
    unlink();
  else
    core->cancel_timer(slot_);
}

void limit_timer::run() noexcept {
  core_ = nullptr;
  expired();
}

void limit_timer::drop() noexcept { core_ = nullptr; }

} // namespace detail
RONDO_END_NAMESPACE
