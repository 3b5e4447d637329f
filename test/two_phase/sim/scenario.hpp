// What a seed means: who takes part, what the users do, and which faults there may be.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "fault.hpp"
#include "random.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace sim {

using duration = std::chrono::nanoseconds;

/// What the work of a branch is.
enum class work : std::uint8_t { update, read, refuse };

struct branch_plan {
  std::size_t bank = 0; // of the world's
  work what = work::update;
  std::int64_t amount = 0; // those of a transaction add up to 0
  bool one_phase_capable = false;
};

/// How the user writes it down.
enum class style : std::uint8_t { plain, scope, roll_back, no_commit };

struct user_plan {
  duration begins{};
  std::size_t coordinator = 0;
  std::vector<branch_plan> branches;
  style how = style::plain;
  duration thinks{};             // between begin and commit
  std::optional<duration> limit; // of the transaction
  bool waits_for_close = true;
  bool misuses = false; // calls what must throw, too
  // At which of the user's waits something happens, from 1; 0: never. Then after so many passes and so much time.
  std::uint64_t cancelled_at = 0;
  std::uint64_t dropped_at = 0;
  bool throws = false;
  std::uint64_t passes = 0;
  duration later{};
};

/// What a run is made of, beside the choices that are made while it runs.
class scenario {
public:
  explicit scenario(std::uint64_t the_seed);

  /// For shrinking.
  void switch_off(fault which);
  void keep_transactions(std::size_t count);

  random_stream stream(std::uint64_t purpose) const { return {seed, purpose}; }
  std::size_t node_count() const { return coordinators + participants; }
  /// The bank of a participant is `participant`, local ones follow, those of the first coordinator first.
  std::size_t bank_count() const { return participants + coordinators * locals; }
  bool has(fault which) const { return faults.has(which); }
  bool has_crashes() const;

  std::uint64_t seed;
  fault_set faults;
  std::size_t coordinators = 1;
  std::size_t participants = 1;
  std::size_t locals = 0;              // resources of each coordinator
  std::vector<bool> one_phase_capable; // banks
  std::vector<user_plan> users;
  bool broker = false;
  std::optional<std::size_t> dead; // a participant that does not run until everything is healed; nothing else fails
  duration trouble{};              // how long users begin and things fail
  std::uint64_t intensity = 1;     // of what fails, 1 to 3

  duration latency{};    // of messages, at most
  duration hook_time{};  // at most
  duration write_time{}; // at most
  duration prepare_timeout{};
  duration lifetime{};
  duration sweep{};
  std::uint64_t compact_above = 0;
  std::size_t segment_size = 0;
  std::size_t max_in_flight = 0;
  bool log_aborts = false;

private:
  void choose_faults(random_stream& random);
  void choose_people(random_stream& random);
  void choose_settings(random_stream& random);
  void choose_users(random_stream& random);
  user_plan make_user(random_stream& random) const;
  void choose_branches(random_stream& random, user_plan& user) const;
};

} // namespace sim
