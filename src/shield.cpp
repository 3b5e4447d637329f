// SPDX-License-Identifier: BSL-1.0
#include "loop_core.hpp"

#include <rondo/detail/handles.hpp>
#include <rondo/shield.hpp>

#include <boost/core/demangle.hpp>

#include <cxxabi.h>
#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace detail {

namespace {

std::string type_name(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (...) {
    const std::type_info* type = abi::__cxa_current_exception_type();
    return type ? boost::core::demangle(type->name()) : "Unknown";
  }
}

} // namespace

void check_shield(const future_state_base& inner) {
  if (at_rest(inner.core()) && inner.done()) return;
  if (const loop_core* here = running_core_or_null()) return check_same_loop("shield", *here, inner);
  check_open(inner.core());
  check_thread(inner.core(), "shield", "run_coroutine_threadsafe");
}

void shield_state_base::follow(ref<future_state_base> inner) noexcept {
  inner_ = std::move(inner);
  add_ref(); // the link's, until it is told or lets go
  link_.watch(*inner_);
}

void shield_state_base::let_go() noexcept {
  inner_.reset();
  release();
}

void shield_state_base::link::abandoned() noexcept { outer.let_go(); }

void shield_state_base::link::done(future_state_base& inner) noexcept {
  if (outer.reporting_)
    outer.report(inner);
  else
    outer.settle_from(inner);
  outer.let_go();
}

void shield_state_base::settle_from(future_state_base& inner) noexcept {
  if (done()) return; // cancelled in the pass before: as in CPython 3.14, nobody has looked at the outcome then
  if (inner.cancelled()) {
    finish(status::cancelled);
  } else if (inner.state() == status::failed) {
    finish_failed(inner.exception());
  } else {
    try {
      take_value(inner);
      finish(status::finished);
    } catch (...) { // the value was taken before, or could not be copied
      finish_failed(std::current_exception());
    }
  }
}

bool shield_state_base::cancel(optional_text message) {
  if (!done()) {
    check_thread(core(), "cancel", "call_soon_threadsafe");
    // Before those who wait for the outer future, as the first of its callbacks.
    add_ref();
    push_ready(core(), cut_);
  }
  return future_state_base::cancel(std::move(message));
}

void shield_state_base::cut::run() noexcept {
  const ref<shield_state_base> self(&outer, false);
  if (outer.inner_ && !outer.inner_->done()) outer.become_reporter();
}

void shield_state_base::cut::drop() noexcept { outer.release(); }

void shield_state_base::become_reporter() noexcept {
  link_.unwatch();
  // One report for one inner future, however often it was shielded: the newest, which is near the end of those who wait.
  hook_list& waiters = inner_->waiters();
  for (list_hook* hook = waiters.end()->prev; hook != waiters.end(); hook = hook->prev) {
    auto* other = dynamic_cast<link*>(static_cast<ready_node*>(hook));
    if (!other || !other->outer.reporting_) continue;
    other->unwatch();
    other->outer.let_go();
    break;
  }
  reporting_ = true;
  link_.watch(*inner_);
}

void shield_state_base::report(future_state_base& inner) noexcept {
  if (inner.state() != status::failed) return;
  exception_context c;
  c.exception = inner.exception();
  c.message = type_name(c.exception) + " exception in shielded future";
  c.future = make_handle<any_future>(ref<future_state_base>(&inner));
  if (inner.as_task()) c.task = make_handle<any_task>(ref<future_state_base>(&inner));
  inner.core().call_exception_handler(std::move(c));
}

std::string shield_state_base::describe() const {
  return inner_ ? "a shield of " + inner_->describe() : "a shielded future";
}

} // namespace detail
RONDO_END_NAMESPACE
