// State machines under test: one call for each event, and the answer as text, so that a test sees every action.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/coordinator_core.hpp>
#include <rondo/two_phase/participant_core.hpp>

#include <boost/test/unit_test.hpp>
#include <fmt/format.h>

#include <random>

namespace cores_test {
using namespace rondo::two_phase;
using rondo::two_phase::alarm; // not the system's
using rondo::two_phase::send;

inline log_uuid uuid_of(int number) {
  log_uuid::bytes_type bytes{};
  bytes[0] = static_cast<std::byte>(number);
  return log_uuid(bytes);
}

inline const log_uuid coordinator_log = uuid_of(1);
inline const log_uuid participant_log = uuid_of(2);
inline const log_uuid foreign_log = uuid_of(9);
inline const participant_name shop("c");

inline participant_name name_of(std::uint32_t branch) { return participant_name(fmt::format("p{}", branch)); }
inline txid tx(std::uint64_t seq, std::uint64_t epoch = 1) { return {coordinator_log, epoch, seq}; }

// ---- actions as text

inline std::string text(const branch_id& id) {
  return fmt::format("{}.{}.{}", id.transaction().epoch(), id.transaction().seq(), id.branch());
}

inline std::string_view text(timer_kind kind) {
  constexpr std::string_view names[] = {"lifetime",     "prepare_deadline", "prepare_retry",
                                        "commit_retry", "rollback_retry",   "one_phase_deadline",
                                        "stuck",        "inquiry",          "hook_retry"};
  return names[static_cast<std::size_t>(kind)];
}

inline std::string_view text(alarm_kind kind) {
  constexpr std::string_view names[] = {"log_poisoned",     "log_unreadable", "not_mine",     "heuristic_damage",
                                        "heuristic_hazard", "stuck",          "contradiction"};
  return names[static_cast<std::size_t>(kind)];
}

inline std::string_view text(hook_kind kind) {
  constexpr std::string_view names[] = {"prepare", "commit", "rollback", "commit_one_phase"};
  return names[static_cast<std::size_t>(kind)];
}

inline std::string_view text(ack_kind kind) {
  constexpr std::string_view names[] = {"committed", "rolled_back", "heuristic_damage", "heuristic_hazard"};
  return names[static_cast<std::size_t>(kind)];
}

inline std::string_view text(outcome_kind kind) {
  constexpr std::string_view names[] = {"commit", "abort", "pending", "not_mine"};
  return names[static_cast<std::size_t>(kind)];
}

inline std::string text(const std::error_code& code) {
  constexpr std::string_view names[] = {"ok",
                                        "voted_no",
                                        "prepare_timeout",
                                        "cancelled",
                                        "rolled_back",
                                        "lifetime_exceeded",
                                        "log_refused",
                                        "log_poisoned",
                                        "log_unavailable",
                                        "one_phase_reply_lost",
                                        "recovering",
                                        "stopping",
                                        "overloaded",
                                        "unknown_transaction",
                                        "wrong_state"};
  return std::string(names[static_cast<std::size_t>(code.value())]);
}

inline std::string text(const message& what) {
  const auto start = fmt::format("{} {}", to_string(what.kind()), text(what.branch()));
  switch (what.kind()) {
  case message_kind::vote:
    return fmt::format("{} {}{}{}", start, to_string(what.vote()), what.reason().empty() ? "" : " ", what.reason());
  case message_kind::ack:
    return fmt::format("{} {}", start, text(what.ack()));
  case message_kind::outcome:
    return fmt::format("{} {}", start, text(what.outcome()));
  case message_kind::done:
    return fmt::format("{} {}", start, to_string(what.decision()));
  default:
    return start;
  }
}

inline std::string text(const commit_result& result) {
  auto line = std::string(to_string(result.decision()));
  if (result.code()) line += " " + text(result.code());
  if (!result.reason().empty()) line += " " + result.reason();
  return line;
}

struct action_text {
  std::string operator()(const send& a) const { return fmt::format("send {} {}", a.to.text(), text(a.message)); }
  std::string operator()(const force& a) const {
    return fmt::format("force {} {}", to_string(a.record.type()), text(a.write.branch));
  }
  std::string operator()(const append& a) const { return fmt::format("append {}", to_string(a.record.type())); }
  std::string operator()(const arm& a) const { return fmt::format("arm {} {}", text(a.timer.kind), a.attempt); }
  std::string operator()(const acknowledge& a) const { return fmt::format("acknowledge {}", a.delivery); }
  std::string operator()(const alarm& a) const { return fmt::format("alarm {}", text(a.kind)); }
  std::string operator()(const started& a) const { return fmt::format("started {}", a.epoch); }
  std::string operator()(const granted& a) const { return fmt::format("granted {} {}", a.request, text(a.branch)); }
  std::string operator()(const refused& a) const {
    return fmt::format("refused {} {}", a.request, text(make_error_code(a.code)));
  }
  std::string operator()(const resolved& a) const { return fmt::format("resolved {}", text(a.code)); }
  std::string operator()(const completed& a) const {
    return fmt::format("completed {}: {}", a.transaction.seq(), text(a.result));
  }
  std::string operator()(const closed& a) const {
    return fmt::format("closed {}: {}", a.transaction.seq(), to_string(a.decision));
  }
  std::string operator()(const run_hook& a) const { return fmt::format("run {} {}", text(a.hook), text(a.branch)); }
  std::string operator()(const reattach& a) const { return fmt::format("reattach {}", text(a.branch)); }
  std::string operator()(const list_in_doubt& a) const { return "list " + a.resource; }
  std::string operator()(const roll_back_orphan& a) const {
    return fmt::format("orphan {} {}", a.resource, text(a.branch));
  }
};

/// "action; action; ...", in their order.
inline std::string text(const std::vector<action>& actions) {
  std::string line;
  for (const auto& each : actions)
    line += (line.empty() ? "" : "; ") + std::visit(action_text(), each);
  return line;
}

/// The first action of a type; the test fails if there is none.
template <class Action>
const Action& only(const std::vector<action>& actions) {
  for (const auto& each : actions)
    if (const auto* found = std::get_if<Action>(&each)) return *found;
  BOOST_REQUIRE_MESSAGE(false, "no such action in: " + text(actions));
  throw std::logic_error("unreachable");
}

template <class Action>
std::size_t count(const std::vector<action>& actions) {
  std::size_t result = 0;
  for (const auto& each : actions)
    result += std::holds_alternative<Action>(each);
  return result;
}

// ---- a coordinator that runs

class a_coordinator {
public:
  coordinator_core core;
  std::vector<action> last; // the actions of the last event

  explicit a_coordinator(const coordinator_core_options& options = {}, std::vector<log_record> records = {})
      : core(shop, options) {
    step(log_opened(coordinator_log, std::move(records)));
    start = step(log_written(only<force>(last).write, log_outcome::ok));
  }

  std::string start; // what it did when its epoch was durable

  std::string step(const coordinator_event& event) {
    last = core.step(event);
    return text(last);
  }

  txid begin() {
    step(begin_requested(1));
    return only<granted>(last).branch.transaction();
  }

  std::string enlist(const txid& id, std::uint32_t branch, bool one_phase_capable = false) {
    return step(enlist_requested(2, id, name_of(branch), {}, one_phase_capable));
  }

  std::string commit(const txid& id) { return step(commit_requested(3, id)); }
  std::string rollback(const txid& id, errc why = errc::rolled_back) { return step(rollback_requested(id, why)); }
  std::string fire(timer_kind kind, const txid& id) { return step(timer_fired(timer_id(kind, {id, 0}))); }

  std::string written(record_type type, const branch_id& id, log_outcome outcome = log_outcome::ok) {
    return step(log_written(write_id(type, id), outcome));
  }

  std::string receive(message what) {
    what.from(participant_log).sender(name_of(what.branch().branch()));
    return step(received(std::move(what)));
  }

  std::string vote(const txid& id, std::uint32_t branch, rondo::two_phase::vote value, std::string reason = {}) {
    return receive(message(message_kind::vote, {id, branch}).vote(value).reason(std::move(reason)));
  }

  std::string ack(const txid& id, std::uint32_t branch, ack_kind kind = ack_kind::committed) {
    return receive(message(message_kind::ack, {id, branch}).ack(kind));
  }

  std::string inquire(const txid& id, std::uint32_t branch = 0) {
    return receive(message(message_kind::inquire, {id, branch}));
  }

  // Transactions of so many branches, in a given state.

  txid active(std::uint32_t branches) {
    const auto id = begin();
    for (std::uint32_t branch = 0; branch < branches; ++branch)
      enlist(id, branch);
    return id;
  }

  txid preparing(std::uint32_t branches) {
    const auto id = active(branches);
    commit(id);
    return id;
  }

  txid deciding(std::uint32_t branches) {
    const auto id = preparing(branches);
    for (std::uint32_t branch = 0; branch < branches; ++branch)
      vote(id, branch, vote::yes);
    return id;
  }

  txid committing(std::uint32_t branches) {
    const auto id = deciding(branches);
    written(record_type::commit, {id, 0});
    return id;
  }

  txid aborting(std::uint32_t branches) {
    const auto id = preparing(branches);
    rollback(id);
    return id;
  }

  /// The mark that a message to a participant would carry now.
  position mark(std::uint32_t branch) const {
    auto copy = core;
    const auto actions = copy.step(forget_requested({tx(1), branch}, name_of(branch)));
    return only<send>(actions).message.low_water();
  }
};

// ---- a participant that runs

class a_participant {
public:
  participant_core core{participant_name("p")};
  std::vector<action> last;
  branch_id id{tx(1), 0}; // of whom the events below are

  explicit a_participant(std::vector<log_record> records = {}) {
    start = step(log_opened(participant_log, std::move(records)));
  }

  std::string start;

  std::string step(const participant_event& event) {
    last = core.step(event);
    return text(last);
  }

  std::string receive(message what, std::uint64_t delivery = 0) {
    return step(received(std::move(what.from(id.transaction().coordinator()).sender(shop)), delivery));
  }

  std::string prepare(std::uint64_t delivery = 0) { return receive(message(message_kind::prepare, id), delivery); }
  std::string rollback(std::uint64_t delivery = 0) { return receive(message(message_kind::rollback, id), delivery); }
  std::string forget(std::uint64_t delivery = 0) { return receive(message(message_kind::forget, id), delivery); }

  std::string commit(std::uint64_t delivery = 0, const log_uuid& prepared_under = participant_log) {
    return receive(message(message_kind::commit, id).prepared_under(prepared_under), delivery);
  }

  std::string one_phase(std::uint64_t delivery = 0) {
    return receive(message(message_kind::commit_one_phase, id), delivery);
  }

  std::string outcome(outcome_kind kind, std::uint64_t delivery = 0) {
    return receive(message(message_kind::outcome, id).outcome(kind).prepared_under(participant_log), delivery);
  }

  /// A message that does nothing but tell the mark.
  std::string tell_mark(const position& mark) {
    return receive(message(message_kind::forget, {tx(1'000'000), 0}).low_water(mark));
  }

  std::string hook(hook_kind kind, hook_result result, std::vector<std::byte> token = {}, std::string reason = {}) {
    return step(hook_finished(kind, id, result, std::move(token), std::move(reason)));
  }

  std::string written(record_type type, log_outcome outcome = log_outcome::ok) {
    return step(log_written(write_id(type, id), outcome));
  }

  std::string fire(timer_kind kind) { return step(timer_fired(timer_id(kind, id))); }
  std::string resolve(decision chosen) { return step(resolve_requested(id, chosen, "root", 1)); }

  /// The phase of the branch, or "unknown".
  std::string phase() const {
    for (const auto& each : core.list())
      if (each.id() == id) return std::string(to_string(each.phase()));
    return "unknown";
  }

  // The branch in a given state.

  a_participant& prepared() {
    prepare();
    hook(hook_kind::prepare, hook_result::yes, {std::byte{7}});
    written(record_type::prepared);
    return *this;
  }

  a_participant& committed() {
    prepared().commit();
    hook(hook_kind::commit, hook_result::done);
    written(record_type::committed);
    return *this;
  }

  a_participant& aborted() {
    prepared().rollback();
    hook(hook_kind::rollback, hook_result::done);
    return *this;
  }

  /// Decided by an administrator, and carried out.
  a_participant& heuristic(decision chosen) {
    prepared().resolve(chosen);
    written(record_type::heuristic);
    hook(chosen == decision::committed ? hook_kind::commit : hook_kind::rollback, hook_result::done);
    return *this;
  }
};

} // namespace cores_test
