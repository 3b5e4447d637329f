// What tests of cancel scopes need.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/cancel_scope.hpp>
#include <rondo/time.hpp>

#include <string>

namespace support {

inline rondo::clock::time_point at(rondo::clock::duration d) { return rondo::clock::time_point(d); }

inline rondo::cancel_scope_options shielded() { return rondo::cancel_scope_options().shield(true); }

/// In a word how a scope ended, by what it returned.
inline std::string word(bool ended) { return ended ? "ended" : "cut"; }

} // namespace support
