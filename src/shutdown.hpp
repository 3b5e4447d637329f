// The end of a loop's life: cancel what is left, wait for it, say what went wrong.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/event_loop.hpp>

#include <vector>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// The cancellation of some tasks, and what is to be said afterwards.
class ending_tasks {
public:
  /// Cancels the tasks at once, in their order.
  ending_tasks(event_loop loop, std::vector<any_task> tasks, time_limit grace);

  /// Done when all tasks have ended or the grace time is over.
  const future<void>& ended() const noexcept { return ended_; }

  /// Reports the exceptions of the tasks, and the names of those that have not ended.
  void report() const;

private:
  event_loop loop_;
  std::vector<any_task> tasks_;
  time_limit grace_;
  future<void> ended_;
  callback_handle timer_;
};

/// Ends the default executor without blocking the loop; reports threads that are still busy after `limit`.
awaitable<void> end_default_executor(event_loop loop, time_limit limit);

/// Both, for all tasks but the current one.
awaitable<void> shut_down_loop(event_loop loop, time_limit grace);

} // namespace detail
RONDO_END_NAMESPACE
