// Faults to try the tests with. They exist only where RONDO_TWO_PHASE_MUTANTS is defined: in the explorer's own build
// of the state machines. In the library every `mutant(n)` is the constant false.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/config.hpp>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

//  1  COMMIT is sent before its record is forced
//  2  no decision log
//  3  an ambiguous write is taken for a failed one
//  4  YES is sent before PREPARED is forced
//  5  ACK is sent before COMMITTED is forced
//  6  an inquiry about an undecided transaction is answered with abort
//  7  inquiries are answered before the log is read
//  8  a committed branch is forgotten after the ACK
//  9  a committed branch is forgotten after the end, without a watermark
// 10  a prepared participant rolls back on timeout
// 11  a prepared participant commits on timeout
// 12  a commit hook that throws leads to a rollback
// 13  the coordinator gives up after retries
// 14  the epoch is not forced
// 15  a branch of another log is answered with abort
// 16  compaction drops commit records that are old
// 17  a message is acknowledged to the broker before its effect is forced
// 18  the sweep reads what is active before it asks what is prepared
#ifdef RONDO_TWO_PHASE_MUTANTS
inline int active_mutant = 0;
inline bool mutant(int number) noexcept { return active_mutant == number; }
#else
constexpr bool mutant(int) noexcept { return false; }
#endif

} // namespace two_phase::detail
RONDO_END_NAMESPACE
