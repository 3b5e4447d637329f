// What a coordinator says, and what it does with what it hears.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/coordinator_core.hpp>

#include "mutant.hpp"

RONDO_BEGIN_NAMESPACE
namespace two_phase {
using detail::mutant;

void coordinator_core::on(const received& event) {
  switch (event.message.kind()) {
  case message_kind::vote:
    on_vote(event.message);
    break;
  case message_kind::ack:
    on_ack(event.message);
    break;
  case message_kind::inquire:
    on_inquire(event.message);
    break;
  case message_kind::done:
    on_done(event.message);
    break;
  default: // meant for a participant
    break;
  }
  // Nothing here waits for the log: a vote that is lost with the process is presumed to be a no, and a lost
  // acknowledgement comes again with the next COMMIT.
  if (event.delivery != 0) out_.emplace_back(acknowledge(event.delivery));
}

void coordinator_core::on_vote(const message& from) {
  const bool understood = from.vote() == vote::yes || from.vote() == vote::no || from.vote() == vote::read_only;
  if (status_ != status::running || !understood) return;
  const auto& id = from.branch();
  auto* tx = find(id.transaction());
  auto* voter = tx ? find_branch(*tx, id.branch()) : nullptr;
  if (voter && tx->second.phase == phase::preparing) {
    if (voter->state != progress::asked) return;
    if (from.vote() == vote::no) {
      voter->state = progress::no;
      abort(*tx, errc::voted_no, from.reason());
      return;
    }
    voter->state = from.vote() == vote::yes ? progress::yes : progress::read_only;
    voter->prepared_under = from.from();
    decide_if_all_voted(*tx);
    return;
  }
  if (from.vote() != vote::yes) {
    if (!voter || tx->second.phase != phase::aborting || voter->state == progress::yes) return;
    voter->state = from.vote() == vote::no ? progress::no : progress::read_only;
    close_if_all_acknowledged(*tx);
    return;
  }
  // Late: who holds a branch prepared is told what became of it.
  const auto answer = answer_to(id);
  if (answer == outcome_kind::abort) send_rollback(id, from.sender());
  if (answer == outcome_kind::commit && voter->state == progress::yes) send_commit(*tx, id.branch(), *voter);
}

void coordinator_core::on_ack(const message& from) {
  if (status_ != status::running) return;
  auto* tx = find(from.transaction());
  auto* sender = tx ? find_branch(*tx, from.branch().branch()) : nullptr;
  if (!sender) return;
  const bool damage = from.ack() == ack_kind::heuristic_damage || from.ack() == ack_kind::heuristic_hazard;
  const auto expected = tx->second.phase == phase::committing ? ack_kind::committed : ack_kind::rolled_back;
  const bool waited_for = tx->second.phase == phase::committing
                              ? sender->state == progress::yes
                              : tx->second.phase == phase::aborting && sender->state != progress::acknowledged;
  if (!waited_for || (!damage && from.ack() != expected)) return;
  sender->state = progress::acknowledged;
  if (damage) {
    const bool mixed = from.ack() == ack_kind::heuristic_damage;
    out_.emplace_back(alarm(mixed ? alarm_kind::heuristic_damage : alarm_kind::heuristic_hazard, from.branch()));
    // Certain damage weighs more than a doubt.
    if (mixed) tx->second.outcome = decision::heuristic_mixed;
    if (!mixed && tx->second.outcome != decision::heuristic_mixed) tx->second.outcome = decision::heuristic_hazard;
  }
  close_if_all_acknowledged(*tx);
}

void coordinator_core::on_inquire(const message& from) {
  const auto answer = answer_to(from.branch());
  auto reply = message(message_kind::outcome, from.branch()).outcome(answer);
  if (answer == outcome_kind::commit)
    reply.prepared_under(find_branch(*find(from.transaction()), from.branch().branch())->prepared_under);
  send_to(from.sender(), std::move(reply));
}

void coordinator_core::on_done(const message& from) {
  auto* tx = status_ == status::running ? find(from.transaction()) : nullptr;
  if (!tx || tx->second.phase != phase::one_phase || !find_branch(*tx, from.branch().branch())) return;
  if (from.decision() != decision::committed && from.decision() != decision::aborted) return;
  tx->second.outcome = from.decision();
  const auto code = from.decision() == decision::aborted ? make_error_code(errc::voted_no) : std::error_code();
  out_.emplace_back(completed(tx->first, commit_result(from.decision(), code, from.reason())));
  close(*tx);
}

/// "Unknown, so aborted" holds only for what this coordinator could have begun, and only when it knows its whole log.
outcome_kind coordinator_core::answer_to(const branch_id& id) const {
  if (status_ == status::starting && mutant(7)) return outcome_kind::abort;
  if (status_ != status::running) return outcome_kind::pending;
  if (!ever_begun(id.transaction())) return mutant(15) ? outcome_kind::abort : outcome_kind::not_mine;
  const auto tx = transactions_.find(id.transaction());
  if (tx == transactions_.end() || tx->second.phase == phase::aborting) return outcome_kind::abort;
  if (tx->second.phase != phase::committing) return mutant(6) ? outcome_kind::abort : outcome_kind::pending;
  const auto listed = tx->second.branches.find(id.branch());
  if (listed == tx->second.branches.end()) return outcome_kind::abort;
  const auto state = listed->second.state;
  return state == progress::yes || state == progress::acknowledged ? outcome_kind::commit : outcome_kind::abort;
}

/// The first transaction that may still send PREPARE or COMMIT to the participant. One that is active may yet enlist
/// it.
position coordinator_core::low_water(const participant_name& participant) const {
  if (status_ != status::running) return {};
  for (const auto& [id, tx] : transactions_) {
    if (tx.phase == phase::active) return id.place();
    if (tx.phase == phase::aborting) continue;
    for (const auto& [number, enlisted] : tx.branches)
      if (enlisted.participant == participant) return id.place();
  }
  return {epoch_, next_seq_};
}

void coordinator_core::send_to(const participant_name& to, message what) {
  what.from(log_).sender(name_).low_water(low_water(to));
  out_.emplace_back(send(to, std::move(what)));
}

void coordinator_core::send_prepares(entry& tx) {
  for (const auto& [number, asked] : tx.second.branches)
    if (asked.state == progress::asked)
      send_to(asked.participant, message(message_kind::prepare, branch_id(tx.first, number)).payload(asked.payload));
}

void coordinator_core::send_commits(entry& tx) {
  for (const auto& [number, voter] : tx.second.branches)
    if (voter.state == progress::yes) send_commit(tx, number, voter);
}

void coordinator_core::send_commit(const entry& tx, std::uint32_t number, const branch& to) {
  send_to(to.participant, message(message_kind::commit, branch_id(tx.first, number)).prepared_under(to.prepared_under));
}

void coordinator_core::send_rollbacks(entry& tx) {
  for (const auto& [number, voter] : tx.second.branches)
    if (voter.state == progress::asked || voter.state == progress::yes)
      send_rollback(branch_id(tx.first, number), voter.participant);
}

void coordinator_core::send_rollback(const branch_id& to, const participant_name& participant) {
  send_to(participant, message(message_kind::rollback, to));
}

void coordinator_core::arm_timer(timer_kind kind, const entry& tx) {
  out_.emplace_back(arm(timer_id(kind, branch_id(tx.first, 0)), tx.second.attempts));
}

} // namespace two_phase
RONDO_END_NAMESPACE
