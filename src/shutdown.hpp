// The end of a loop's life: cancel what is left, wait for it, say what went wrong.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/event_loop.hpp>

#include <vector>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// Cancels tasks and waits up to `grace` until they have ended; reports their exceptions, and those that have not ended.
awaitable<void> end_tasks(event_loop loop, std::vector<any_task> tasks, time_limit grace);

/// Ends the default executor without blocking the loop; reports threads that are still busy after `limit`.
awaitable<void> end_default_executor(event_loop loop, time_limit limit);

/// Both, for all tasks but the current one.
awaitable<void> shut_down_loop(event_loop loop, time_limit grace);

} // namespace detail
RONDO_END_NAMESPACE
