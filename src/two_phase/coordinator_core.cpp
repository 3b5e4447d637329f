// Requests, timers and writes; see coordinator_messages.cpp and coordinator_state.cpp for the rest.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/coordinator_core.hpp>

#include "mutant.hpp"

#include <algorithm>

RONDO_BEGIN_NAMESPACE
namespace two_phase {
using detail::mutant;

coordinator_core::coordinator_core(participant_name name, const coordinator_core_options& options)
    : name_(std::move(name)), options_(options) {}

std::vector<action> coordinator_core::step(const coordinator_event& event) {
  std::vector<action> actions;
  step(event, actions);
  return actions;
}

void coordinator_core::step(const coordinator_event& event, std::vector<action>& actions) {
  actions.clear();
  out_.swap(actions);
  std::visit([this](const auto& what) { on(what); }, event);
  out_.swap(actions);
}

void coordinator_core::on(const begin_requested& event) {
  if (status_ != status::running || stopping_ || transactions_.size() >= options_.max_in_flight()) {
    out_.emplace_back(refused(event.request, status_ != status::running ? why_not_running()
                                             : stopping_                ? errc::stopping
                                                                        : errc::overloaded));
    return;
  }
  const auto [place, _] = transactions_.emplace(txid(log_, epoch_, next_seq_++), transaction());
  out_.emplace_back(granted(event.request, branch_id(place->first, 0)));
  arm_timer(timer_kind::lifetime, *place);
}

errc coordinator_core::why_not_running() const noexcept {
  if (status_ == status::poisoned) return errc::log_poisoned;
  return status_ == status::unusable ? errc::log_unavailable : errc::recovering;
}

void coordinator_core::on(const enlist_requested& event) {
  auto* tx = find(event.transaction);
  if (!tx || tx->second.phase != phase::active) {
    out_.emplace_back(refused(event.request, tx ? errc::wrong_state : errc::unknown_transaction));
    return;
  }
  const auto number = static_cast<std::uint32_t>(tx->second.branches.size());
  branch added;
  added.participant = event.participant;
  added.payload = event.payload;
  added.one_phase_capable = event.one_phase_capable;
  tx->second.branches.emplace(number, std::move(added));
  out_.emplace_back(granted(event.request, branch_id(tx->first, number)));
}

void coordinator_core::on(const commit_requested& event) {
  auto* tx = find(event.transaction);
  if (!tx || tx->second.phase != phase::active) {
    out_.emplace_back(refused(event.request, tx ? errc::wrong_state : errc::unknown_transaction));
    return;
  }
  const auto& branches = tx->second.branches;
  if (branches.size() == 1 && branches.begin()->second.one_phase_capable) {
    start_one_phase(*tx);
    return;
  }
  tx->second.phase = phase::preparing;
  send_prepares(*tx);
  arm_timer(timer_kind::prepare_deadline, *tx);
  arm_timer(timer_kind::prepare_retry, *tx);
  decide_if_all_voted(*tx);
}

void coordinator_core::start_one_phase(entry& tx) {
  tx.second.phase = phase::one_phase;
  if (one_phase_note_ == note::durable) return send_one_phase(tx);
  if (one_phase_note_ == note::being_forced) return;
  one_phase_note_ = note::being_forced;
  const txid start(log_, epoch_, 0);
  out_.emplace_back(force(write_id(record_type::epoch, branch_id(start, 0)),
                          log_entry(record_type::epoch, start).one_phase(true).encode()));
}

void coordinator_core::one_phase_noted(log_outcome outcome) {
  one_phase_note_ = outcome == log_outcome::ok ? note::durable : note::missing;
  for (auto place = transactions_.begin(); place != transactions_.end();) {
    auto& tx = *place++; // the end of a transaction erases it
    if (tx.second.phase != phase::one_phase) continue;
    if (one_phase_note_ == note::durable)
      send_one_phase(tx);
    else
      abort(tx, errc::log_refused);
  }
}

void coordinator_core::send_one_phase(entry& tx) {
  const auto& [number, only] = *tx.second.branches.begin();
  send_to(only.participant, message(message_kind::commit_one_phase, branch_id(tx.first, number)).payload(only.payload));
  arm_timer(timer_kind::one_phase_deadline, tx);
}

void coordinator_core::on(const rollback_requested& event) {
  auto* tx = find(event.transaction);
  if (tx && (tx->second.phase == phase::active || tx->second.phase == phase::preparing))
    abort(*tx, event.code, event.reason);
}

void coordinator_core::on(const stop_requested&) {
  stopping_ = true;
  std::vector<txid> undecided;
  for (const auto& [id, tx] : transactions_)
    if (tx.phase == phase::active || tx.phase == phase::preparing) undecided.push_back(id);
  for (const auto& id : undecided)
    abort(*find(id), errc::stopping);
}

void coordinator_core::on(const resolve_requested& event) {
  if (status_ != status::running) {
    out_.emplace_back(resolved(event.branch, why_not_running()));
    return;
  }
  auto* tx = find(event.branch.transaction());
  auto* named = tx ? find_branch(*tx, event.branch.branch()) : nullptr;
  const bool possible = named && tx->second.phase == phase::committing && named->state == progress::yes &&
                        named->resolving == decision::unknown &&
                        (event.decision == decision::committed || event.decision == decision::aborted);
  if (!possible) {
    out_.emplace_back(resolved(event.branch, named ? errc::wrong_state : errc::unknown_transaction));
    return;
  }
  named->resolving = event.decision;
  const auto record =
      log_entry(record_type::heuristic, event.branch).resolved(event.decision).who(event.who).when(event.when).encode();
  named->resolution = record.body();
  out_.emplace_back(force(write_id(record_type::heuristic, event.branch), record));
}

void coordinator_core::on(const forget_requested& event) {
  if (status_ == status::running) send_to(event.participant, message(message_kind::forget, event.branch));
}

void coordinator_core::on(const log_written& event) {
  if (status_ != status::running && status_ != status::forcing_epoch) return;
  if (event.outcome == log_outcome::ambiguous && !mutant(3)) {
    poison();
    return;
  }
  if (status_ == status::forcing_epoch) {
    if (event.write.type != record_type::epoch) return;
    if (event.outcome == log_outcome::ok) return start_running();
    status_ = status::unusable;
    out_.emplace_back(alarm(alarm_kind::log_unreadable, {}, "the log did not take the epoch of this start"));
    return;
  }
  if (event.write.type == record_type::epoch && one_phase_note_ == note::being_forced)
    return one_phase_noted(event.outcome);
  auto* tx = find(event.write.branch.transaction());
  if (!tx) return;
  if (event.write.type == record_type::commit && tx->second.phase == phase::deciding) {
    if (event.outcome == log_outcome::ok)
      commit_decided(*tx);
    else
      abort(*tx, errc::log_refused);
  }
  if (event.write.type == record_type::heuristic) resolved_by_administrator(*tx, event.write.branch, event.outcome);
}

void coordinator_core::resolved_by_administrator(entry& tx, const branch_id& id, log_outcome outcome) {
  auto* named = find_branch(tx, id.branch());
  if (!named || named->resolving == decision::unknown) return;
  const auto chosen = std::exchange(named->resolving, decision::unknown);
  if (outcome != log_outcome::ok) {
    named->resolution.clear();
    out_.emplace_back(resolved(id, errc::log_refused));
  } else if (named->state != progress::yes) {
    // The participant was faster.
    out_.emplace_back(resolved(id, errc::wrong_state));
  } else {
    out_.emplace_back(resolved(id, {}));
    named->state = progress::acknowledged;
    if (chosen != decision::committed) tx.second.outcome = decision::heuristic_mixed;
  }
  close_if_all_acknowledged(tx);
}

void coordinator_core::on(const timer_fired& event) {
  auto* tx = find(event.timer.branch.transaction());
  if (!tx || status_ != status::running) return;
  const auto in = [&](phase expected) { return tx->second.phase == expected; };
  switch (event.timer.kind) {
  case timer_kind::lifetime:
    if (in(phase::active)) abort(*tx, errc::lifetime_exceeded);
    break;
  case timer_kind::prepare_deadline:
    if (in(phase::preparing)) abort(*tx, errc::prepare_timeout);
    break;
  case timer_kind::prepare_retry:
    if (!in(phase::preparing)) break;
    ++tx->second.attempts;
    send_prepares(*tx);
    arm_timer(timer_kind::prepare_retry, *tx);
    break;
  case timer_kind::commit_retry:
    if (!in(phase::committing)) break;
    if (mutant(13)) {
      close(*tx);
      break;
    }
    ++tx->second.attempts;
    send_commits(*tx);
    arm_timer(timer_kind::commit_retry, *tx);
    break;
  case timer_kind::rollback_retry:
    if (!in(phase::aborting)) break;
    if (tx->second.attempts++ >= options_.rollback_retries()) {
      close(*tx);
      break;
    }
    send_rollbacks(*tx);
    arm_timer(timer_kind::rollback_retry, *tx);
    break;
  case timer_kind::one_phase_deadline:
    if (!in(phase::one_phase) || one_phase_note_ != note::durable) break;
    tx->second.outcome = decision::unknown;
    out_.emplace_back(completed(tx->first, commit_result(decision::unknown, errc::one_phase_reply_lost)));
    close(*tx);
    break;
  case timer_kind::stuck:
    if (in(phase::committing)) out_.emplace_back(alarm(alarm_kind::stuck, event.timer.branch));
    break;
  case timer_kind::inquiry:
  case timer_kind::hook_retry:
    break;
  }
}

/// Decides when the last vote is in. A participant that voted no has aborted the transaction already.
void coordinator_core::decide_if_all_voted(entry& tx) {
  std::vector<yes_branch> yes;
  for (const auto& [number, voter] : tx.second.branches) {
    if (voter.state == progress::asked) return;
    if (voter.state == progress::yes) yes.emplace_back(number, voter.participant, voter.prepared_under);
  }
  tx.second.attempts = 0;
  if (yes.empty()) {
    tx.second.outcome = decision::committed;
    out_.emplace_back(completed(tx.first, commit_result(decision::committed)));
    close(tx);
    return;
  }
  tx.second.phase = phase::deciding;
  if (mutant(2)) return commit_decided(tx);
  if (mutant(1)) send_commits(tx);
  auto record = log_entry(record_type::commit, tx.first).yes_branches(std::move(yes)).encode();
  out_.emplace_back(force(write_id(record_type::commit, branch_id(tx.first, 0)), std::move(record)));
}

void coordinator_core::commit_decided(entry& tx) {
  tx.second.phase = phase::committing;
  tx.second.outcome = decision::committed;
  out_.emplace_back(completed(tx.first, commit_result(decision::committed)));
  send_commits(tx);
  arm_timer(timer_kind::commit_retry, tx);
  arm_timer(timer_kind::stuck, tx);
}

void coordinator_core::abort(entry& tx, errc code, std::string reason) {
  tx.second.phase = phase::aborting;
  tx.second.attempts = 0;
  tx.second.outcome = decision::aborted;
  if (options_.log_aborts()) out_.emplace_back(append(log_entry(record_type::abort, tx.first).encode()));
  send_rollbacks(tx);
  out_.emplace_back(completed(tx.first, commit_result(decision::aborted, code, std::move(reason))));
  arm_timer(timer_kind::rollback_retry, tx);
  close_if_all_acknowledged(tx);
}

void coordinator_core::close_if_all_acknowledged(entry& tx) {
  const auto waits_for = [&](const auto& numbered) {
    const auto& each = numbered.second;
    if (each.resolving != decision::unknown) return true; // an administrator waits for the answer
    return each.state == progress::yes || (each.state == progress::asked && tx.second.phase == phase::aborting);
  };
  if (std::ranges::none_of(tx.second.branches, waits_for)) close(tx);
}

void coordinator_core::close(entry& tx) {
  if (tx.second.phase == phase::committing) out_.emplace_back(append(log_entry(record_type::end, tx.first).encode()));
  out_.emplace_back(closed(tx.first, tx.second.outcome));
  transactions_.erase(tx.first);
}

/// The write that failed may be durable: nothing that depends on it may be said before a restart has looked.
void coordinator_core::poison() {
  status_ = status::poisoned;
  out_.emplace_back(alarm(alarm_kind::log_poisoned));
  for (auto& [id, tx] : transactions_) {
    for (const auto& [number, each] : tx.branches)
      if (each.resolving != decision::unknown) out_.emplace_back(resolved(branch_id(id, number), errc::log_poisoned));
    if (tx.phase == phase::deciding)
      out_.emplace_back(completed(id, commit_result(decision::unknown, errc::log_poisoned)));
    const bool asked = one_phase_note_ == note::durable;
    if (tx.phase == phase::one_phase && asked)
      out_.emplace_back(completed(id, commit_result(decision::unknown, errc::one_phase_reply_lost)));
    if (tx.phase == phase::active || tx.phase == phase::preparing || (tx.phase == phase::one_phase && !asked)) {
      // No commit record of it was ever on the way to the log, and nobody was told to commit.
      out_.emplace_back(completed(id, commit_result(decision::aborted, errc::log_poisoned)));
      tx.phase = phase::aborting;
    }
  }
}

} // namespace two_phase
RONDO_END_NAMESPACE
