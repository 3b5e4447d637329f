// The judge: stands outside of all processes, knows what users were told, what hooks did, what is durable and what was
// said, and compares.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "hub.hpp"

#include <rondo/two_phase/message.hpp>
#include <rondo/two_phase/observer.hpp>
#include <rondo/two_phase/record.hpp>
#include <rondo/two_phase/timeouts.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sim {

using two_phase::branch_id;
using two_phase::decision;
using two_phase::log_entry;
using two_phase::message;
using two_phase::txid;

/// What has ever happened with a branch.
struct branch_facts {
  branch_plan plan;
  bool local = false;
  bool voted_well = false; // yes or read-only: the resource has said so
  bool prepared_durable = false;
  bool committed_durable = false;
  bool listed = false;     // in the commit record
  bool abort_sent = false; // ROLLBACK, or the answer to an inquiry
  int applied = 0;
  bool undone = false;             // what was prepared durably was rolled back
  std::optional<decision> by_hand; // an administrator may have decided
  bool by_hand_for_sure = false;
  bool damage_reported = false;
  bool given_up = false; // an administrator told the coordinator that it was ended by hand
};

struct transaction_facts {
  std::size_t number = 0; // from 1
  std::size_t user = 0;
  std::size_t coordinator = 0;
  std::uint64_t life = 0; // of the coordinator
  std::vector<branch_facts> branches;
  bool asked = false; // for the commit
  bool one_phase = false;
  bool commit_durable = false;
  bool ended = false; // END was given to the log, which may lose it
  std::optional<decision> told;
  std::error_code code;
  bool closed = false;
  bool by_hand = false;

  bool all_well() const;
};

class oracle {
public:
  explicit oracle(hub& h) : hub_(h), lives_(h.plan.coordinators), poisoned_(h.plan.coordinators) {}

  /// The first violation counts; the run ends soon.
  void violated(std::string what);
  const std::string& violation() const { return violation_; }

  // ---- users
  void begun(const txid& id, std::size_t user, std::size_t coordinator);
  void enlisted(const branch_id& id, const branch_plan& plan);
  void asked(const txid& id);
  void told(const txid& id, const two_phase::commit_result& result);
  /// The same, where only the kind is known.
  void told(const txid& id, decision how);
  void answered_query(const txid& id, decision answer);
  void waited(const txid& id, two_phase::wait_status how);
  void by_hand(const branch_id& id, decision how, bool for_sure);

  void given_up(const branch_id& id) {
    if (auto* branch = find(id)) branch->given_up = true;
  }

  // ---- processes
  void coordinator_gone(std::size_t which) { ++lives_[which]; }
  void coordinator_poisoned(std::size_t which) { poisoned_[which] = lives_[which] + 1; }
  void noticed(const two_phase::notice& what);
  void closed(const txid& id, decision how);

  // ---- logs: what is durable now, and what is written along with something else
  void durable(const log_entry& entry);
  void appended(const log_entry& entry);

  // ---- messages
  void sent(const message& what);
  /// An inquiry about what the coordinator cannot have begun.
  void stranger(const branch_id& id) { strangers_.insert(id.transaction()); }

  // ---- resources
  void prepared(const branch_id& id, two_phase::vote vote);
  /// `listed`: the bank has said, perhaps some time ago, that it holds the branch prepared.
  void hook_begins(two_phase::hook_kind hook, const branch_id& id, std::size_t bank, bool listed);
  void applied(const branch_id& id);
  void rolled_back(const branch_id& id);

  /// When everything is quiet: what must be true of each transaction in the end.
  void check_end();

  branch_facts* find(const branch_id& id);
  transaction_facts* find(const txid& id);
  const transaction_facts* find(const txid& id) const;
  /// The number of a transaction; 0 if it is unknown.
  std::size_t number(const txid& id) const;
  const std::map<txid, transaction_facts>& all() const { return transactions_; }
  /// By which the administrators have changed the sum of all money.
  std::int64_t damage() const;

private:
  static std::string name(const branch_id& id, const transaction_facts& tx);
  void check_promises(const txid& id, const transaction_facts& tx, const two_phase::commit_result& result);
  void check_unknown(const transaction_facts& tx, const two_phase::commit_result& result);
  void commit_is_durable(const log_entry& entry, transaction_facts& tx);
  void check_decision_sent(const message& what, bool commit);
  void check_end_of(const txid& id, const transaction_facts& tx);
  bool counts_as_clean(const transaction_facts& tx) const;

  hub& hub_;
  std::map<txid, transaction_facts> transactions_;
  std::set<txid> strangers_;
  std::vector<std::uint64_t> lives_;    // of each coordinator
  std::vector<std::uint64_t> poisoned_; // the life in which it was, plus 1
  std::string violation_;
};

} // namespace sim
