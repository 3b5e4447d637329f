// Random numbers that are the same on every machine: the distributions of the standard library are not.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstdint>

namespace sim {

/// A stream of numbers for one purpose (splitmix64). Streams of the same seed for different purposes are independent, so
/// that a fault that is switched off leaves the others' choices alone.
class random_stream {
public:
  random_stream(std::uint64_t seed, std::uint64_t purpose) noexcept
      : state_(mixed(seed + 0x9e3779b97f4a7c15) ^ mixed(purpose * 0xd1342543de82ef95 + 1)) {}

  std::uint64_t next() noexcept {
    state_ += 0x9e3779b97f4a7c15;
    return mixed(state_);
  }

  /// A number in [0, bound); 0 for a bound of 0.
  std::uint64_t below(std::uint64_t bound) noexcept { return (next() >> 32) * bound >> 32; }
  /// A number in [first, last].
  std::uint64_t between(std::uint64_t first, std::uint64_t last) noexcept { return first + below(last - first + 1); }
  bool chance(std::uint64_t per_mille) noexcept { return below(1000) < per_mille; }

  std::chrono::nanoseconds up_to(std::chrono::nanoseconds longest) noexcept {
    constexpr std::uint64_t steps = 1 << 20;
    return longest / static_cast<std::int64_t>(steps) * static_cast<std::int64_t>(below(steps));
  }

private:
  static std::uint64_t mixed(std::uint64_t z) noexcept {
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }

  std::uint64_t state_;
};

} // namespace sim
