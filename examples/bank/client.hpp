// A client of the bank: moves money between accounts, and remembers what it was told.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "options.hpp"

#include <rondo/awaitable.hpp>

namespace bank {

/// Runs the transfers of the options. First it asks for those of its journal of which the last word is not known.
/// Gives the number of transfers whose outcome could not be found out.
/// Throws: `std::exception`s that say what is wrong, such as nobody there.
rondo::awaitable<std::size_t> run_client(client_options o);

} // namespace bank
