// How fast the decision log is, beside the bare calls of the system that it cannot do without.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <string>

namespace bench {

struct log_bench_settings {
  std::string directory = "."; // a folder for the files is made in it, and removed
  int rounds = 7;
  double seconds = 0.5;   // of each measurement
  std::size_t body = 104; // bytes of a record; with its header it is 128
  bool check = false;
};

/// Prints the rates; whether they reach the limits.
bool run_log_bench(const log_bench_settings& settings);

} // namespace bench
