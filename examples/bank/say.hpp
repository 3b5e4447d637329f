// What the programs print: one line at a time, at once, with the name of who says it.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

namespace bank {

template <class... Args>
void say(std::string_view who, fmt::format_string<Args...> format, Args&&... args) {
  fmt::print("{}: {}\n", who, fmt::format(format, std::forward<Args>(args)...));
  std::fflush(stdout);
}

/// "1,234,567"
inline std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  const std::size_t sign = number < 0 ? 1 : 0;
  for (std::size_t place = digits.size(); place > sign + 3;)
    digits.insert(place -= 3, 1, ',');
  return digits;
}

template <class Number>
std::string grouped(Number number) {
  return grouped(static_cast<std::int64_t>(number));
}

} // namespace bank
