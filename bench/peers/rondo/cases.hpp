// The cases of the comparison as a rondo program does them.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../common/meter.hpp"

#include <rondo/awaitable.hpp>

namespace peers {

using rondo::awaitable;

// `size` is, for each case, how many there are of what it is about: tasks, sleepers around it, waiters, frames, threads,
// room in a queue.

awaitable<void> create_await(meter& m, long n, long sleepers);
awaitable<void> spawn(meter& m, long n, long tasks);
awaitable<void> yield(meter& m, long n, long tasks);
awaitable<void> gather(meter& m, long n, long tasks);
awaitable<void> group(meter& m, long n, long tasks);
awaitable<void> timeout(meter& m, long n, long sleepers);
awaitable<void> timeout_turn(meter& m, long n, long sleepers);
awaitable<void> exception(meter& m, long n, long depth);

awaitable<void> sleepers(meter& m, long n, long);
awaitable<void> cancel_depth(meter& m, long n, long depth);
awaitable<void> cancel_among(meter& m, long n, long sleepers);

awaitable<void> queue_pingpong(meter& m, long n, long);
awaitable<void> queue_prodcons(meter& m, long n, long capacity);
awaitable<void> queue_getters(meter& m, long n, long getters);
awaitable<void> event_pingpong(meter& m, long n, long);
awaitable<void> event_waiters(meter& m, long n, long waiters);
awaitable<void> lock_uncontended(meter& m, long n, long);
awaitable<void> lock_contended(meter& m, long n, long tasks);

awaitable<void> thread_roundtrip(meter& m, long n, long);
awaitable<void> thread_submit(meter& m, long n, long threads);
awaitable<void> thread_queue(meter& m, long n, long capacity);

awaitable<void> echo(meter&, long port, long);

/// Tasks that sleep until the end of the program; they have begun when it returns.
awaitable<void> start_sleepers(long n);

} // namespace peers
