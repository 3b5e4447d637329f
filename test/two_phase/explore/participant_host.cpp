// A participant, its log and its resource: what can happen to them, and the invariants that concern it alone.
// SPDX-License-Identifier: BSL-1.0
#include "log_steps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace explore {

using two_phase::hook_kind;
using two_phase::hook_result;
using two_phase::log_entry;
using two_phase::log_outcome;
using two_phase::record_type;
using phase = two_phase::participant_core::phase;

namespace {

two_phase::log_uuid log_of(std::size_t index) { return uuid_of(static_cast<std::uint8_t>(10 + index)); }

} // namespace

participant_host::participant_host(const settings& options, std::size_t index)
    : index_(index), core_(participant_name_of(index)), refuses_(options.promised == promise::refused && index == 0),
      crashes_(options.participant_crashes), log_faults_(options.participant_log_faults),
      heuristics_(options.heuristics), compactions_(options.compactions), sweeps_(options.sweeps) {
  core_.step(two_phase::log_opened(log_of(index), {}));
}

participant_host::step participant_host::begin(std::string label) const {
  return {*this, fmt::format("{}: {}", participant_name_of(index_).text(), label)};
}

/// Lets the core take an event, and takes its actions.
void participant_host::apply(step& into, const two_phase::participant_event& event) {
  const auto* timer = std::get_if<two_phase::timer_fired>(&event);
  const bool inquiry = timer && timer->timer.kind == two_phase::timer_kind::inquiry;
  for (const auto& action : into.next.core_.step(event))
    take(into, action, inquiry);
}

void participant_host::take(step& into, const two_phase::action& action, bool inquiry) {
  auto& host = into.next;
  if (const auto* sent = std::get_if<two_phase::send>(&action)) {
    check_message(into, sent->message);
    into.sent.push_back({sent->to, sent->message});
  } else if (const auto* forced = std::get_if<two_phase::force>(&action)) {
    queue_record(host.log_, *forced);
  } else if (const auto* appended = std::get_if<two_phase::append>(&action)) {
    queue_record(host.log_, *appended);
  } else if (const auto* hook = std::get_if<two_phase::run_hook>(&action)) {
    if (inquiry) into.violation = "S9: a branch in doubt moves because time passed";
    host.hooks_.push_back({hook->hook, hook->branch});
  } else if (const auto* acknowledged = std::get_if<two_phase::acknowledge>(&action)) {
    check_acknowledged(into, acknowledged->delivery);
    into.acknowledged.push_back(acknowledged->delivery);
  } else if (const auto* alarm = std::get_if<two_phase::alarm>(&action)) {
    if (alarm->kind == two_phase::alarm_kind::log_poisoned) host.poisoned_ = true;
    if (alarm->kind == two_phase::alarm_kind::contradiction) host.history_[alarm->branch].contradicted = true;
    if (alarm->kind == two_phase::alarm_kind::heuristic_hazard) into.violation = "S10: COMMIT for an unknown branch";
  } else if (std::holds_alternative<two_phase::list_in_doubt>(action)) {
    host.listing_ = true;
  } else if (const auto* orphan = std::get_if<two_phase::roll_back_orphan>(&action)) {
    if (std::ranges::find(host.orphans_, orphan->branch) == host.orphans_.end())
      host.orphans_.push_back(orphan->branch);
  }
}

void participant_host::check_message(step& into, const two_phase::message& sent) {
  auto& history = into.next.history_[sent.branch()];
  if (sent.kind() == two_phase::message_kind::vote && sent.vote() != two_phase::vote::no) {
    history.voted_yes = true;
    if (sent.vote() == two_phase::vote::yes && !history.prepared_durable)
      into.violation = "S7: VOTE yes before PREPARED is durable";
  }
  const bool committed =
      (sent.kind() == two_phase::message_kind::ack && sent.ack() == two_phase::ack_kind::committed) ||
      (sent.kind() == two_phase::message_kind::done && sent.decision() == two_phase::decision::committed);
  if (committed && !history.committed_durable) into.violation = "S7: ACK of a commit before COMMITTED is durable";
}

/// With a broker that keeps messages until they are acknowledged, the acknowledgement takes the place of the force.
void participant_host::check_acknowledged(step& into, std::uint64_t delivery) {
  auto& host = into.next;
  const auto what = host.unacknowledged_.extract(delivery);
  if (what.empty()) return;
  for (const auto& info : host.core_.list()) {
    if (info.id() != what.mapped().branch()) continue;
    const auto in = [&](auto... phases) { return ((info.phase() == phases) || ...); };
    const bool lost =
        (what.mapped().kind() == two_phase::message_kind::prepare && in(phase::preparing, phase::forcing_prepared)) ||
        (what.mapped().kind() == two_phase::message_kind::commit &&
         in(phase::prepared, phase::committing, phase::forcing_committed));
    if (lost) into.violation = "a message is acknowledged before its effect is durable";
  }
}

participant_host::step participant_host::deliver(const two_phase::message& what, std::uint64_t delivery) const {
  auto result = begin(fmt::format("receives {} of {:x}", to_string(what.kind()), what.transaction().seq()));
  if (poisoned_ || (delivery != 0 && unacknowledged_.contains(delivery))) return result;
  if (delivery != 0) result.next.unacknowledged_.emplace(delivery, what);
  apply(result, two_phase::received(what, delivery));
  return result;
}

std::vector<participant_host::step> participant_host::local_steps(const settings& options) const {
  std::vector<step> steps;
  if (!poisoned_) {
    hook_steps(options, steps);
    timer_steps(steps);
    add_log_steps(*this, steps);
    administrator_steps(steps);
    sweep_steps(steps);
  }
  if (crashes_ > 0) crash_steps(steps);
  return steps;
}

void participant_host::hook_steps(const settings& options, std::vector<step>& steps) const {
  for (std::size_t i = 0; i < hooks_.size(); ++i) {
    const auto try_result = [&](hook_result result, const char* name) {
      steps.push_back(begin(fmt::format("hook {} ends: {}", name_of(hooks_[i].kind), name)));
      finish_hook(steps.back(), i, result);
    };
    if (hooks_[i].kind == hook_kind::prepare) {
      if (!refuses_) try_result(hook_result::yes, "yes");
      if (options.votes_no || refuses_) try_result(hook_result::no, "no");
      if (options.read_only) try_result(hook_result::read_only, "read-only");
      continue;
    }
    try_result(hook_result::done, "done");
    // A resource that has committed in one phase knows it: that is what one_phase_capable promises.
    const auto known = history_.find(hooks_[i].branch);
    const bool done_before = known != history_.end() && known->second.resource.commits > 0;
    if (hooks_[i].kind == hook_kind::commit_one_phase && options.votes_no && !done_before)
      try_result(hook_result::no, "no");
    if (options.hooks_fail) try_result(hook_result::failed, "failed");
  }
}

void participant_host::finish_hook(step& into, std::size_t which, hook_result result) {
  auto& hooks = into.next.hooks_;
  const auto hook = hooks[which];
  hooks.erase(hooks.begin() + static_cast<std::ptrdiff_t>(which));
  take_effect(into, hook, result);
  const std::string reason = into.next.refuses_ && result == hook_result::no ? refusal : "";
  apply(into, two_phase::hook_finished(hook.kind, hook.branch, result, {}, reason));
}

/// What a hook does to the resource: it can be repeated, and it does not know why it is called.
void participant_host::take_effect(step& into, const running_hook& hook, hook_result result) {
  auto& history = into.next.history_[hook.branch];
  auto& resource = history.resource;
  if (hook.kind == hook_kind::prepare) resource.prepared = result == hook_result::yes;
  if (result != hook_result::done) return;
  if (hook.kind == hook_kind::commit) {
    if (!resource.prepared && resource.undone) into.violation = "S14: the commit hook runs after the rollback hook";
    if (resource.prepared && resource.commits < 2) ++resource.commits;
    resource.prepared = false;
  }
  if (hook.kind == hook_kind::rollback) {
    if (!resource.prepared && resource.commits > 0)
      into.violation = "S14: the rollback hook runs after the commit hook";
    resource.undone = resource.undone || (resource.prepared && history.prepared_durable);
    resource.prepared = false;
  }
  if (hook.kind == hook_kind::commit_one_phase && resource.commits == 0) ++resource.commits;
  if (resource.commits > 1) into.violation = "S5: the effect is applied twice";
}

void participant_host::timer_steps(std::vector<step>& steps) const {
  for (const auto& info : core_.list()) {
    const auto fire = [&](two_phase::timer_kind kind, const char* name) {
      steps.push_back(begin(fmt::format("timer {}", name)));
      apply(steps.back(), two_phase::timer_fired(two_phase::timer_id(kind, info.id())));
    };
    switch (info.phase()) {
    case phase::prepared:
    case phase::resolving:
      fire(two_phase::timer_kind::inquiry, "inquiry");
      break;
    case phase::heuristic:
      fire(two_phase::timer_kind::inquiry, "inquiry");
      fire(two_phase::timer_kind::hook_retry, "hook_retry");
      break;
    case phase::committing:
    case phase::rolling_back:
    case phase::one_phase:
    case phase::forcing_committed:
    case phase::forcing_aborted:
      fire(two_phase::timer_kind::hook_retry, "hook_retry");
      break;
    default:
      break;
    }
  }
}

void participant_host::sync(step& into, std::size_t count) {
  auto& host = into.next;
  for (std::size_t i = 0; i < count; ++i) {
    const auto& each = host.log_.queue[i];
    auto& history = host.history_[log_entry::decode(each.record)->branch()];
    if (each.record.type() == record_type::prepared) history.prepared_durable = true;
    if (each.record.type() == record_type::committed) history.committed_durable = true;
  }
  host.log_.sync(count);
}

void participant_host::administrator_steps(std::vector<step>& steps) const {
  for (const auto& info : core_.list()) {
    if (info.phase() == phase::heuristic) {
      steps.push_back(begin("forget"));
      apply(steps.back(), two_phase::forget_requested(info.id()));
    }
    if (heuristics_ == 0 || info.phase() != phase::prepared) continue;
    for (const auto chosen : {two_phase::decision::committed, two_phase::decision::aborted}) {
      steps.push_back(begin(fmt::format("an administrator decides: {}", to_string(chosen))));
      auto& into = steps.back();
      --into.next.heuristics_;
      into.next.history_[info.id()].by_administrator = true;
      apply(into, two_phase::resolve_requested(info.id(), chosen, "root", 0));
    }
  }
}

void participant_host::sweep_steps(std::vector<step>& steps) const {
  if (sweeps_ > 0) {
    steps.push_back(begin("sweep is due"));
    --steps.back().next.sweeps_;
    apply(steps.back(), two_phase::sweep_due("r"));
  }
  for (std::size_t i = 0; i < orphans_.size(); ++i) {
    steps.push_back(begin("the resource rolls back an orphan"));
    auto& host = steps.back().next;
    auto& history = host.history_[orphans_[i]];
    history.resource.undone = history.resource.undone || (history.resource.prepared && history.prepared_durable);
    history.resource.prepared = false;
    host.orphans_.erase(host.orphans_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  if (!listing_) return;
  std::vector<two_phase::branch_id> prepared;
  for (const auto& [branch, history] : history_)
    if (history.resource.prepared) prepared.push_back(branch);
  steps.push_back(begin(fmt::format("the resource lists {} prepared branches", prepared.size())));
  steps.back().next.listing_ = false;
  apply(steps.back(), two_phase::in_doubt_listed("r", prepared));
}

/// The process dies and starts again: some prefix of what was not yet durable is, and each running hook has or has not
/// done its work.
void participant_host::crash_steps(std::vector<step>& steps) const {
  const std::size_t variants = std::size_t{1} << hooks_.size();
  for (std::size_t kept = 0; kept <= log_.queue.size(); ++kept)
    for (std::size_t effects = 0; effects < variants; ++effects) {
      steps.push_back(begin(
          fmt::format("crashes; {} of {} unsynced records and hooks {:b} survive", kept, log_.queue.size(), effects)));
      auto& into = steps.back();
      auto& host = into.next;
      sync(into, kept);
      host.log_.queue.clear();
      for (std::size_t i = 0; i < hooks_.size(); ++i)
        if (effects >> i & 1)
          take_effect(into, hooks_[i], hooks_[i].kind == hook_kind::prepare ? hook_result::yes : hook_result::done);
      host.hooks_.clear();
      host.unacknowledged_.clear();
      host.orphans_.clear(); // it did not come to it; that it did is the step before the crash
      host.listing_ = host.poisoned_ = false;
      --host.crashes_;
      host.core_ = two_phase::participant_core(participant_name_of(index_));
      apply(into, two_phase::log_opened(log_of(index_), host.log_.durable));
    }
}

std::string participant_host::fingerprint() const {
  const auto core = core_.fingerprint();
  std::string text(reinterpret_cast<const char*>(core.data()), core.size());
  text += crashes_ == 0 ? describe_queue(log_, false)
                        : describe(log_, log_of(index_), two_phase::participant_core(participant_name_of(index_)));
  for (const auto& hook : hooks_)
    text += fmt::format("h{}{}", static_cast<int>(hook.kind), hook.branch.to_gid());
  for (const auto& branch : orphans_)
    text += fmt::format("o{}", branch.to_gid());
  for (const auto& [branch, history] : history_)
    text += fmt::format("b{}{:d}{}{:d}{:d}{:d}{:d}{:d}{:d}", branch.to_gid(), history.resource.prepared,
                        history.resource.commits, history.resource.undone, history.voted_yes, history.prepared_durable,
                        history.committed_durable, history.by_administrator, history.contradicted);
  for (const auto& [delivery, what] : unacknowledged_)
    text += fmt::format("u{}", delivery);
  return text + fmt::format("{:d}{:d},{},{},{},{},{}", listing_, poisoned_, crashes_, log_faults_, heuristics_,
                            compactions_, sweeps_);
}

bool participant_host::quiet() const {
  const auto open = [](const auto& info) {
    return info.phase() != phase::committed && info.phase() != phase::aborted && info.phase() != phase::refused &&
           info.phase() != phase::read_only;
  };
  return !poisoned_ && hooks_.empty() && std::ranges::none_of(core_.list(), open);
}

summary participant_host::summarize(transaction_numbers& numbers) const {
  summary result;
  for (const auto& [branch, history] : history_) {
    if (!history.voted_yes && history.resource.commits == 0 && !history.contradicted) continue;
    auto& of = result.transactions[numbers.of(branch.transaction())];
    const auto bit = static_cast<std::uint8_t>(1u << branch.branch());
    if (history.resource.commits > 0) of.committed |= bit;
    if (history.resource.undone) of.undone |= bit;
    if (history.voted_yes) of.voted_yes |= bit;
    if (history.by_administrator) of.by_administrator |= bit;
    if (history.contradicted) of.contradicted |= bit;
  }
  return result;
}

} // namespace explore
