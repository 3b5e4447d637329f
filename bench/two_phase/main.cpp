// Benchmarks of two-phase commit. See --help.
// SPDX-License-Identifier: BSL-1.0
#include "log_bench.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <exception>
#include <span>
#include <string_view>

namespace {

constexpr std::string_view usage = R"(usage: two_phase log [--directory DIR] [--rounds N] [--seconds S] [--check]

log: forces of the decision log a second, with 1 and with 64 writers, beside R, the rate of bare pwrite + fdatasync of the
same bytes to a preallocated file in the same directory. Interleaved in every round; the medians of the ratios count.
The one writer forces its next record in the callback of the last; "1 thread" is one that sleeps on a thread of its own
until it is woken, as the 64 do together on theirs.

  --directory DIR  where the files are made (the current directory); not in memory, where nothing is synced
  --rounds N       rounds (7)
  --seconds S      of each of the four measurements of a round (0.5)
  --check          ends with status 1 if a ratio is below its limit: 0.9 with 1 writer, 20 with 64
  --help           this text
)";

template <class Number>
bool read_number(std::string_view text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value > 0;
}

bool read_settings(std::span<char* const> arguments, bench::log_bench_settings& settings) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view name = arguments[i];
    if (name == "--check") {
      settings.check = true;
      continue;
    }
    if (++i == arguments.size()) return false;
    const std::string_view value = arguments[i];
    if (name == "--directory")
      settings.directory = value;
    else if (name == "--rounds" && read_number(value, settings.rounds))
      continue;
    else if (name == "--seconds" && read_number(value, settings.seconds))
      continue;
    else
      return false;
  }
  return true;
}

} // namespace

int main(int argc, char* argv[]) {
  const std::span<char* const> arguments(argv, static_cast<std::size_t>(argc));
  if (arguments.size() > 1 && std::string_view(arguments[1]) == "--help") {
    fmt::print("{}", usage);
    return 0;
  }
  bench::log_bench_settings settings;
  if (arguments.size() < 2 || std::string_view(arguments[1]) != "log" ||
      !read_settings(arguments.subspan(2), settings)) {
    fmt::print(stderr, "{}", usage);
    return 2;
  }
  try {
    const bool reached = bench::run_log_bench(settings);
    return settings.check && !reached ? 1 : 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "two_phase: {}\n", error.what());
    return 3;
  }
}
