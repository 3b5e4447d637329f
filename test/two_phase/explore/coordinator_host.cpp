// A coordinator, its log and its users: what can happen to them, and the invariants that concern it alone.
// SPDX-License-Identifier: BSL-1.0
#include "log_steps.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace explore {

using two_phase::decision;
using two_phase::log_entry;
using two_phase::log_outcome;
using two_phase::record_type;
using phase = two_phase::coordinator_core::phase;

namespace {

std::uint8_t bit_of(std::uint32_t branch) { return static_cast<std::uint8_t>(1u << branch); }

/// ROLLBACK is sent once: who misses it asks, so that no limit has to be part of the state.
two_phase::coordinator_core fresh_core() {
  return two_phase::coordinator_core(coordinator_name(), two_phase::coordinator_core_options().rollback_retries(0));
}

} // namespace

coordinator_host::coordinator_host(const settings& options)
    : core_(fresh_core()), promised_(options.promised), crash_between_(options.crash_between),
      crashes_(options.coordinator_crashes), log_faults_(options.coordinator_log_faults),
      heuristics_(options.heuristics), compactions_(options.compactions) {
  // The first start is uneventful: nobody knows the coordinator yet.
  step start{*this, "starts"};
  apply(start, two_phase::log_opened(uuid_of(1), {}));
  if (start.next.log_.forcing()) {
    const auto write = *start.next.log_.queue.back().write;
    sync(start, start.next.log_.queue.size());
    apply(start, two_phase::log_written(write, log_outcome::ok));
  }
  start.next.opened_ = true;
  *this = std::move(start.next);
}

coordinator_host::step coordinator_host::begin(std::string label) const { return {*this, "c: " + label}; }

/// Lets the core take an event, and takes its actions.
void coordinator_host::apply(step& into, const two_phase::coordinator_event& event) {
  auto& host = into.next;
  for (const auto& action : host.core_.step(event)) {
    if (const auto* sent = std::get_if<two_phase::send>(&action)) {
      check_message(into, sent->message);
      into.sent.push_back({sent->to, sent->message});
    } else if (const auto* forced = std::get_if<two_phase::force>(&action)) {
      queue_record(host.log_, *forced);
    } else if (const auto* appended = std::get_if<two_phase::append>(&action)) {
      queue_record(host.log_, *appended);
      if (appended->record.type() == record_type::end) {
        const auto id = log_entry::decode(appended->record)->transaction();
        host.history_[id].ended = true;
        into.ended.push_back(id);
      }
    } else if (const auto* granted = std::get_if<two_phase::granted>(&action)) {
      const auto& id = granted->branch.transaction();
      if (granted->request == 0 && !host.history_.emplace(id, transaction_history()).second)
        into.violation = "S11: a transaction has the name of another";
    } else if (const auto* told = std::get_if<two_phase::completed>(&action)) {
      check_result(into, *told);
    } else if (const auto* alarm = std::get_if<two_phase::alarm>(&action)) {
      if (alarm->kind == two_phase::alarm_kind::log_poisoned) host.poisoned_ = true;
      if (alarm->kind == two_phase::alarm_kind::log_unreadable) host.poisoned_ = true;
    } else if (const auto* acknowledged = std::get_if<two_phase::acknowledge>(&action)) {
      into.acknowledged.push_back(acknowledged->delivery);
    } else if (const auto* running = std::get_if<two_phase::started>(&action)) {
      host.epoch_ = running->epoch;
    }
  }
  check_queries(into);
}

/// What the coordinator answers to its users later is what its log says.
void coordinator_host::check_queries(step& into) {
  for (const auto& [id, history] : into.next.history_) {
    const auto answer = into.next.core_.query(id);
    if (answer == decision::aborted && history.commit_durable) into.violation = "S8: query denies a durable COMMIT";
    if (answer == decision::committed && !history.commit_durable)
      into.violation = "S8: query tells a commit that is not durable";
  }
}

void coordinator_host::check_message(step& into, const two_phase::message& sent) {
  using two_phase::message_kind;
  using two_phase::outcome_kind;
  const bool outcome = sent.kind() == message_kind::outcome;
  const bool commit = sent.kind() == message_kind::commit || (outcome && sent.outcome() == outcome_kind::commit);
  const bool abort = sent.kind() == message_kind::rollback || (outcome && sent.outcome() == outcome_kind::abort);
  if (!commit && !abort) return;
  const auto known = into.next.history_.find(sent.transaction());
  if (known == into.next.history_.end()) {
    // Of its own earlier starts it presumes whatever it does not know to be aborted.
    if (commit || sent.transaction().coordinator() != uuid_of(1) || sent.transaction().epoch() >= into.next.epoch_)
      into.violation = "S12: a transaction of somebody else is decided";
    return;
  }
  auto& history = known->second;
  const auto bit = bit_of(sent.branch().branch());
  if (commit) {
    if (!history.commit_durable) into.violation = "S6: COMMIT before its record is durable";
    if (history.abort_sent & bit) into.violation = "S8: abort, then commit";
    history.commit_sent |= bit;
  } else if (!history.ended) {
    // After the end the coordinator presumes abort; every branch that could be harmed has committed.
    if (history.commit_durable && (history.yes & bit)) into.violation = "S8: abort despite a durable COMMIT";
    history.abort_sent |= bit;
  }
}

void coordinator_host::check_result(step& into, const two_phase::completed& told) {
  auto& history = into.next.history_[told.transaction];
  const auto now = told.result.decision();
  if (history.told_anything) into.violation = "S8: a user is told twice";
  if (now == decision::aborted && history.commit_durable) into.violation = "S8: told aborted despite a durable COMMIT";
  if (now == decision::unknown && told.result.code() != two_phase::errc::log_poisoned &&
      told.result.code() != two_phase::errc::one_phase_reply_lost)
    into.violation = "S13: unknown without need";
  if (now == decision::unknown && told.result.code() == two_phase::errc::log_poisoned && !into.next.poisoned_)
    into.violation = "S13: unknown although the log works";
  if (into.next.promised_ == promise::committed && now != decision::committed)
    into.violation = "N1: nothing failed, all voted yes, and it did not commit";
  if (into.next.promised_ == promise::refused &&
      (now != decision::aborted || told.result.code() != two_phase::errc::voted_no || told.result.reason() != refusal))
    into.violation = "N2: one voted no, and the user was not told so";
  history.told_anything = true;
  history.told = now;
}

coordinator_host::step coordinator_host::deliver(const two_phase::message& what, std::uint64_t delivery) const {
  auto result = begin(fmt::format("receives {} of {:x} from {}", to_string(what.kind()), what.transaction().seq(),
                                  what.sender().text()));
  apply(result, two_phase::received(what, delivery));
  return result;
}

std::vector<coordinator_host::step> coordinator_host::local_steps(const settings& options) const {
  std::vector<step> steps;
  if (!opened_) {
    steps.push_back(begin("reads its log"));
    steps.back().next.opened_ = true;
    apply(steps.back(), two_phase::log_opened(uuid_of(1), log_.durable));
  }
  if (opened_ && !poisoned_) {
    begin_steps(options, steps);
    timer_steps(options, steps);
    add_log_steps(*this, steps);
    administrator_steps(steps);
  }
  // After a crash before the first begin there is what there was before, with another epoch and one crash less.
  if (crashes_ > 0 && begun_ > 0 && (!crash_between_ || begun_ == 1)) crash_steps(steps);
  return steps;
}

/// With several transactions, others may come between the begin and the commit of one.
void coordinator_host::begin_steps(const settings& options, std::vector<step>& steps) const {
  const bool too_early = crash_between_ && begun_ > 0 && crashes_ > 0;
  if (begun_ < options.transactions && !too_early) {
    steps.push_back(begin("a user begins a transaction"));
    auto& into = steps.back();
    const auto known = history_.size();
    apply(into, two_phase::begin_requested(0));
    if (into.next.history_.size() == known && !into.violation) {
      steps.pop_back(); // refused: not running yet
    } else {
      ++into.next.begun_;
      if (options.transactions == 1) enlist_and_commit(into, options, into.next.history_.begin()->first);
    }
  }
  for (const auto& info : core_.list())
    if (info.phase() == phase::active) {
      steps.push_back(begin(fmt::format("the user of {:x} asks for the commit", info.id().seq())));
      enlist_and_commit(steps.back(), options, info.id());
    }
}

void coordinator_host::enlist_and_commit(step& into, const settings& options, const two_phase::txid& id) {
  for (std::size_t i = 0; i < options.participants; ++i)
    apply(into, two_phase::enlist_requested(1, id, participant_name_of(i), {}, options.one_phase));
  apply(into, two_phase::commit_requested(1, id));
}

void coordinator_host::timer_steps(const settings& options, std::vector<step>& steps) const {
  for (const auto& info : core_.list()) {
    const auto fire = [&](two_phase::timer_kind kind, const char* name) {
      steps.push_back(begin(fmt::format("timer {} of {:x}", name, info.id().seq())));
      apply(steps.back(), two_phase::timer_fired(two_phase::timer_id(kind, {info.id(), 0})));
    };
    if (info.phase() == phase::preparing) {
      fire(two_phase::timer_kind::prepare_retry, "prepare_retry");
      if (options.deadlines) fire(two_phase::timer_kind::prepare_deadline, "prepare_deadline");
    }
    if (info.phase() == phase::active && options.deadlines) fire(two_phase::timer_kind::lifetime, "lifetime");
    if (info.phase() == phase::deciding) {
      fire(two_phase::timer_kind::prepare_deadline, "prepare_deadline");
      steps.push_back(begin("the user cancels"));
      apply(steps.back(), two_phase::rollback_requested(info.id(), two_phase::errc::cancelled));
    }
    if (info.phase() == phase::committing) fire(two_phase::timer_kind::commit_retry, "commit_retry");
    if (info.phase() == phase::aborting) fire(two_phase::timer_kind::rollback_retry, "rollback_retry");
    if (info.phase() == phase::one_phase && options.deadlines)
      fire(two_phase::timer_kind::one_phase_deadline, "one_phase_deadline");
  }
}

void coordinator_host::sync(step& into, std::size_t count) {
  auto& host = into.next;
  for (std::size_t i = 0; i < count; ++i) {
    const auto& record = host.log_.queue[i].record;
    if (record.type() != record_type::commit) continue;
    const auto entry = *log_entry::decode(record);
    auto& history = host.history_[entry.transaction()];
    history.commit_durable = true;
    for (const auto& yes : entry.yes_branches())
      history.yes |= bit_of(yes.branch());
    if (history.yes & history.abort_sent) into.violation = "S8: COMMIT becomes durable after an abort was sent";
    if (history.told_anything && history.told == decision::aborted)
      into.violation = "S8: COMMIT becomes durable after the user was told aborted";
  }
  host.log_.sync(count);
}

void coordinator_host::administrator_steps(std::vector<step>& steps) const {
  if (heuristics_ == 0) return;
  for (const auto& info : core_.list()) {
    if (info.phase() != phase::committing) continue;
    for (std::uint32_t branch = 0; branch < 8; ++branch) {
      if (!(history_.at(info.id()).yes & bit_of(branch))) continue;
      for (const auto chosen : {decision::committed, decision::aborted}) {
        steps.push_back(begin(fmt::format("an administrator says of branch {}: {}", branch, to_string(chosen))));
        auto& into = steps.back();
        --into.next.heuristics_;
        into.next.history_[info.id()].by_administrator |= bit_of(branch);
        apply(into, two_phase::resolve_requested({info.id(), branch}, chosen, "root", 0));
      }
    }
  }
}

/// The process dies and starts again, and has not read its log yet: some prefix of what was not yet durable is.
void coordinator_host::crash_steps(std::vector<step>& steps) const {
  for (std::size_t kept = 0; kept <= log_.queue.size(); ++kept) {
    steps.push_back(begin(fmt::format("crashes; {} of {} unsynced records survive", kept, log_.queue.size())));
    auto& into = steps.back();
    auto& host = into.next;
    sync(into, kept);
    host.log_.queue.clear();
    host.opened_ = host.poisoned_ = false;
    --host.crashes_;
    host.core_ = fresh_core();
    // Nobody is there any more to be told.
    for (auto& [id, history] : host.history_)
      history.told_anything = history.told_anything && history.told != decision::unknown;
  }
}

std::string coordinator_host::fingerprint() const {
  const auto core = core_.fingerprint();
  std::string text(reinterpret_cast<const char*>(core.data()), core.size());
  text += crashes_ == 0 && opened_ ? describe_queue(log_, false) : describe(log_, uuid_of(1), fresh_core());
  for (const auto& [id, history] : history_)
    text += fmt::format("t{}{}{:d}{:d}{:d},{},{},{},{}", id.to_string(), static_cast<int>(history.told),
                        history.told_anything, history.commit_durable, history.ended, history.yes, history.commit_sent,
                        history.abort_sent, history.by_administrator);
  return text + fmt::format("{}{:d}{:d},{},{},{},{}", begun_, opened_, poisoned_, crashes_, log_faults_, heuristics_,
                            compactions_);
}

bool coordinator_host::quiet() const { return opened_ && !poisoned_ && !log_.forcing() && core_.list().empty(); }

summary coordinator_host::summarize(transaction_numbers& numbers) const {
  summary result;
  for (const auto& [id, history] : history_) {
    auto& of = result.transactions[numbers.of(id)];
    of.yes = history.yes | history.commit_sent;
    of.by_administrator = history.by_administrator;
    of.told = history.told;
    of.told_anything = history.told_anything;
  }
  return result;
}

} // namespace explore
