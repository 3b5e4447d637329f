// Benchmarks of two-phase commit. See --help.
// SPDX-License-Identifier: BSL-1.0
#include "log_bench.hpp"
#include "tx_bench.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <exception>
#include <span>
#include <string_view>

namespace {

constexpr std::string_view usage = R"(usage: two_phase log|tx [--directory DIR] [--rounds N] [--seconds S] [--check]

log: forces of the decision log a second, with 1 and with 64 writers, beside R, the rate of bare pwrite + fdatasync of the
same bytes to a preallocated file in the same directory. Interleaved in every round; the medians of the ratios count.
The one writer forces its next record in the callback of the last; "1 thread" is one that sleeps on a thread of its own
until it is woken, as the 64 do together on theirs.

tx: whole transactions a second, with the CPU time of each: two local resources with a log in memory; the same with a log
in files, 1 and 64 in flight, beside R; two participant processes over TCP on loopback, all logs in memory.

  --directory DIR  where the files are made (the current directory); not in memory, where nothing is synced
  --rounds N       rounds (7 of log, 5 of tx)
  --seconds S      of each measurement of a round (0.5 of log, 1 of tx)
  --check          ends with status 1 if a figure is below its limit. log: 0.9 R with 1 writer, 20 R with 64. tx: 100,000 in
                   memory; 0.8 R with 1 in flight; 20 R with 64, or 0.7 of the rate in memory; 15,000 over TCP
  --help           this text
)";

template <class Number>
bool read_number(std::string_view text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value > 0;
}

template <class Settings>
bool read_settings(std::span<char* const> arguments, Settings& settings) {
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

/// The exit status of one of the benchmarks.
template <class Settings>
int run(std::span<char* const> arguments, Settings settings, bool (*bench)(const Settings&)) {
  if (!read_settings(arguments, settings)) {
    fmt::print(stderr, "{}", usage);
    return 2;
  }
  return bench(settings) || !settings.check ? 0 : 1;
}

} // namespace

int main(int argc, char* argv[]) {
  const std::span<char* const> arguments(argv, static_cast<std::size_t>(argc));
  if (arguments.size() > 1 && std::string_view(arguments[1]) == "--help") {
    fmt::print("{}", usage);
    return 0;
  }
  const std::string_view which = arguments.size() > 1 ? arguments[1] : "";
  try {
    if (which == "log") return run(arguments.subspan(2), bench::log_bench_settings(), &bench::run_log_bench);
    if (which == "tx") return run(arguments.subspan(2), bench::tx_bench_settings(), &bench::run_tx_bench);
  } catch (const std::exception& error) {
    fmt::print(stderr, "two_phase: {}\n", error.what());
    return 3;
  }
  fmt::print(stderr, "{}", usage);
  return 2;
}
