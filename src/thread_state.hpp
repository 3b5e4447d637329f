// What runs on this thread: the loop, the runner inside it, the context.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/core.hpp>

RONDO_BEGIN_NAMESPACE
class context;

namespace detail {

struct thread_state {
  loop_core* core = nullptr;
  task_runner* runner = nullptr;
  context* variables = nullptr; // of the running callback or `context::run`; null: the task's, or the thread's own
};

/// Never inlined: a coroutine on a strand changes threads, and a compiler may keep the address over a suspension.
thread_state& this_thread() noexcept;

/// Makes a loop the running one of this thread for a scope.
class running_scope {
public:
  explicit running_scope(loop_core& core) noexcept : state_(this_thread()), previous_(state_) {
    state_ = thread_state{&core, nullptr, nullptr};
  }
  running_scope(const running_scope&) = delete;
  running_scope& operator=(const running_scope&) = delete;
  ~running_scope() { state_ = previous_; }

private:
  thread_state& state_;
  const thread_state previous_;
};

} // namespace detail
RONDO_END_NAMESPACE
