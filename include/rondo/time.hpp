// Time as a loop sees it: a clock that follows the running loop, and time limits.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/config.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <ratio>
#include <type_traits>

RONDO_BEGIN_NAMESPACE

/// The clock of the running loop: the monotonic clock, or the virtual one in `testing::run_virtual`.
///
/// A standard TrivialClock with integer nanoseconds. Its time points are a type of their own: those of
/// `std::chrono::steady_clock` do not convert, since under a virtual clock they would mean something else.
///
/// Thread safety: `now()` reads the clock of the loop that runs on the calling thread; without one, the monotonic clock.
struct RONDO_EXPORT clock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<clock>;
  static constexpr bool is_steady = true;

  static time_point now() noexcept;
};

/// How long something may take: any chrono duration, or `std::nullopt` for no limit.
///
/// Fractions of a nanosecond are rounded up, values out of range saturate, and a duration that is not a number is
/// refused. Not a template, so that functions that take a limit need not be.
///
/// Throws: `std::invalid_argument` for a floating-point duration that is not a number.
class RONDO_EXPORT time_limit {
public:
  constexpr time_limit(std::nullopt_t) noexcept {}

  template <class Rep, class Period>
  constexpr time_limit(std::chrono::duration<Rep, Period> d) : limit_(to_nanoseconds(d)) {}

  template <class Rep, class Period>
  constexpr time_limit(const std::optional<std::chrono::duration<Rep, Period>>& d) {
    if (d) limit_ = to_nanoseconds(*d);
  }

  constexpr bool has_value() const noexcept { return limit_ != none; }
  constexpr explicit operator bool() const noexcept { return has_value(); }

  /// The limit; `clock::duration::max()` without one.
  constexpr clock::duration operator*() const noexcept { return limit_; }

private:
  template <class Rep, class Period>
  static constexpr clock::duration to_nanoseconds(std::chrono::duration<Rep, Period> d) {
    // long double keeps 64 bits of an integer, so whole nanoseconds pass unchanged.
    const long double ns = static_cast<long double>(d.count()) * 1e9L * Period::num / Period::den;
    if (ns != ns) throw_not_a_number();
    if (ns >= static_cast<long double>(std::numeric_limits<std::int64_t>::max())) return clock::duration::max();
    if (ns <= static_cast<long double>(std::numeric_limits<std::int64_t>::min())) return clock::duration::min();
    const auto whole = static_cast<std::int64_t>(ns);
    // 0.1s is a little more than 100 ms as a double: what lies within the rounding of the number is no fraction.
    const long double noise = (ns < 0 ? -ns : ns) * static_cast<long double>(std::numeric_limits<Rep>::epsilon());
    return clock::duration(whole + (static_cast<long double>(whole) + noise < ns ? 1 : 0));
  }

  template <std::integral Rep, std::intmax_t Num, std::intmax_t Den>
    requires(Num == 1 && 1'000'000'000 % Den == 0)
  static constexpr clock::duration to_nanoseconds(std::chrono::duration<Rep, std::ratio<Num, Den>> d) {
    constexpr std::int64_t factor = 1'000'000'000 / Den;
    if (d.count() >
        static_cast<std::common_type_t<Rep, std::int64_t>>(std::numeric_limits<std::int64_t>::max() / factor))
      return clock::duration::max();
    if constexpr (std::is_signed_v<Rep>)
      if (d.count() < std::numeric_limits<std::int64_t>::min() / factor) return clock::duration::min();
    return clock::duration(static_cast<std::int64_t>(d.count()) * factor);
  }

  [[noreturn]] static void throw_not_a_number();

  static constexpr clock::duration none = clock::duration::max(); // 292 years and no limit are the same

  clock::duration limit_ = none;
};

RONDO_END_NAMESPACE
