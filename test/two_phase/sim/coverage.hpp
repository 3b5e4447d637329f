// Which fault has hit which state, and how often.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "fault.hpp"

#include <rondo/two_phase/coordinator_core.hpp>
#include <rondo/two_phase/participant_core.hpp>

#include <array>
#include <string>

namespace sim {
namespace two_phase = rondo::two_phase;

/// A state of a transaction at its coordinator ("c.preparing"), of a branch at its participant ("p.prepared"), or of a
/// process that starts ("c.starting", "p.starting").
class state {
public:
  constexpr state(two_phase::coordinator_core::phase phase) noexcept : index_(static_cast<std::size_t>(phase)) {}
  constexpr state(two_phase::participant_core::phase phase) noexcept
      : index_(coordinator_states + static_cast<std::size_t>(phase)) {}

  static constexpr state starting(bool coordinator) noexcept { return state(count - (coordinator ? 2 : 1)); }
  static constexpr state at(std::size_t index) noexcept { return state(index); }
  static constexpr std::size_t coordinator_states =
      static_cast<std::size_t>(two_phase::coordinator_core::phase::one_phase) + 1;
  static constexpr std::size_t participant_states =
      static_cast<std::size_t>(two_phase::participant_core::phase::forgetting) + 1;
  static constexpr std::size_t count = coordinator_states + participant_states + 2;

  constexpr std::size_t index() const noexcept { return index_; }
  std::string name() const;

private:
  constexpr explicit state(std::size_t index) noexcept : index_(index) {}

  std::size_t index_;
};

class coverage {
public:
  void hit(state where, fault what) { ++cells_[where.index()][static_cast<std::size_t>(what)]; }
  std::uint64_t hits(state where, fault what) const { return cells_[where.index()][static_cast<std::size_t>(what)]; }
  void add(const coverage& other);

  /// Prints the table, and what is zero and not in the list of what cannot be, or the other way round. Whether that is
  /// nothing. An empty path: only the table.
  bool print(const std::string& unreachable) const;

private:
  std::array<std::array<std::uint64_t, fault_count>, state::count> cells_{};
};

} // namespace sim
