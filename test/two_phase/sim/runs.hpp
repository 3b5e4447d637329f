// Many runs, in processes of their own: one that crashes or hangs is a finding like any other.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "world.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sim {

struct finding {
  std::uint64_t seed = 0;
  std::string what;
};

/// What is run.
struct request {
  std::uint64_t first = 1;
  std::uint64_t last = 1;
  std::size_t jobs = 1;
  std::vector<fault> off;
  std::optional<std::size_t> transactions; // the first ones only
  bool only_first = false;                 // ends with the first finding
  bool shows_progress = false;
  std::function<void()> prepare = [] {}; // called in each process

  scenario plan(std::uint64_t seed) const;
  /// The arguments that repeat one seed.
  std::string arguments(std::uint64_t seed) const;
};

struct report {
  std::vector<finding> findings; // by seed; not all, if there are many
  std::uint64_t runs = 0;
  std::uint64_t transactions = 0;
  std::uint64_t events = 0;
  double seconds = 0;
  coverage covered;
};

report run_all(const request& what);

/// Switches faults off and leaves transactions out, as long as something is found.
request shrunk(request what, std::uint64_t seed);

} // namespace sim
