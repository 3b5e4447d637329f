// SPDX-License-Identifier: BSL-1.0
#include "coverage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

namespace sim {
namespace {

std::string short_number(std::uint64_t n) {
  if (n < 10'000) return fmt::format("{}", n);
  if (n < 10'000'000) return fmt::format("{}k", n / 1000);
  return fmt::format("{}M", n / 1'000'000);
}

std::optional<std::size_t> state_named(std::string_view name) {
  for (std::size_t i = 0; i < state::count; ++i)
    if (state::at(i).name() == name) return i;
  return std::nullopt;
}

std::vector<std::string> parts(const std::string& list) {
  std::vector<std::string> result;
  std::istringstream in(list);
  for (std::string part; std::getline(in, part, ',');)
    result.push_back(part);
  return result;
}

using cell_set = std::set<std::pair<std::size_t, std::size_t>>;

/// Lines "state[,state] fault[,fault] reason"; '#' begins a comment.
cell_set read_unreachable(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot read " + path);
  cell_set cells;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    std::string states, faults, reason;
    words >> states >> faults >> reason;
    if (reason.empty()) throw std::runtime_error(fmt::format("{}: a line without a reason: {}", path, line));
    for (const auto& each : parts(states))
      for (const auto& name : parts(faults)) {
        const auto where = state_named(each);
        const auto what = fault_named(name);
        if (!where || !what) throw std::runtime_error(fmt::format("{}: no such cell: {} {}", path, each, name));
        if (!cells.emplace(*where, static_cast<std::size_t>(*what)).second)
          throw std::runtime_error(fmt::format("{}: twice: {} {}", path, each, name));
      }
  }
  return cells;
}

} // namespace

std::string state::name() const {
  if (index_ == count - 2) return "c.starting";
  if (index_ == count - 1) return "p.starting";
  if (index_ < coordinator_states)
    return fmt::format("c.{}", to_string(static_cast<two_phase::coordinator_core::phase>(index_)));
  return fmt::format("p.{}", to_string(static_cast<two_phase::participant_core::phase>(index_ - coordinator_states)));
}

void coverage::add(const coverage& other) {
  for (std::size_t i = 0; i < cells_.size(); ++i)
    for (std::size_t j = 0; j < fault_count; ++j)
      cells_[i][j] += other.cells_[i][j];
}

bool coverage::print(const std::string& unreachable) const {
  fmt::print("\n{:<20}", "state x fault");
  for (std::size_t i = 0; i < fault_count; ++i)
    fmt::print(" {:>6}", i + 1);
  fmt::print("\n");
  for (std::size_t i = 0; i < state::count; ++i) {
    fmt::print("{:<20}", state::at(i).name());
    for (std::size_t j = 0; j < fault_count; ++j)
      fmt::print(" {:>6}", cells_[i][j] == 0 ? "." : short_number(cells_[i][j]));
    fmt::print("\n");
  }
  for (std::size_t i = 0; i < fault_count; ++i)
    fmt::print("{}{:>2} {:<18}", i % 5 == 0 ? "\n" : "", i + 1, fault_names[i]);
  fmt::print("\n\n");
  if (unreachable.empty()) return true;

  const auto listed = read_unreachable(unreachable);
  bool good = true;
  for (std::size_t i = 0; i < state::count; ++i)
    for (std::size_t j = 0; j < fault_count; ++j) {
      const bool hit = cells_[i][j] > 0;
      if (hit != listed.contains({i, j})) continue;
      good = false;
      fmt::print("{} {}: {}\n", state::at(i).name(), fault_names[j],
                 hit ? "was hit, although it is listed as unreachable" : "was never hit, and is not listed");
    }
  return good;
}

} // namespace sim
