// wait_signal: signals as something to wait for.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/awaitable.hpp>

#include <concepts>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace detail {

RONDO_EXPORT awaitable<int> wait_for_signal(std::vector<int> signals);

} // namespace detail

/// Waits until the process gets one of the signals, and gives its number: `co_await wait_signal(SIGINT, SIGTERM)`.
///
/// Between calls a signal has its default action again; for a handler that stays, see `event_loop::add_signal_handler`.
/// Cancellation: the signals are given back. Throws: `std::invalid_argument` for a number that is no signal,
/// `std::runtime_error` for one that cannot be caught. Must be awaited in a running loop.
template <std::convertible_to<int>... Signals>
awaitable<int> wait_signal(Signals... signals) {
  static_assert(sizeof...(Signals) > 0, "wait_signal needs at least one signal number");
  return detail::wait_for_signal(std::vector<int>{static_cast<int>(signals)...});
}

RONDO_END_NAMESPACE
