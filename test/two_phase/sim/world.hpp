// One run: everybody in it, what happens to them, and what must hold in the end.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "user.hpp"

#include <memory>
#include <string>
#include <vector>

namespace sim {

/// How a run ended.
struct outcome {
  std::string violation; // empty if there is none
  std::uint64_t hash = 0;
  std::uint64_t events = 0;
  std::size_t transactions = 0;
};

/// Runs a scenario on virtual time.
outcome run(const scenario& plan, coverage& covered, bool prints = false);

class world {
public:
  world(const scenario& plan, coverage& covered, bool prints);

  rondo::awaitable<void> live();
  outcome result() const;
  /// Ends every process; what still waits must not meet them.
  void end();

private:
  std::string bank_name(std::size_t bank) const;
  node& at(std::size_t process);
  coordinator_node& coordinator(std::size_t which) { return *coordinators_[which]; }

  void schedule_faults();
  void schedule_crashes(random_stream random);
  void schedule_partitions(random_stream random);
  void schedule_others(random_stream random);
  void at_some_times(random_stream& random, std::uint64_t most, duration within, std::function<void()> what);

  void partition(bool both_ways);
  void ask_as_a_stranger();
  void ask_for_outcomes();
  void decide_by_hand();
  void decide_at_a_coordinator();
  void trouble_meanwhile(node& who);
  rondo::awaitable<void> decide_for(participant_node& where, two_phase::branch_id branch, decision how);
  rondo::awaitable<void> decide_at(coordinator_node& where, two_phase::branch_id branch, decision how);
  rondo::awaitable<void> forget_decisions(bool all);
  rondo::awaitable<void> forget_one(participant_node& where, two_phase::branch_id branch);
  void forget_from_afar(participant_node& where, two_phase::branch_id branch);

  void heal();
  rondo::awaitable<void> wait_until_quiet();
  bool is_quiet() const;
  std::string describe() const;
  rondo::awaitable<void> run_last_transactions();
  rondo::awaitable<void> run_last_transaction(std::size_t coordinator, bool refused);
  rondo::awaitable<void> check_queries();
  void check_money();
  rondo::awaitable<void> check_logs();

  hub hub_;
  oracle judge_;
  network net_;
  random_stream random_;
  std::vector<std::unique_ptr<coordinator_node>> coordinators_;
  std::vector<std::unique_ptr<participant_node>> participants_;
  std::vector<user_plan> last_plans_;
  std::vector<std::unique_ptr<user>> users_;
};

} // namespace sim
