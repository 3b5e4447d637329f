// Events and actions; see coordinator_life.cpp for start and stop.
// SPDX-License-Identifier: BSL-1.0
#include "coordinator_shell.hpp"

#include <fmt/format.h>

#include <algorithm>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

// ---- events

void coordinator_shell::post(coordinator_event event) {
  if (!alive()) return;
  if (processing_) {
    events_.push_back(std::move(event));
    return;
  }
  const auto self = shared_from_this(); // a hook, an observer or a fail point may drop the last other reference
  processing_ = true;
  process(event);
  for (std::size_t next = 0; next < events_.size(); ++next) {
    event = std::move(events_[next]);
    process(event);
  }
  events_.clear();
  processing_ = false;
}

void coordinator_shell::process(const coordinator_event& event) {
  core_.step(event, actions_);
  for (auto& each : actions_) {
    if (!alive()) return;
    std::visit([this](auto& what) { perform(what); }, each);
  }
}

void coordinator_shell::on_message(message what, std::uint64_t delivery) {
  if (!alive()) return;
  switch (what.kind()) {
  case message_kind::vote:
    reached("vote_k");
    break;
  case message_kind::ack:
    reached("ack_k");
    break;
  case message_kind::inquire:
  case message_kind::done:
    break;
  default:
    on_rejected(fmt::format("a {} is for a participant; this is a coordinator", to_string(what.kind())));
  }
  post(received(std::move(what), delivery));
}

void coordinator_shell::on_written(const write_id& write, log_outcome outcome) {
  if (write.type == record_type::commit && outcome == log_outcome::ok) reached("after_sync");
  post(log_written(write, outcome));
}

void coordinator_shell::on_hook_finished(const hook_finished& how, const std::exception_ptr& error) {
  if (alive()) locals_.on_hook_finished(how, error);
}

void coordinator_shell::on_local_answer(message what) {
  if (what.kind() == message_kind::vote) reached("vote_k");
  if (what.kind() == message_kind::ack) reached("ack_k");
  what.from(log_id_);
  post(received(std::move(what)));
}

void coordinator_shell::on_local_listed(const std::string& resource, std::vector<branch_id> branches) {
  post(in_doubt_listed(resource, std::move(branches)));
}

void coordinator_shell::on_local_failed(const hook_finished& how, const std::exception_ptr& error) {
  say_hook_failed(how, error);
}

void coordinator_shell::on_local_idle() { wake_if_idle(); }

clock::duration coordinator_shell::local_retry_delay(std::uint32_t attempt) {
  return options_.phase2_retry().delay(attempt, chance());
}

void coordinator_shell::request_commit(transaction_state& tx) {
  const auto id = tx.id;
  for (auto& each : std::exchange(tx.branches, {}))
    post(enlist_requested(0, id, std::move(each.participant), std::move(each.payload), each.one_phase_capable));
  post(commit_requested(0, id));
}

void coordinator_shell::request_rollback(const txid& id, errc code, std::string reason) {
  post(rollback_requested(id, code, std::move(reason)));
}

// ---- actions

void coordinator_shell::perform(send& what) {
  const auto kind = what.message.kind();
  if (auto* local = locals_.find(what.to))
    locals_.deliver(*local, std::move(what.message));
  else if (transport_)
    transport_->send(what.to, what.message);
  else
    report_unknown(what.to, what.message);
  if (kind == message_kind::prepare || kind == message_kind::commit_one_phase) reached("prepare_sent");
  if (kind == message_kind::commit) reached("commit_sent_k");
}

void coordinator_shell::report_unknown(const participant_name& to, const message& what) {
  if (!reported_names_.insert(to).second) return;
  say(notice(notice_kind::unknown_resource, name_,
             fmt::format("{}: a transaction waits for '{}', which is no resource of this coordinator, and it has no "
                         "transport: add the resource before start()",
                         name_.text(), to.text()))
          .branch(what.branch()));
}

void coordinator_shell::perform(force& what) {
  if (what.write.type == record_type::commit) reached("before_force");
  log_.force(what.write, std::move(what.record));
}

void coordinator_shell::perform(append& what) {
  const bool end = what.record.type() == record_type::end;
  if (end) reached("before_end");
  log_.append(std::move(what.record));
  if (end) reached("after_end");
}

void coordinator_shell::perform(const arm& what) {
  auto& tx = state_of(what.timer.branch.transaction());
  auto& timer = tx.timers[static_cast<std::size_t>(what.timer.kind)];
  if (timer) timer.cancel();
  timer = tx.home.call_later(delay_of(what, tx), [this, id = what.timer] { post(timer_fired(id)); }, context());
}

clock::duration coordinator_shell::delay_of(const arm& what, const transaction_state& tx) {
  const auto until_deadline = [&](clock::duration usual) {
    return tx.deadline ? std::min(usual, *tx.deadline - tx.home.time()) : usual;
  };
  switch (what.timer.kind) {
  case timer_kind::lifetime:
    return tx.deadline ? until_deadline(clock::duration::max()) : options_.lifetime();
  case timer_kind::prepare_deadline:
    return until_deadline(options_.prepare_timeout());
  case timer_kind::prepare_retry:
    return options_.prepare_retry().delay(what.attempt, chance());
  case timer_kind::one_phase_deadline:
    return until_deadline(options_.one_phase_timeout());
  case timer_kind::stuck:
    return options_.stuck_after();
  default:
    return options_.phase2_retry().delay(what.attempt, chance());
  }
}

/// Recovered transactions have no handle, and get their state when their first timer is armed.
transaction_state& coordinator_shell::state_of(const txid& id) {
  auto& state = transactions_[id];
  if (!state) {
    const auto home = loop("timer");
    state = std::make_shared<transaction_state>(nullptr, home);
    state->id = id;
    state->begun = home.time();
    ++in_flight_;
  }
  return *state;
}

void coordinator_shell::perform(const acknowledge& what) {
  if (transport_) transport_->acknowledge(what.delivery);
}

void coordinator_shell::perform(const alarm& what) {
  say_alarm(what);
  const bool fatal = what.kind == alarm_kind::log_unreadable || what.kind == alarm_kind::log_poisoned;
  if (fatal && starting_ && !starting_->done()) starting_->set_result(false);
}

void coordinator_shell::perform(const started& what) {
  say(notice(notice_kind::started, name_,
             fmt::format("{}: started, epoch {}, {} transactions to finish, log {}", name_.text(), what.epoch,
                         core_.list().size(), log_.log().description())));
  starting_->set_result(true);
}

void coordinator_shell::perform(const granted& what) {
  const auto found = beginning_.find(what.request);
  if (found == beginning_.end()) return; // a branch
  auto& tx = *found->second;
  tx.id = what.branch.transaction();
  tx.granted = true;
  tx.begun = tx.home.time();
  transactions_.emplace(tx.id, found->second);
  beginning_.erase(found);
  ++begun_;
  ++in_flight_;
  reached("begin");
}

void coordinator_shell::perform(const refused& what) {
  const auto found = beginning_.find(what.request);
  if (found == beginning_.end()) return; // its transaction is over; `completed` has said why
  found->second->refused = what.code;
  beginning_.erase(found);
  ++refused_;
}

void coordinator_shell::perform(const resolved& what) {
  const auto [first, last] = resolving_.equal_range(what.branch);
  for (auto each = first; each != last; ++each)
    if (!each->second.done()) each->second.set_result(what.code);
  resolving_.erase(first, last);
}

void coordinator_shell::perform(const completed& what) {
  auto& count = what.result.committed() ? committed_ : what.result.aborted() ? aborted_ : unknown_;
  ++count;
  const auto& tx = transactions_.at(what.transaction);
  tx->tell(what.result);
  observe([&](observer& o) { o.on_completed(what.transaction, what.result, tx->home.time() - tx->begun); });
}

void coordinator_shell::perform(const closed& what) {
  ++closed_;
  const auto found = transactions_.find(what.transaction);
  if (found != transactions_.end()) {
    const auto tx = std::move(found->second);
    transactions_.erase(found);
    --in_flight_;
    for (auto& timer : tx->timers)
      if (timer) timer.cancel();
    tx->close(what.decision == decision::committed ? wait_status::succeeded
              : what.decision == decision::unknown ? wait_status::timed_out
                                                   : wait_status::failed);
    observe([&](observer& o) { o.on_closed(what.transaction, what.decision, tx->home.time() - tx->begun); });
  }
  wake_if_idle();
}

void coordinator_shell::perform(const list_in_doubt& what) { locals_.list_in_doubt(what.resource); }

void coordinator_shell::perform(const roll_back_orphan& what) { locals_.roll_back_orphan(what.resource, what.branch); }

void coordinator_shell::wake_if_idle() {
  if (stopping_ && idle()) idle_.set();
}

} // namespace two_phase::detail
RONDO_END_NAMESPACE
