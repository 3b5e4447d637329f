// SPDX-License-Identifier: BSL-1.0
#include "thread_state.hpp"

RONDO_BEGIN_NAMESPACE
namespace detail {

thread_state& this_thread() noexcept {
  static constinit thread_local thread_state state;
  return state;
}

} // namespace detail
RONDO_END_NAMESPACE
