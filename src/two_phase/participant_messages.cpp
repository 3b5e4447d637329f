// What a participant says, and what it does with what it hears.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/participant_core.hpp>

#include "mutant.hpp"

#include <algorithm>

RONDO_BEGIN_NAMESPACE
namespace two_phase {
using detail::mutant;

void participant_core::on(const received& event) {
  const auto& what = event.message;
  // Only the coordinator that began a transaction may decide it.
  const bool not_mine = what.kind() == message_kind::outcome && what.outcome() == outcome_kind::not_mine;
  if (what.from() != what.transaction().coordinator() && !not_mine) return acknowledge_now(event.delivery);
  if (!not_mine) note_low_water(what);
  switch (what.kind()) {
  case message_kind::prepare:
    return on_prepare(event);
  case message_kind::commit_one_phase:
    return on_one_phase(event);
  case message_kind::commit:
    return on_commit(event);
  case message_kind::rollback:
    return on_rollback(event);
  case message_kind::outcome:
    return on_outcome(event);
  case message_kind::forget:
    return on_forget(event);
  default: // meant for a coordinator
    return acknowledge_now(event.delivery);
  }
}

void participant_core::on_prepare(const received& event) {
  const auto& id = event.message.branch();
  if (auto* held = find(id)) {
    switch (held->second.phase) {
    case phase::preparing:
    case phase::forcing_prepared:
      return keep_delivery(*held, event.delivery);
    case phase::prepared:
    case phase::resolving:
    case phase::heuristic:
      send_vote(*held, vote::yes);
      break;
    case phase::refused:
      held->second.coordinator = event.message.sender(); // unknown until now, if a sweep has refused it
      send_vote(*held, vote::no);
      break;
    case phase::read_only:
      send_vote(*held, vote::read_only);
      break;
    default: // a late copy: the decision has been here
      break;
    }
    return acknowledge_now(event.delivery);
  }
  if (below_watermark(id.transaction()) && !mutant(9)) {
    send_to(event.message.sender(),
            message(message_kind::vote, id).vote(vote::no).reason("stale: the transaction is over"));
    return acknowledge_now(event.delivery);
  }
  auto& held = *branches_.emplace(id, branch()).first;
  held.second.coordinator = event.message.sender();
  held.second.payload = event.message.payload();
  keep_delivery(held, event.delivery);
  run_hook_of(held);
}

void participant_core::on_one_phase(const received& event) {
  const auto& id = event.message.branch();
  if (auto* held = find(id)) {
    const auto now = held->second.phase;
    if (now == phase::committed || now == phase::aborted || now == phase::refused) {
      held->second.coordinator = event.message.sender();
      send_done(*held);
      return acknowledge_now(event.delivery);
    }
    return held->second.single ? keep_delivery(*held, event.delivery) : acknowledge_now(event.delivery);
  }
  // Nobody waits for the answer to a late copy.
  if (below_watermark(id.transaction())) return acknowledge_now(event.delivery);
  auto& held = *branches_.emplace(id, branch()).first;
  held.second.phase = phase::one_phase;
  held.second.single = true;
  held.second.coordinator = event.message.sender();
  held.second.payload = event.message.payload();
  keep_delivery(held, event.delivery);
  run_hook_of(held);
}

/// Done and forgotten, if it is below the watermark and was prepared under this log. Otherwise the log that knew what
/// became of it is lost, even if a late copy of PREPARE has come since.
void participant_core::on_commit_of_unknown(const received& event) {
  const auto& what = event.message;
  const bool known = what.prepared_under() == log_ && (below_watermark(what.transaction()) || mutant(8));
  if (!known) out_.emplace_back(alarm(alarm_kind::heuristic_hazard, what.branch()));
  send_ack(what.branch(), what.sender(), known ? ack_kind::committed : ack_kind::heuristic_hazard);
  acknowledge_now(event.delivery);
}

void participant_core::on_commit(const received& event) {
  const auto& what = event.message;
  auto* held = find(what.branch());
  if (!held || what.prepared_under() != log_) return on_commit_of_unknown(event);
  auto& state = held->second;
  switch (state.phase) {
  case phase::prepared:
    keep_delivery(*held, event.delivery);
    return start_commit(*held);
  case phase::committing:
  case phase::forcing_committed:
    return keep_delivery(*held, event.delivery);
  case phase::committed:
    send_ack(held->first, what.sender(), ack_kind::committed);
    return acknowledge_now(event.delivery);
  case phase::resolving:
  case phase::heuristic:
    keep_delivery(*held, event.delivery);
    return on_decision_after_administrator(*held, decision::committed);
  case phase::aborted:
    // An administrator rolled it back, and has forgotten it before the coordinator got the answer.
    if (state.wanted != decision::unknown) {
      send_ack(held->first, what.sender(), ack_kind::heuristic_damage);
      return acknowledge_now(event.delivery);
    }
    [[fallthrough]];
  case phase::rolling_back:
    // While nothing is damaged these cannot meet: the coordinator decides once.
    out_.emplace_back(alarm(alarm_kind::contradiction, held->first, "COMMIT for a branch that was rolled back"));
    return acknowledge_now(event.delivery);
  default: // it has not voted yes in this life; a late copy of PREPARE runs, and the coordinator will be asked
    return acknowledge_now(event.delivery);
  }
}

void participant_core::on_rollback(const received& event) {
  const auto& what = event.message;
  auto* held = find(what.branch());
  if (!held) {
    send_ack(what.branch(), what.sender(), ack_kind::rolled_back);
    return acknowledge_now(event.delivery);
  }
  auto& state = held->second;
  switch (state.phase) {
  case phase::preparing:
  case phase::forcing_prepared:
    state.doomed = true;
    return keep_delivery(*held, event.delivery);
  case phase::prepared:
    keep_delivery(*held, event.delivery);
    return start_rollback(*held);
  case phase::rolling_back:
    if (!state.durable) state.doomed = true; // otherwise there is no vote left to be replaced
    return keep_delivery(*held, event.delivery);
  case phase::aborted:
  case phase::refused:
  case phase::read_only:
    send_ack(held->first, what.sender(), ack_kind::rolled_back);
    return acknowledge_now(event.delivery);
  case phase::resolving:
  case phase::heuristic:
    keep_delivery(*held, event.delivery);
    return on_decision_after_administrator(*held, decision::aborted);
  default:
    // A coordinator that has forgotten the transaction answers a late vote with ROLLBACK; the branch has committed.
    return acknowledge_now(event.delivery);
  }
}

void participant_core::on_outcome(const received& event) {
  const auto& what = event.message;
  if (what.outcome() == outcome_kind::commit) return on_commit(event);
  if (what.outcome() == outcome_kind::abort) return on_rollback(event);
  if (what.outcome() == outcome_kind::not_mine)
    if (const auto* held = find(what.branch()); held && held->second.phase == phase::prepared)
      out_.emplace_back(alarm(alarm_kind::not_mine, held->first, "the coordinator's log is not the one that began it"));
  acknowledge_now(event.delivery);
}

void participant_core::on_forget(const received& event) {
  auto* held = find(event.message.branch());
  if (held && held->second.phase == phase::heuristic) on(forget_requested(held->first));
  if (held && held->second.phase == phase::forgetting) return keep_delivery(*held, event.delivery);
  acknowledge_now(event.delivery);
}

/// What an administrator decided stands; the coordinator is told whether it was the same.
///
/// A commit decision is forced before the answer: once the coordinator has forgotten the transaction, an inquiry would
/// be answered with abort, and the same decision would look like the opposite.
void participant_core::on_decision_after_administrator(entry& held, decision decided) {
  auto& [id, state] = held;
  if (state.decided != decision::unknown) {
    // A late copy, or the presumption that answers an inquiry when the coordinator has forgotten a commit.
    if (state.phase == phase::heuristic && !state.writing) answer_after_administrator(held);
    return;
  }
  state.decided = decided;
  if (state.phase == phase::heuristic) answer_after_administrator(held);
}

void participant_core::answer_after_administrator(entry& held) {
  auto& [id, state] = held;
  if (!state.carried_out || state.decided == decision::unknown || state.writing) return;
  if (!state.decision_logged) {
    const bool commit = state.decided == decision::committed;
    auto record = log_entry(commit ? record_type::committed : record_type::aborted, id).encode();
    if (commit) return force_record(held, record_type::committed, std::move(record));
    out_.emplace_back(append(std::move(record)));
    state.decision_logged = true;
    if (state.wanted != state.decided) out_.emplace_back(alarm(alarm_kind::heuristic_damage, id));
  }
  const auto same = state.decided == decision::committed ? ack_kind::committed : ack_kind::rolled_back;
  send_ack(id, state.coordinator, state.wanted == state.decided ? same : ack_kind::heuristic_damage);
  acknowledge_deliveries(held);
}

void participant_core::send_to(const participant_name& to, message what) {
  out_.emplace_back(send(to, std::move(what.from(log_).sender(name_))));
}

void participant_core::send_vote(entry& held, vote value) {
  const auto& [id, state] = held;
  send_to(state.coordinator,
          message(message_kind::vote, id).vote(value).reason(value == vote::no ? state.reason : std::string()));
}

void participant_core::send_ack(const branch_id& id, const participant_name& to, ack_kind kind) {
  send_to(to, message(message_kind::ack, id).ack(kind));
}

void participant_core::send_done(entry& held) {
  const auto& [id, state] = held;
  const auto ended = state.phase == phase::committed ? decision::committed : decision::aborted;
  send_to(state.coordinator, message(message_kind::done, id).decision(ended).reason(state.reason));
  acknowledge_deliveries(held);
}

void participant_core::keep_delivery(entry& held, std::uint64_t delivery) {
  if (delivery == 0) return;
  if (mutant(17)) return acknowledge_now(delivery);
  held.second.deliveries.push_back(delivery);
}

void participant_core::acknowledge_now(std::uint64_t delivery) {
  if (delivery != 0) out_.emplace_back(acknowledge(delivery));
}

void participant_core::acknowledge_deliveries(entry& held) {
  for (const auto delivery : std::exchange(held.second.deliveries, {}))
    acknowledge_now(delivery);
}

} // namespace two_phase
RONDO_END_NAMESPACE
