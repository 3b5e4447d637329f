// Lamport's TCommit and TwoPhase (github.com/tlaplus/Examples), whose counts TLC has published. The explorer must find
// the same ones before what it says about rondo is worth anything.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "explorer.hpp"

#include <algorithm>
#include <array>

namespace explore {

constexpr std::size_t most_managers = 8;

enum class manager : std::uint8_t { working, prepared, committed, aborted };

/// What transaction commit is: resource managers that look at each other.
class tcommit {
public:
  using state = std::array<manager, most_managers>;

  explicit tcommit(std::size_t count) : count_(count) {}

  state first() const { return {}; }
  bool complete(const state& now) const {
    return std::all_of(now.begin(), end(now), [](auto each) { return each >= manager::committed; });
  }
  std::string label(const state&, std::size_t) const { return "step"; }

  std::uint64_t fingerprint(const state& now) const {
    std::uint64_t hash = 1;
    for (std::size_t i = 0; i < count_; ++i)
      hash = hash * 4 + static_cast<std::uint64_t>(now[i]);
    return hash;
  }

  template <class Visit>
  void successors(const state& now, Visit visit) const {
    const bool can_commit = std::all_of(
        now.begin(), end(now), [](auto each) { return each == manager::prepared || each == manager::committed; });
    const bool not_committed =
        std::none_of(now.begin(), end(now), [](auto each) { return each == manager::committed; });
    const auto go = [&](std::size_t i, manager to) {
      auto next = now;
      next[i] = to;
      visit(next, violation(next));
    };
    for (std::size_t i = 0; i < count_; ++i) {
      if (now[i] == manager::working) go(i, manager::prepared);
      if (now[i] == manager::prepared && can_commit) go(i, manager::committed);
      if (now[i] <= manager::prepared && not_committed) go(i, manager::aborted);
    }
  }

private:
  state::const_iterator end(const state& now) const { return now.begin() + static_cast<std::ptrdiff_t>(count_); }

  const char* violation(const state& now) const {
    const bool committed = std::find(now.begin(), end(now), manager::committed) != end(now);
    const bool aborted = std::find(now.begin(), end(now), manager::aborted) != end(now);
    return committed && aborted ? "TCConsistent" : nullptr;
  }

  std::size_t count_;
};

/// How a transaction manager and messages achieve it.
class two_phase_spec {
public:
  struct state {
    std::array<manager, most_managers> managers{};
    manager decided = manager::working; // the transaction manager: working, committed or aborted
    std::uint32_t heard = 0;            // the managers that it knows to be prepared
    std::uint32_t said = 0;             // the managers whose "prepared" is in the set of messages
    bool commit_sent = false;
    bool abort_sent = false;

    friend bool operator==(const state&, const state&) = default;
  };

  explicit two_phase_spec(std::size_t count) : count_(count) {}

  state first() const { return {}; }
  bool complete(const state& now) const {
    return std::all_of(now.managers.begin(), now.managers.begin() + static_cast<std::ptrdiff_t>(count_),
                       [](auto each) { return each >= manager::committed; });
  }
  std::string label(const state&, std::size_t) const { return "step"; }

  std::uint64_t fingerprint(const state& now) const {
    std::uint64_t hash = 1;
    for (std::size_t i = 0; i < count_; ++i)
      hash = hash * 4 + static_cast<std::uint64_t>(now.managers[i]);
    hash = hash * 4 + static_cast<std::uint64_t>(now.decided);
    return ((hash << count_ | now.heard) << count_ | now.said) << 2 | (now.commit_sent ? 2 : 0) |
           (now.abort_sent ? 1 : 0);
  }

  template <class Visit>
  void successors(const state& now, Visit visit) const {
    const auto go = [&](auto change) {
      auto next = now;
      change(next);
      visit(next, violation(next));
    };
    const std::uint32_t all = (1u << count_) - 1;
    if (now.decided == manager::working) {
      if (now.heard == all) go([](state& s) { s.decided = manager::committed, s.commit_sent = true; });
      go([](state& s) { s.decided = manager::aborted, s.abort_sent = true; });
    }
    for (std::size_t i = 0; i < count_; ++i) {
      const auto bit = 1u << i;
      if (now.decided == manager::working && (now.said & bit)) go([&](state& s) { s.heard |= bit; });
      if (now.managers[i] == manager::working) {
        go([&](state& s) { s.managers[i] = manager::prepared, s.said |= bit; });
        go([&](state& s) { s.managers[i] = manager::aborted; });
      }
      if (now.commit_sent) go([&](state& s) { s.managers[i] = manager::committed; });
      if (now.abort_sent) go([&](state& s) { s.managers[i] = manager::aborted; });
    }
  }

private:
  const char* violation(const state& now) const {
    const auto end = now.managers.begin() + static_cast<std::ptrdiff_t>(count_);
    const bool committed = std::find(now.managers.begin(), end, manager::committed) != end;
    const bool aborted = std::find(now.managers.begin(), end, manager::aborted) != end;
    return committed && aborted ? "TCConsistent" : nullptr;
  }

  std::size_t count_;
};

} // namespace explore
