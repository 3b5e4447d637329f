// The coordinator of the bank: a teller for clients, and the decisions.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "options.hpp"

#include <rondo/awaitable.hpp>

namespace bank {

/// Serves until SIGINT or SIGTERM. Throws: `std::exception`s that say what is wrong.
rondo::awaitable<void> run_coordinator(coordinator_options o);

} // namespace bank
