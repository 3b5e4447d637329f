// Events and actions; see participant_life.cpp for start and stop.
// SPDX-License-Identifier: BSL-1.0
#include "participant_shell.hpp"

#include <fmt/format.h>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

// ---- events

void participant_shell::post(participant_event event) {
  if (!alive()) return;
  if (processing_) {
    events_.push_back(std::move(event));
    return;
  }
  const auto self = shared_from_this(); // a hook, an observer or a fail point may drop the last other reference
  processing_ = true;
  core_.step(event, actions_);
  perform_all(actions_);
  process_waiting();
}

void participant_shell::process_waiting() {
  for (std::size_t next = 0; next < events_.size(); ++next) {
    const auto event = std::move(events_[next]);
    core_.step(event, actions_);
    perform_all(actions_);
  }
  events_.clear();
  processing_ = false;
}

void participant_shell::perform_all(std::vector<action>& actions) {
  for (auto& each : actions) {
    if (!alive()) return;
    std::visit([this](auto& what) { perform(what); }, each);
  }
}

void participant_shell::on_message(message what, std::uint64_t delivery) {
  if (!alive()) return;
  if (stopping_ || !acceptable(what)) {
    if (!stopping_ && delivery != 0) transport_->acknowledge(delivery);
    return;
  }
  // A hook that still prepares need not go on.
  const bool rollback = what.kind() == message_kind::rollback ||
                        (what.kind() == message_kind::outcome && what.outcome() == outcome_kind::abort);
  const auto id = what.branch();
  post(received(std::move(what), delivery));
  if (rollback && prepare_limits_.contains(id)) hooks_.cancel(id);
}

bool participant_shell::acceptable(const message& what) {
  const auto kind = what.kind();
  switch (kind) {
  case message_kind::vote:
  case message_kind::ack:
  case message_kind::inquire:
  case message_kind::done:
    on_rejected(fmt::format("a {} is for a coordinator; this is a participant", to_string(kind)));
    return false;
  default:
    break;
  }
  const bool not_mine = kind == message_kind::outcome && what.outcome() == outcome_kind::not_mine;
  if (what.from() != what.transaction().coordinator() && !not_mine) {
    on_rejected(
        fmt::format("a {} for {} from a coordinator that did not begin it", to_string(kind), what.branch().to_gid()));
    return false;
  }
  const auto size = what.payload().size();
  if (size <= options_.max_payload()) return true;
  auto why = fmt::format("the payload of {} has {} bytes; max_payload is {}", what.branch().to_gid(), size,
                         options_.max_payload());
  on_rejected(why);
  if (kind == message_kind::prepare)
    transport_->send(
        what.sender(),
        message(message_kind::vote, what.branch()).from(log_id_).sender(name_).vote(vote::no).reason(std::move(why)));
  return false;
}

void participant_shell::on_written(const write_id& write, log_outcome outcome) {
  if (outcome == log_outcome::ok && write.type == record_type::prepared) reached("after_prepared_force");
  if (outcome == log_outcome::ok && write.type == record_type::committed) reached("after_committed_force");
  post(log_written(write, outcome));
  wake_if_idle();
}

void participant_shell::on_hook_finished(const hook_finished& how, const std::exception_ptr& error) {
  if (!alive()) return;
  if (const auto limit = prepare_limits_.find(how.branch); limit != prepare_limits_.end()) {
    limit->second.cancel();
    prepare_limits_.erase(limit);
  }
  if (how.hook == hook_kind::prepare) reached("after_prepare");
  if (how.hook == hook_kind::commit) reached("after_commit");
  if (how.result == hook_result::failed) say_hook_failed(how, error);
  end_of_hook(how);
  post(how);
  wake_if_idle();
}

void participant_shell::end_of_hook(const hook_finished& how) {
  if (how.result != hook_result::done || how.hook == hook_kind::prepare) return;
  const auto ended = how.hook == hook_kind::rollback ? decision::aborted : decision::committed;
  ++(ended == decision::committed ? committed_ : rolled_back_);
  observe([&](observer& o) { o.on_branch_ended(how.branch, ended); });
}

// ---- actions

void participant_shell::perform(const send& what) {
  const auto kind = what.message.kind();
  transport_->send(what.to, what.message);
  if (kind == message_kind::ack) reached("after_ack");
  if (kind != message_kind::vote) return;
  if (what.message.vote() == vote::no)
    ++refused_;
  else
    ++prepared_;
  reached("after_vote");
}

void participant_shell::perform(force& what) {
  if (what.write.type == record_type::prepared) reached("before_prepared_force");
  if (what.write.type == record_type::committed) reached("before_committed_force");
  log_.force(what.write, std::move(what.record));
}

void participant_shell::perform(append& what) { log_.append(std::move(what.record)); }

void participant_shell::perform(const arm& what) {
  const auto& delays = what.timer.kind == timer_kind::inquiry ? options_.inquiry() : options_.hook_retry();
  auto& timer = timers_[what.timer];
  if (timer) timer.cancel();
  timer = loop("timer").call_later(
      delays.delay(what.attempt, chance()),
      [this, id = what.timer] {
        timers_.erase(id);
        post(timer_fired(id));
      },
      context());
}

void participant_shell::perform(const acknowledge& what) { transport_->acknowledge(what.delivery); }

void participant_shell::perform(const alarm& what) {
  if (what.kind == alarm_kind::log_unreadable) unreadable_ = true;
  say_alarm(what);
}

void participant_shell::perform(const resolved& what) {
  const auto [first, last] = resolving_.equal_range(what.branch);
  for (auto each = first; each != last; ++each)
    if (!each->second.done()) each->second.set_result(what.code);
  resolving_.erase(first, last);
}

void participant_shell::perform(run_hook& what) {
  const auto branch = what.branch;
  if (what.hook == hook_kind::prepare) {
    reached("before_prepare");
    prepare_limits_[branch] =
        loop("timer").call_later(options_.prepare_timeout(), [this, branch] { hooks_.cancel(branch); }, context());
  }
  if (what.hook == hook_kind::commit) reached("before_commit");
  if (alive()) hooks_.start({&resource_, what.hook, branch, std::move(what.payload)});
}

void participant_shell::perform(const list_in_doubt& what) {
  if (listing_ && !listing_.done()) return;
  auto list = [this, name = what.resource, kept = weak_from_this()]() -> awaitable<void> {
    std::vector<branch_id> branches;
    std::exception_ptr error;
    try {
      branches = co_await resource_.in_doubt();
    } catch (const std::exception&) { // the next sweep asks again
      error = std::current_exception();
    }
    const auto self = kept.lock();
    if (!self || !alive()) co_return;
    listing_ = {}; // the answer may lead to the next one
    if (error) say_hook_failed(hook_finished(hook_kind::rollback, branch_id(), hook_result::failed), error);
    post(in_doubt_listed(name, std::move(branches)));
  };
  listing_ = create_task(std::move(list), task_options().name("in_doubt of " + name_.text()).background(true));
}

/// Nobody waits for it, and if it fails the next sweep finds the branch again.
void participant_shell::perform(const roll_back_orphan& what) {
  const auto branch = what.branch;
  auto roll_back = [this, branch, kept = weak_from_this()]() -> awaitable<void> {
    std::exception_ptr error;
    try {
      co_await resource_.rollback(branch);
    } catch (const std::exception&) {
      error = std::current_exception();
    }
    const auto self = kept.lock();
    if (!self || !alive()) co_return;
    orphans_.erase(branch);
    if (error) say_hook_failed(hook_finished(hook_kind::rollback, branch, hook_result::failed), error);
  };
  if (orphans_.contains(branch)) return;
  orphans_[branch] = create_task(std::move(roll_back), task_options().background(true));
}

void participant_shell::wake_if_idle() {
  if (stopping_ && idle()) idle_.set();
}

} // namespace two_phase::detail
RONDO_END_NAMESPACE
