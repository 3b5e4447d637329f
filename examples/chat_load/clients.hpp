// The kinds of clients. Each is a coroutine that runs as a task of its own.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "plan.hpp"

#include <rondo/awaitable.hpp>

#include <cstddef>

namespace load {

/// Behaves well: sends its messages, and checks that it gets those of all other talkers in its room, once and in order.
rondo::awaitable<void> talk(stage& s, std::size_t id);

/// Joins a room and never reads. Ends when it is cancelled.
rondo::awaitable<void> keep_silent(stage& s, std::size_t id);

/// Disconnects in the middle of a line, then comes again.
rondo::awaitable<void> drop_lines(stage& s, std::size_t id);

/// Sends bytes that are no text and lines without end until it is sent away, then comes again.
rondo::awaitable<void> send_garbage(stage& s, std::size_t id);

} // namespace load
