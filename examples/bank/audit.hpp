// The audit: whether the books of the shards and the journals of the clients agree.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "options.hpp"

namespace bank {

/// Reads the stores of shards that do not run, and the journals of all clients; prints what it finds. Gives the number of
/// violations. Throws: `std::exception`s for files that cannot be read.
std::size_t run_audit(const audit_options& o);

} // namespace bank
