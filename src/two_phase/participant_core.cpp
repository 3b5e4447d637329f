// Hooks, writes, timers and administrators; see participant_messages.cpp and participant_state.cpp for the rest.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/participant_core.hpp>

#include "mutant.hpp"

RONDO_BEGIN_NAMESPACE
namespace two_phase {
using detail::mutant;

participant_core::participant_core(participant_name name) : name_(std::move(name)) {}

std::vector<action> participant_core::step(const participant_event& event) {
  std::vector<action> actions;
  step(event, actions);
  return actions;
}

void participant_core::step(const participant_event& event, std::vector<action>& actions) {
  actions.clear();
  out_.swap(actions);
  if (status_ == status::running || (status_ == status::starting && std::holds_alternative<log_opened>(event)))
    std::visit([this](const auto& what) { on(what); }, event);
  out_.swap(actions);
}

// ---- hooks

void participant_core::on(const hook_finished& event) {
  auto* held = find(event.branch);
  if (!held || !held->second.hook_running || event.hook != hook_of(held->second)) return;
  held->second.hook_running = false;
  if (event.hook == hook_kind::prepare) return prepare_finished(*held, event);
  if (event.hook == hook_kind::commit_one_phase) return one_phase_finished(*held, event);
  if (event.result != hook_result::done) {
    if (mutant(12) && event.hook == hook_kind::commit) return start_rollback(*held);
    return retry_later(*held);
  }
  if (held->second.phase == phase::committing) return commit_finished(*held);
  if (held->second.phase == phase::rolling_back) return rollback_finished(*held);
  if (held->second.phase == phase::heuristic) {
    held->second.carried_out = true;
    out_.emplace_back(resolved(held->first, {}));
    answer_after_administrator(*held);
  }
}

void participant_core::prepare_finished(entry& held, const hook_finished& event) {
  auto& [id, state] = held;
  state.payload = {};
  if (event.result != hook_result::yes) {
    const bool nothing_to_do = event.result == hook_result::read_only;
    state.phase = nothing_to_do ? phase::read_only : phase::refused;
    state.reason = event.reason;
    if (state.doomed)
      send_ack(id, state.coordinator, ack_kind::rolled_back);
    else
      send_vote(held, nothing_to_do ? vote::read_only : vote::no);
    return acknowledge_deliveries(held);
  }
  state.token = event.token;
  if (state.doomed) return start_rollback(held);
  state.phase = phase::forcing_prepared;
  if (mutant(4)) send_vote(held, vote::yes);
  force_record(held, record_type::prepared,
               log_entry(record_type::prepared, id).coordinator(state.coordinator).token(state.token).encode());
}

void participant_core::commit_finished(entry& held) {
  held.second.phase = phase::forcing_committed;
  if (mutant(5)) send_ack(held.first, held.second.coordinator, ack_kind::committed);
  force_record(held, record_type::committed, log_entry(record_type::committed, held.first).encode());
}

void participant_core::rollback_finished(entry& held) {
  auto& [id, state] = held;
  if (state.durable) out_.emplace_back(append(log_entry(record_type::aborted, id).encode()));
  state.phase = state.durable ? phase::aborted : phase::refused;
  if (state.durable || state.doomed)
    send_ack(id, state.coordinator, ack_kind::rolled_back);
  else
    send_vote(held, vote::no);
  acknowledge_deliveries(held);
  drop_below_watermark(id.transaction().coordinator());
}

void participant_core::one_phase_finished(entry& held, const hook_finished& event) {
  auto& state = held.second;
  if (event.result == hook_result::failed) return retry_later(held);
  state.payload = {};
  if (event.result == hook_result::done) return commit_finished(held);
  state.reason = event.reason;
  one_phase_refused(held);
}

/// Durable before it is told: a copy of the request that comes after a crash must not commit what was told to be
/// aborted.
void participant_core::one_phase_refused(entry& held) {
  held.second.phase = phase::forcing_aborted;
  force_record(held, record_type::aborted, log_entry(record_type::aborted, held.first).encode());
}

/// The hook that belongs to a phase that runs one.
hook_kind participant_core::hook_of(const branch& state) noexcept {
  if (state.phase == phase::preparing) return hook_kind::prepare;
  if (state.phase == phase::one_phase) return hook_kind::commit_one_phase;
  const bool commit =
      state.phase == phase::committing || (state.phase == phase::heuristic && state.wanted == decision::committed);
  return commit ? hook_kind::commit : hook_kind::rollback;
}

void participant_core::run_hook_of(entry& held) {
  held.second.hook_running = true;
  out_.emplace_back(run_hook(hook_of(held.second), held.first, held.second.payload));
}

void participant_core::start_commit(entry& held) {
  held.second.phase = phase::committing;
  held.second.attempts = 0;
  run_hook_of(held);
}

void participant_core::start_rollback(entry& held) {
  held.second.phase = phase::rolling_back;
  held.second.attempts = 0;
  run_hook_of(held);
}

void participant_core::retry_later(entry& held) {
  out_.emplace_back(arm(timer_id(timer_kind::hook_retry, held.first), held.second.attempts++));
}

// ---- writes

void participant_core::force_record(entry& held, record_type type, log_record record) {
  held.second.writing = true;
  out_.emplace_back(force(write_id(type, held.first), std::move(record)));
}

void participant_core::on(const log_written& event) {
  if (event.outcome == log_outcome::ambiguous && !mutant(3)) return poison();
  auto* held = find(event.write.branch);
  if (!held || !held->second.writing) return;
  held->second.writing = false;
  if (event.write.type == record_type::prepared) prepared_written(*held, event.outcome);
  if (event.write.type == record_type::committed) committed_written(*held, event.outcome);
  if (event.write.type == record_type::aborted) aborted_written(*held, event.outcome);
  if (event.write.type == record_type::heuristic) heuristic_written(*held, event.outcome);
  if (event.write.type == record_type::forget) forget_written(*held, event.outcome);
}

void participant_core::prepared_written(entry& held, log_outcome outcome) {
  auto& state = held.second;
  state.durable = outcome == log_outcome::ok;
  if (!state.durable) state.reason = "the participant's log did not take the record";
  if (!state.durable || state.doomed) return start_rollback(held);
  state.phase = phase::prepared;
  send_vote(held, vote::yes);
  acknowledge_deliveries(held);
  out_.emplace_back(arm(timer_id(timer_kind::inquiry, held.first), state.attempts));
}

void participant_core::committed_written(entry& held, log_outcome outcome) {
  auto& [id, state] = held;
  if (outcome != log_outcome::ok) return retry_later(held);
  if (state.phase == phase::heuristic) {
    state.decision_logged = true;
    if (state.wanted != state.decided) out_.emplace_back(alarm(alarm_kind::heuristic_damage, id));
    return answer_after_administrator(held);
  }
  state.phase = phase::committed;
  state.durable = true;
  if (state.single) return send_done(held);
  send_ack(id, state.coordinator, ack_kind::committed);
  acknowledge_deliveries(held);
  if (mutant(8)) branches_.erase(id);
}

void participant_core::aborted_written(entry& held, log_outcome outcome) {
  if (outcome != log_outcome::ok) return retry_later(held);
  held.second.phase = phase::aborted;
  held.second.durable = true;
  send_done(held);
}

void participant_core::heuristic_written(entry& held, log_outcome outcome) {
  auto& [id, state] = held;
  if (outcome == log_outcome::ok) {
    state.phase = phase::heuristic;
    return run_hook_of(held);
  }
  state.phase = phase::prepared;
  state.wanted = decision::unknown;
  state.resolution.clear();
  out_.emplace_back(resolved(id, errc::log_refused));
  const auto decided = std::exchange(state.decided, decision::unknown);
  if (decided == decision::committed) start_commit(held);
  if (decided == decision::aborted) start_rollback(held);
}

void participant_core::forget_written(entry& held, log_outcome outcome) {
  auto& [id, state] = held;
  acknowledge_deliveries(held);
  if (outcome != log_outcome::ok) {
    state.phase = phase::heuristic;
    out_.emplace_back(resolved(id, errc::log_refused));
    return;
  }
  state.phase = state.wanted == decision::committed ? phase::committed : phase::aborted;
  out_.emplace_back(resolved(id, {}));
  drop_below_watermark(id.transaction().coordinator());
}

void participant_core::poison() {
  status_ = status::poisoned;
  out_.emplace_back(alarm(alarm_kind::log_poisoned));
  for (const auto& [id, state] : branches_)
    if (state.phase == phase::resolving || state.phase == phase::forgetting ||
        (state.phase == phase::heuristic && !state.carried_out))
      out_.emplace_back(resolved(id, errc::log_poisoned));
}

// ---- timers

void participant_core::on(const timer_fired& event) {
  auto* held = find(event.timer.branch);
  if (!held) return;
  auto& state = held->second;
  if (event.timer.kind == timer_kind::inquiry) {
    const bool in_doubt = state.phase == phase::prepared || state.phase == phase::resolving ||
                          (state.phase == phase::heuristic && state.decided == decision::unknown);
    if (!in_doubt) return;
    if (mutant(10) && state.phase == phase::prepared) return start_rollback(*held);
    if (mutant(11) && state.phase == phase::prepared) return start_commit(*held);
    ++state.attempts;
    return inquire(*held);
  }
  if (event.timer.kind != timer_kind::hook_retry || state.hook_running || state.writing) return;
  const bool hook_failed = state.phase == phase::committing || state.phase == phase::rolling_back ||
                           state.phase == phase::one_phase || (state.phase == phase::heuristic && !state.carried_out);
  if (hook_failed) return run_hook_of(*held);
  if (state.phase == phase::forcing_committed) return commit_finished(*held);
  if (state.phase == phase::forcing_aborted) return one_phase_refused(*held);
  if (state.phase == phase::heuristic && !state.decision_logged) answer_after_administrator(*held);
}

void participant_core::inquire(entry& held) {
  send_to(held.second.coordinator, message(message_kind::inquire, held.first));
  out_.emplace_back(arm(timer_id(timer_kind::inquiry, held.first), held.second.attempts));
}

// ---- administrators

void participant_core::on(const resolve_requested& event) {
  auto* held = find(event.branch);
  const bool possible = held && held->second.phase == phase::prepared &&
                        (event.decision == decision::committed || event.decision == decision::aborted);
  if (!possible) {
    out_.emplace_back(resolved(event.branch, held ? errc::wrong_state : errc::unknown_transaction));
    return;
  }
  auto record =
      log_entry(record_type::heuristic, event.branch).resolved(event.decision).who(event.who).when(event.when).encode();
  held->second.phase = phase::resolving;
  held->second.wanted = event.decision;
  held->second.resolution = record.body();
  force_record(*held, record_type::heuristic, std::move(record));
}

/// Before the coordinator's decision is known, and in the log, nobody can have noted whether there was damage.
void participant_core::on(const forget_requested& event) {
  auto* held = find(event.branch);
  const bool possible = held && held->second.phase == phase::heuristic && held->second.carried_out &&
                        held->second.decision_logged && !held->second.writing;
  if (!possible) {
    out_.emplace_back(resolved(event.branch, held ? errc::wrong_state : errc::unknown_transaction));
    return;
  }
  held->second.phase = phase::forgetting;
  force_record(*held, record_type::forget, log_entry(record_type::forget, event.branch).encode());
}

} // namespace two_phase
RONDO_END_NAMESPACE
