// SPDX-License-Identifier: BSL-1.0
#include "thread_state.hpp"

#include <pthread.h>

RONDO_BEGIN_NAMESPACE
namespace detail {

namespace {

/// The child of a fork() made inside a loop does not run that loop: its descriptors are the parent's.
[[maybe_unused]] const int fork_handler = ::pthread_atfork(nullptr, nullptr, [] { this_thread() = thread_state(); });

} // namespace

thread_state& this_thread() noexcept {
  static constinit thread_local thread_state state;
  return state;
}

} // namespace detail
RONDO_END_NAMESPACE
