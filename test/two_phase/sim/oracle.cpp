// What users are told, and what holds in the end; see oracle_steps.cpp for logs, messages and resources.
// SPDX-License-Identifier: BSL-1.0
#include "oracle.hpp"

#include <algorithm>

namespace sim {
using two_phase::commit_result;
using two_phase::errc;

bool transaction_facts::all_well() const {
  return std::ranges::none_of(branches, [](const auto& each) { return each.plan.what == work::refuse; });
}

void oracle::violated(std::string what) {
  hub_.log.note("VIOLATION", "oracle", 0, 0, 0, what);
  if (violation_.empty()) violation_ = std::move(what);
}

std::string oracle::name(const branch_id& id, const transaction_facts& tx) {
  return fmt::format("tx {} branch {}", tx.number, id.branch());
}

// ---- look-up

transaction_facts* oracle::find(const txid& id) {
  const auto found = transactions_.find(id);
  return found == transactions_.end() ? nullptr : &found->second;
}

const transaction_facts* oracle::find(const txid& id) const {
  const auto found = transactions_.find(id);
  return found == transactions_.end() ? nullptr : &found->second;
}

branch_facts* oracle::find(const branch_id& id) {
  auto* tx = find(id.transaction());
  return tx && id.branch() < tx->branches.size() ? &tx->branches[id.branch()] : nullptr;
}

std::size_t oracle::number(const txid& id) const {
  const auto* tx = find(id);
  return tx ? tx->number : 0;
}

// ---- users

void oracle::begun(const txid& id, std::size_t user, std::size_t coordinator) {
  transaction_facts tx;
  tx.number = transactions_.size() + 1;
  tx.user = user;
  tx.coordinator = coordinator;
  tx.life = lives_[coordinator];
  if (!transactions_.emplace(id, std::move(tx)).second) violated("S11: a transaction has the name of an earlier one");
  hub_.log.note("begun", hub_.processes[coordinator]->name(), number(id), 0, user);
}

void oracle::enlisted(const branch_id& id, const branch_plan& plan) {
  auto& tx = transactions_.at(id.transaction());
  if (id.branch() != tx.branches.size()) violated("a branch has a wrong number");
  branch_facts facts;
  facts.plan = plan;
  facts.local = plan.bank >= hub_.plan.participants;
  tx.branches.push_back(facts);
}

void oracle::asked(const txid& id) {
  auto& tx = transactions_.at(id);
  tx.asked = true;
  tx.one_phase = tx.branches.size() == 1 && tx.branches.front().plan.one_phase_capable;
}

void oracle::told(const txid& id, decision how) {
  auto* tx = find(id);
  if (!tx) return;
  if (tx->told && *tx->told != how)
    violated(fmt::format("S8: tx {}: told {}, and then {}", tx->number, to_string(*tx->told), to_string(how)));
  tx->told = how;
}

void oracle::told(const txid& id, const commit_result& result) {
  auto* tx = find(id);
  if (!tx) return;
  const bool first = !tx->told;
  told(id, result.decision());
  if (!first) return;
  hub_.log.note("told", hub_.processes[tx->coordinator]->name(), tx->number, 0,
                static_cast<std::uint64_t>(result.code().value()), to_string(result.decision()));
  tx->code = result.code();
  if (result.aborted() && tx->commit_durable)
    violated(fmt::format("S8: tx {}: told aborted, despite a durable COMMIT", tx->number));
  if (result.committed() && !tx->commit_durable && !tx->one_phase &&
      std::ranges::any_of(tx->branches, [](const auto& each) { return each.plan.what == work::update; }))
    violated(fmt::format("C1: tx {}: told committed, and no COMMIT is durable", tx->number));
  if (result.unknown()) check_unknown(*tx, result);
  check_promises(id, *tx, result);
}

void oracle::check_unknown(const transaction_facts& tx, const commit_result& result) {
  const auto& code = result.code();
  const bool life_over = code == errc::stopping; // a crash, or a stop that could not wait
  const bool poisoned = code == errc::log_poisoned && poisoned_[tx.coordinator] == tx.life + 1;
  const bool reply_lost = code == errc::one_phase_reply_lost && tx.one_phase;
  if (!life_over && !poisoned && !reply_lost)
    violated(fmt::format("S13: tx {}: unknown without need: {}", tx.number, code.message()));
}

/// Nothing has failed so far, and nothing that the user did keeps it from being committed.
bool oracle::counts_as_clean(const transaction_facts& tx) const {
  const auto& user = hub_.plan.users[tx.user];
  const bool slow = user.limit || user.thinks >= hub_.plan.lifetime / 2 || hub_.plan.max_in_flight < 10'000;
  if (hub_.faults > 0 || slow || !tx.asked) return false;
  return std::ranges::none_of(tx.branches, [&](const auto& each) { return each.plan.bank == hub_.plan.dead; });
}

void oracle::check_promises(const txid& id, const transaction_facts& tx, const commit_result& result) {
  if (!counts_as_clean(tx)) return;
  if (tx.all_well() && !result.committed())
    violated(fmt::format("N1: tx {} ({}): nothing failed, all voted yes, and it is {}: {}", tx.number, id.to_string(),
                         to_string(result.decision()), result.code().message()));
  if (!tx.all_well() && (!result.aborted() || result.code() != errc::voted_no || result.reason() != "not today"))
    violated(fmt::format("N2: tx {}: one voted no, and the user was not told so: {}, {}, '{}'", tx.number,
                         to_string(result.decision()), result.code().message(), result.reason()));
}

void oracle::answered_query(const txid& id, decision answer) {
  const auto* tx = find(id);
  if (!tx || answer == decision::unknown) return;
  hub_.log.note("query", "oracle", tx->number, 0, 0, to_string(answer));
  if (tx->one_phase) {
    const bool applied = tx->branches.front().applied > 0;
    if (answer == decision::committed && !applied) violated("S8: query tells a one-phase commit that did not happen");
    if (answer == decision::aborted && applied) violated("S8: query denies a one-phase commit");
    return;
  }
  const bool updates =
      std::ranges::any_of(tx->branches, [](const auto& each) { return each.plan.what == work::update; });
  if (answer == decision::aborted && tx->commit_durable)
    violated(fmt::format("S8: tx {}: query denies a durable COMMIT", tx->number));
  if (answer == decision::committed && !tx->commit_durable && updates)
    violated(fmt::format("S8: tx {}: query tells a commit that is not durable", tx->number));
}

void oracle::waited(const txid& id, two_phase::wait_status how) {
  const auto* tx = find(id);
  if (!tx) return;
  hub_.log.note("waited", "user", tx->number, 0, static_cast<std::uint64_t>(how));
  if (tx->by_hand || how == two_phase::wait_status::timed_out) return;
  for (const auto& each : tx->branches) {
    const bool update = each.plan.what == work::update;
    if (how == two_phase::wait_status::succeeded && update && each.applied == 0)
      violated(fmt::format("S10: tx {}: closed as committed before all branches have committed", tx->number));
    if (how == two_phase::wait_status::failed && each.applied > 0)
      violated(fmt::format("S4: tx {}: closed as failed, and a branch has committed", tx->number));
  }
}

void oracle::by_hand(const branch_id& id, decision how, bool for_sure) {
  auto* branch = find(id);
  if (!branch) return;
  hub_.log.note(for_sure ? "decided by hand" : "deciding by hand", "admin", number(id.transaction()), id.branch(), 0,
                to_string(how));
  transactions_.at(id.transaction()).by_hand = true;
  branch->by_hand = how;
  branch->by_hand_for_sure = branch->by_hand_for_sure || for_sure;
}

// ---- the end

std::int64_t oracle::damage() const {
  std::int64_t sum = 0;
  for (const auto& [id, tx] : transactions_)
    for (const auto& each : tx.branches)
      if (tx.by_hand) sum += each.applied * each.plan.amount;
  return sum;
}

void oracle::check_end() {
  for (const auto& [id, tx] : transactions_)
    check_end_of(id, tx);
}

void oracle::check_end_of(const txid& id, const transaction_facts& tx) {
  if (tx.asked && !tx.told) violated(fmt::format("L3: tx {}: the user was never told", tx.number));
  for (std::uint32_t i = 0; i < tx.branches.size(); ++i) {
    const auto& each = tx.branches[i];
    const auto who = name(branch_id(id, i), tx);
    if (each.applied > 1) violated(fmt::format("S5: {}: the effect is there {} times", who, each.applied));
    const bool truth = tx.commit_durable && each.listed;
    if (each.by_hand_for_sure && !each.given_up && (each.by_hand == decision::committed) != truth &&
        !each.damage_reported)
      violated(fmt::format("{}: an administrator's damage was not reported", who));
    if (tx.by_hand || each.plan.what != work::update) continue;
    if (tx.told == decision::committed && each.applied == 0)
      violated(fmt::format("S3: {}: told committed, and the effect is missing", who));
    if (tx.told == decision::aborted && each.applied > 0)
      violated(fmt::format("S4: {}: told aborted, and the effect is there", who));
    if (!tx.one_phase && (each.applied > 0) != tx.commit_durable)
      violated(fmt::format("S1: {}: the effect is {}there, and the decision is to {}", who,
                           each.applied > 0 ? "" : "not ", tx.commit_durable ? "commit" : "abort"));
  }
}

} // namespace sim
