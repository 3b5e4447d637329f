// A shard of the bank: some accounts, behind a participant of two-phase commit.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "options.hpp"

#include <rondo/awaitable.hpp>

namespace bank {

/// Serves until SIGINT or SIGTERM. Throws: `std::exception`s that say what is wrong, such as a journal that cannot be
/// written; the next start goes on where this one ended.
rondo::awaitable<void> run_shard(shard_options o);

} // namespace bank
