// Scopes of level-triggered cancellation as the kernel sees them, and a shield against them.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/export.hpp>
#include <rondo/detail/task_state.hpp>

#include <string>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// A scope that a task is in, part of the chain that starts at the task's runner with the innermost one.
///
/// A task with a cancelled scope in its chain, and no shield between that one and the inner end, is `scope_cancel`: each
/// of its suspensions ends with a cancellation. The flag is computed when the chain changes and asked when the task is
/// suspended; nothing is sent, so a task that refuses costs nothing. Loop's thread only.
class RONDO_EXPORT scope_link {
public:
  scope_link() = default;
  scope_link(const scope_link&) = delete;
  scope_link& operator=(const scope_link&) = delete;
  ~scope_link() { leave(); }

  /// Becomes the innermost scope of the running task.
  void enter(task_state_base& task) noexcept;

  /// Leaves the chain, at whatever place; nothing happens outside of one.
  void leave() noexcept;

  bool entered() const noexcept { return task_ != nullptr; }
  bool cancelled() const noexcept { return cancelled_; }
  bool shielded() const noexcept { return shielded_; }

  void shield(bool shielded) noexcept;
  void cancel(std::string reason) noexcept;

  /// Whether a scope outside of this one cancels what is inside.
  bool cancelled_from_outside() const noexcept;

private:
  friend class task_state_base;
  friend class task_runner;

  /// The scope that cancels what runs inside of `innermost`, or null.
  static const scope_link* effective(const scope_link* innermost) noexcept;

  task_state_base* task_ = nullptr;
  scope_link* outer_ = nullptr;
  scope_link* inner_ = nullptr;
  bool cancelled_ = false;
  bool shielded_ = false;
  optional_text reason_;
};

/// Shields the running task from the cancelled scopes around it while the guard lives, across any number of co_await. It
/// does not hide a `Task.cancel`. Does nothing outside a task.
class RONDO_EXPORT shield_guard {
public:
  shield_guard();

private:
  scope_link link_;
};

} // namespace detail
RONDO_END_NAMESPACE
