// SPDX-License-Identifier: BSL-1.0
#include "loop_core.hpp"

#include <rondo/detail/watch.hpp>

RONDO_BEGIN_NAMESPACE
namespace detail {

void watch_node::watch(ref<future_state_base> state) noexcept {
  subject_ = std::move(state);
  loop_core& core = subject_->core();
  core.watches.push_back(*this);
  if (subject_->done())
    core.push(*this);
  else
    subject_->add_waiter(*this);
}

ref<future_state_base> watch_node::leave() noexcept {
  auto& links = static_cast<ready_node&>(*this);
  if (links.linked()) links.unlink();
  auto& registered = static_cast<watch_hook&>(*this);
  if (registered.linked()) registered.unlink();
  return std::move(subject_);
}

void watch_node::unwatch() noexcept {
  if (watching()) leave();
}

void watch_node::run() noexcept {
  const ref<future_state_base> subject = leave();
  done(*subject);
}

void watch_node::drop() noexcept {
  if (!watching()) return;
  const ref<future_state_base> subject = leave();
  abandoned();
}

} // namespace detail
RONDO_END_NAMESPACE
