// Switches a fault on for tools/check-force-order: RONDO_TWO_PHASE_MUTANT=1. Linked into bank_mutant, and nowhere else.
// SPDX-License-Identifier: BSL-1.0
#include "mutant.hpp"

#include <cstdlib>

namespace {

[[maybe_unused]] const bool switched_on = [] {
  if (const char* number = std::getenv("RONDO_TWO_PHASE_MUTANT"))
    rondo::two_phase::detail::active_mutant = std::atoi(number);
  return true;
}();

} // namespace
