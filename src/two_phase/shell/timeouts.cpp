// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/timeouts.hpp>

#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

backoff::backoff(clock::duration first, clock::duration limit) : first_(first), limit_(limit) {
  if (first <= clock::duration::zero() || limit < first)
    throw std::invalid_argument("rondo: a backoff needs 0 < first delay <= limit");
}

clock::duration backoff::delay(std::uint32_t attempt, std::uint64_t chance) const noexcept {
  auto usual = first_;
  for (std::uint32_t i = 0; i < attempt && usual < limit_; ++i)
    usual = usual > limit_ / 2 ? limit_ : usual * 2;
  // In thousandths, from 800 to 1200; without a product that could overflow.
  const auto share = static_cast<clock::rep>(800 + chance % 401);
  return usual / 1000 * share + usual % 1000 * share / 1000;
}

} // namespace two_phase
RONDO_END_NAMESPACE
