// SPDX-License-Identifier: BSL-1.0
#include "diagnostics.hpp"
#include "loop_core.hpp"

#include <rondo/detail/callback.hpp>
#include <rondo/errors.hpp>

#include <fmt/format.h>

RONDO_BEGIN_NAMESPACE
namespace detail {

callback_node::callback_node(loop_core& core, std::optional<context> c)
    : core_(&core), context_(c ? std::move(*c) : copy_context()) {}

callback_node::~callback_node() = default;

void callback_node::run() noexcept {
  const ref<callback_node> keep(this, false); // the reference of the place that held the node
  const ref<const counted> subject_until_the_end = std::move(subject);
  leave();
  timer = no_timer;
  if (cancelled()) return clear();
  context_switch scope(context_);
  try {
    invoke();
  } catch (const keyboard_interrupt&) {
    core_->interrupt(std::current_exception());
  } catch (...) {
    core_->call_exception_handler({.message = "Exception in " + describe(),
                                   .exception = std::current_exception(),
                                   .handle = callback_handle(ref<callback_node>(this), false)});
  }
  clear();
}

void callback_node::drop() noexcept {
  const ref<callback_node> keep(this, false);
  const ref<const counted> subject_until_the_end = std::move(subject);
  leave();
  auto& links = static_cast<ready_node&>(*this);
  if (links.linked()) links.unlink();
  timer = no_timer;
  clear();
}

void callback_node::cancel() noexcept {
  cancel_threadsafe();
  const ref<callback_node> keep(this);
  // A timer that is due has left the heap: it keeps its place in the queue, and is skipped in its turn.
  if (static_cast<ready_node&>(*this).linked()) timer = no_timer;
  if (timer != no_timer) {
    core_->cancel_timer(std::exchange(timer, no_timer));
    leave();
    release();
  }
  clear();
}

void callback_node::leave() noexcept {
  auto& links = static_cast<registered_hook&>(*this);
  if (links.linked()) links.unlink();
}

std::string callback_node::describe() const { return fmt::format("callback made at {}", describe_place(where)); }

} // namespace detail
RONDO_END_NAMESPACE
