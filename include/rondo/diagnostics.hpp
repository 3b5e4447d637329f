// Looking inside: the log, and what the tasks of a loop are doing.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/event_loop.hpp>

#include <functional>
#include <iosfwd>
#include <string_view>

RONDO_BEGIN_NAMESPACE

/// Takes what the library has to say: exceptions that nobody handled, slow callbacks. One call, one report.
using log_sink = std::function<void(std::string_view)>;

/// Sets the log sink of the process; an empty one restores the default, which writes to standard error.
/// Thread safety: any thread, also while loops run; the sink is called on any thread, possibly on several at once.
RONDO_EXPORT void set_log_sink(log_sink sink);

/// Writes a line for every live task: its name, where it was created, what it waits for and since when.
///
///     2 task(s)
///       'reader' created at client.cpp:12: waits for sleep, 0.500 s left since 0.500 s
///       'main' created at client.cpp:30: running
///
/// Thread safety: the loop's thread. Throws: `std::runtime_error("no running event loop")`.
RONDO_EXPORT void dump_tasks(std::ostream& out);

/// The same for a loop that is not running, or runs on this thread.
RONDO_EXPORT void dump_tasks(const event_loop& loop, std::ostream& out);

RONDO_END_NAMESPACE
