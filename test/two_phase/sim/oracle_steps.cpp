// Logs, messages and resources, as they happen.
// SPDX-License-Identifier: BSL-1.0
#include "oracle.hpp"

#include <algorithm>

namespace sim {
using two_phase::hook_kind;
using two_phase::message_kind;
using two_phase::outcome_kind;
using two_phase::record_type;
using two_phase::vote;

// ---- processes

void oracle::noticed(const two_phase::notice& what) {
  hub_.log.note(to_string(what.kind()), what.source().text(), number(what.branch().transaction()),
                what.branch().branch(), 0, what.alarm() ? to_string(*what.alarm()) : std::string_view());
  // Strangers get answers, and do not know what to do with them.
  const bool rejected = what.kind() == two_phase::notice_kind::message_rejected && !hub_.plan.has(fault::stranger);
  if (rejected || what.kind() == two_phase::notice_kind::unknown_resource)
    violated("a notice without a cause: " + what.text());
  if (!what.alarm()) return;
  auto* branch = find(what.branch());
  switch (*what.alarm()) {
  case two_phase::alarm_kind::contradiction:
    if (!branch || !transactions_.at(what.branch().transaction()).by_hand)
      violated("S1: a decision contradicts what was done: " + what.text());
    break;
  case two_phase::alarm_kind::heuristic_hazard:
    violated("a participant says that it lost its log: " + what.text());
    break;
  case two_phase::alarm_kind::not_mine:
    violated("S12: a coordinator does not know its own transaction: " + what.text());
    break;
  case two_phase::alarm_kind::log_unreadable:
    if (hub_.faults == 0) violated("a log is unreadable although nothing failed: " + what.text());
    break;
  case two_phase::alarm_kind::heuristic_damage:
    if (branch) branch->damage_reported = true;
    if (branch && !branch->by_hand) violated("damage of an administrator who did nothing: " + what.text());
    break;
  case two_phase::alarm_kind::log_poisoned:
  case two_phase::alarm_kind::stuck:
    break;
  }
}

void oracle::closed(const txid& id, decision how) {
  auto* tx = find(id);
  if (!tx) return;
  hub_.log.note("closed", hub_.processes[tx->coordinator]->name(), tx->number, 0, 0, to_string(how));
  tx->closed = true;
  if (tx->by_hand) return;
  if (how == decision::heuristic_mixed || how == decision::heuristic_hazard)
    violated(fmt::format("tx {}: closed as {} without an administrator", tx->number, to_string(how)));
}

// ---- logs

void oracle::durable(const log_entry& entry) {
  auto* tx = find(entry.transaction());
  auto* branch = find(entry.branch());
  switch (entry.type()) {
  case record_type::commit:
    if (tx) commit_is_durable(entry, *tx);
    break;
  case record_type::prepared:
    if (branch) branch->prepared_durable = true;
    break;
  case record_type::committed:
    if (branch) branch->committed_durable = true;
    break;
  default:
    break;
  }
}

void oracle::commit_is_durable(const log_entry& entry, transaction_facts& tx) {
  for (const auto& yes : entry.yes_branches())
    if (yes.branch() < tx.branches.size()) tx.branches[yes.branch()].listed = true;
  if (tx.commit_durable) return;
  tx.commit_durable = true;
  hub_.log.note("COMMIT is durable", hub_.processes[tx.coordinator]->name(), tx.number);
  if (tx.told == decision::aborted)
    violated(fmt::format("S8: tx {}: COMMIT is durable, and the user was told aborted", tx.number));
  for (std::uint32_t i = 0; i < tx.branches.size(); ++i) {
    const auto& each = tx.branches[i];
    if (!each.voted_well) violated(fmt::format("S2: tx {}: a commit, and branch {} did not vote yes", tx.number, i));
    if (each.plan.what == work::update && !each.listed)
      violated(fmt::format("C3: tx {}: branch {} is not in the commit record", tx.number, i));
    if ((each.abort_sent || each.undone) && each.listed && !tx.by_hand)
      violated(fmt::format("S8: tx {}: COMMIT becomes durable after an abort was sent", tx.number));
  }
}

void oracle::appended(const log_entry& entry) {
  auto* tx = find(entry.transaction());
  if (entry.type() != record_type::end || !tx) return;
  tx->ended = true;
  if (tx->by_hand) return;
  for (const auto& each : tx->branches)
    if (each.listed && each.plan.what == work::update && each.applied == 0)
      violated(fmt::format("S10: tx {}: END before all branches have committed", tx->number));
}

// ---- messages

void oracle::sent(const message& what) {
  const bool outcome = what.kind() == message_kind::outcome;
  if (outcome && strangers_.contains(what.transaction()) && what.outcome() == outcome_kind::abort)
    violated("S12: a transaction that nobody has begun is answered with abort");
  if (what.kind() == message_kind::commit || (outcome && what.outcome() == outcome_kind::commit))
    check_decision_sent(what, true);
  if (what.kind() == message_kind::rollback || (outcome && what.outcome() == outcome_kind::abort))
    check_decision_sent(what, false);
  const auto* branch = find(what.branch());
  if (!branch) return;
  if (what.kind() == message_kind::vote && what.vote() == vote::yes && !branch->prepared_durable)
    violated(fmt::format("S7: {}: VOTE yes before PREPARED is durable",
                         name(what.branch(), transactions_.at(what.transaction()))));
  const bool committed = (what.kind() == message_kind::ack && what.ack() == two_phase::ack_kind::committed) ||
                         (what.kind() == message_kind::done && what.decision() == decision::committed);
  // Who was given up may get a COMMIT when it is over, and say so.
  if (committed && !branch->committed_durable && !branch->given_up)
    violated(fmt::format("S7: {}: ACK of a commit before COMMITTED is durable",
                         name(what.branch(), transactions_.at(what.transaction()))));
}

void oracle::check_decision_sent(const message& what, bool commit) {
  auto* tx = find(what.transaction());
  auto* branch = find(what.branch());
  if (!tx || !branch) return;
  if (commit) {
    if (!tx->commit_durable)
      violated(fmt::format("S6: {}: COMMIT before its record is durable", name(what.branch(), *tx)));
    if (branch->abort_sent && !tx->by_hand)
      violated(fmt::format("S8: {}: abort, then commit", name(what.branch(), *tx)));
    return;
  }
  // After the end the coordinator presumes abort; whoever could be harmed has committed durably.
  if (tx->commit_durable && branch->listed && branch->committed_durable) return;
  if (tx->commit_durable && branch->listed && !tx->by_hand)
    violated(fmt::format("S8: {}: abort, despite a durable COMMIT", name(what.branch(), *tx)));
  branch->abort_sent = true;
}

// ---- resources

void oracle::prepared(const branch_id& id, vote value) {
  auto* branch = find(id);
  if (!branch) return;
  branch->voted_well = branch->voted_well || value != vote::no;
  if (branch->local && value == vote::yes) branch->prepared_durable = true; // the resource itself is its log
}

void oracle::hook_begins(hook_kind hook, const branch_id& id, std::size_t bank, bool listed) {
  const auto* tx = find(id.transaction());
  const auto* branch = find(id);
  if (!branch) return violated("a hook runs for a branch that nobody has enlisted");
  if (branch->plan.bank != bank) return violated("a hook runs at the wrong resource");
  const auto who = [&] { return name(id, *tx); };
  if (tx->by_hand) return;
  if (hook == hook_kind::commit) {
    if (!tx->commit_durable) violated(fmt::format("S9: {}: the commit hook runs before the decision", who()));
    if (branch->undone) violated(fmt::format("S14: {}: the commit hook runs after the rollback hook", who()));
  }
  if (hook == hook_kind::rollback) {
    // A sweep that worked with an old list calls it for nothing, which resources must take.
    if (branch->applied > 0 && listed) return;
    if (branch->applied > 0) violated(fmt::format("S14: {}: the rollback hook runs after the commit hook", who()));
    const bool decided = branch->local ? !(tx->commit_durable && branch->listed) : branch->abort_sent;
    if (!decided && (branch->prepared_durable || branch->local))
      violated(fmt::format("S9: {}: a prepared branch is rolled back, and nobody has decided that", who()));
  }
}

void oracle::applied(const branch_id& id) {
  auto* branch = find(id);
  if (!branch) return;
  auto& tx = transactions_.at(id.transaction());
  ++branch->applied;
  hub_.log.note("effect", "bank", tx.number, id.branch(), static_cast<std::uint64_t>(branch->applied));
  if (branch->applied > 1) violated(fmt::format("S5: {}: the effect is applied twice", name(id, tx)));
  if (tx.told == decision::aborted && !tx.by_hand)
    violated(fmt::format("S4: {}: told aborted, and it commits", name(id, tx)));
}

void oracle::rolled_back(const branch_id& id) {
  auto* branch = find(id);
  if (!branch) return;
  auto& tx = transactions_.at(id.transaction());
  hub_.log.note("undone", "bank", tx.number, id.branch());
  branch->undone = branch->undone || branch->prepared_durable;
  if (tx.commit_durable && branch->listed && !tx.by_hand)
    violated(fmt::format("S3: {}: rolled back, despite a durable COMMIT", name(id, tx)));
}

} // namespace sim
