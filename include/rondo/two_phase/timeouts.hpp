// Timeouts and delays of two-phase commit, with their defaults.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/time.hpp>

#include <chrono>
#include <cstdint>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

/// For all votes, from `commit` on. Then the transaction is rolled back.
inline constexpr std::chrono::seconds default_prepare_timeout{20};
/// For a wait for a commit to be carried out. The commit goes on.
inline constexpr std::chrono::seconds default_commit_timeout{5};
/// For a wait for a rollback to be carried out. The rollback goes on.
inline constexpr std::chrono::seconds default_rollback_timeout{5};
/// For a wait for a transaction to be over. It goes on.
inline constexpr std::chrono::seconds default_close_timeout{20};
/// From `begin` to `commit`. Then the transaction is rolled back.
inline constexpr std::chrono::seconds default_lifetime{60};
/// How long `stop` waits for decisions to be carried out. The rest is done after the next start.
inline constexpr std::chrono::seconds default_drain{10};

/// How a wait with a time limit ended.
enum class wait_status : std::uint8_t {
  succeeded,
  failed,
  timed_out, ///< nothing is known yet, and nothing has changed
};

/// Delays between attempts: the first, then each twice the one before, up to a limit, each up to a fifth longer or
/// shorter by chance.
class RONDO_EXPORT backoff {
public:
  /// Throws: `std::invalid_argument` unless 0 < first <= limit.
  backoff(clock::duration first, clock::duration limit);

  /// `chance` is any number; the same one gives the same delay.
  clock::duration delay(std::uint32_t attempt, std::uint64_t chance) const noexcept;

private:
  clock::duration first_;
  clock::duration limit_;
};

} // namespace two_phase
RONDO_END_NAMESPACE
