// The events that drive the state machines of two-phase commit, and the actions that they ask for.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/message.hpp>
#include <rondo/two_phase/record.hpp>

#include <variant>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

// ---- names of things that are under way

/// How a write to a log ended.
enum class log_outcome : std::uint8_t {
  ok,        ///< the record is durable
  definite,  ///< it is certain that the record is not in the log
  ambiguous, ///< the record may be in the log; no write may follow
};

/// Names a write. At most one with the same name is under way.
class RONDO_EXPORT write_id {
public:
  write_id(record_type the_type, const branch_id& the_branch) noexcept : type(the_type), branch(the_branch) {}

  record_type type;
  branch_id branch;

  friend auto operator<=>(const write_id&, const write_id&) = default;
};

enum class timer_kind : std::uint8_t {
  lifetime,           ///< coordinator: for `commit` to be asked for
  prepare_deadline,   ///< coordinator: for all votes
  prepare_retry,      ///< coordinator: until PREPARE is sent again
  commit_retry,       ///< coordinator: until COMMIT is sent again
  rollback_retry,     ///< coordinator: until ROLLBACK is sent again
  one_phase_deadline, ///< coordinator: for the answer of the only branch
  stuck,              ///< coordinator: until somebody is told that a participant does not answer
  inquiry,            ///< participant: until INQUIRE is sent again
  hook_retry,         ///< participant: until a hook that failed runs again
};

/// Names a timer; those of a whole transaction have branch 0.
class RONDO_EXPORT timer_id {
public:
  timer_id(timer_kind the_kind, const branch_id& the_branch) noexcept : kind(the_kind), branch(the_branch) {}

  timer_kind kind;
  branch_id branch;

  friend auto operator<=>(const timer_id&, const timer_id&) = default;
};

/// A function of the user that does a participant's work.
enum class hook_kind : std::uint8_t { prepare, commit, rollback, commit_one_phase };

// ---- events for both

/// The log was read: its identity and its records from the oldest on.
class RONDO_EXPORT log_opened {
public:
  log_opened(const log_uuid& the_log, std::vector<log_record> the_records)
      : log(the_log), records(std::move(the_records)) {}

  log_uuid log;
  std::vector<log_record> records;
};

/// A `force` ended; or, ambiguous and of no branch, something else that may be in the log.
class RONDO_EXPORT log_written {
public:
  log_written(const write_id& the_write, log_outcome the_outcome) noexcept : write(the_write), outcome(the_outcome) {}

  write_id write;
  log_outcome outcome;
};

/// A message arrived. `delivery` comes back in an `acknowledge` when the message may be lost; 0 asks for none.
class RONDO_EXPORT received {
public:
  explicit received(two_phase::message the_message, std::uint64_t the_delivery = 0)
      : message(std::move(the_message)), delivery(the_delivery) {}

  two_phase::message message;
  std::uint64_t delivery;
};

/// A timer that was armed ran out. One that nobody waits for any more does nothing.
class RONDO_EXPORT timer_fired {
public:
  explicit timer_fired(const timer_id& the_timer) noexcept : timer(the_timer) {}

  timer_id timer;
};

/// An administrator decides for a branch that cannot wait for the other side.
///
/// At a participant it is carried out, and reported to the coordinator when that decides. At a coordinator it says that
/// the branch was ended by hand or is gone for ever: COMMIT is not repeated any more, and a participant that asks
/// later, when the transaction is closed, is told to roll back.
class RONDO_EXPORT resolve_requested {
public:
  /// `when` is in seconds since 1970 and goes to the log for people to read.
  resolve_requested(const branch_id& the_branch, two_phase::decision the_decision, std::string the_who,
                    std::uint64_t the_when)
      : branch(the_branch), decision(the_decision), who(std::move(the_who)), when(the_when) {}

  branch_id branch;
  two_phase::decision decision;
  std::string who;
  std::uint64_t when;
};

/// An administrator has noted a heuristic decision; a coordinator passes it on to the participant.
class RONDO_EXPORT forget_requested {
public:
  explicit forget_requested(const branch_id& the_branch, participant_name the_participant = {})
      : branch(the_branch), participant(std::move(the_participant)) {}

  branch_id branch;
  participant_name participant;
};

/// It is time to look for branches that a resource holds and that nobody will ever decide.
class RONDO_EXPORT sweep_due {
public:
  explicit sweep_due(std::string the_resource) : resource(std::move(the_resource)) {}

  std::string resource;
};

/// What a resource holds: the answer to `list_in_doubt`.
class RONDO_EXPORT in_doubt_listed {
public:
  in_doubt_listed(std::string the_resource, std::vector<branch_id> the_branches)
      : resource(std::move(the_resource)), branches(std::move(the_branches)) {}

  std::string resource;
  std::vector<branch_id> branches;
};

// ---- events for a coordinator

/// A user wants a transaction. `request` comes back in the answer.
class RONDO_EXPORT begin_requested {
public:
  explicit begin_requested(std::uint64_t the_request) noexcept : request(the_request) {}

  std::uint64_t request;
};

/// A user adds a branch.
class RONDO_EXPORT enlist_requested {
public:
  enlist_requested(std::uint64_t the_request, const txid& the_transaction, participant_name the_participant,
                   std::vector<std::byte> the_payload = {}, bool the_one_phase_capable = false)
      : request(the_request), transaction(the_transaction), participant(std::move(the_participant)),
        payload(std::move(the_payload)), one_phase_capable(the_one_phase_capable) {}

  std::uint64_t request;
  txid transaction;
  participant_name participant;
  std::vector<std::byte> payload;
  bool one_phase_capable;
};

class RONDO_EXPORT commit_requested {
public:
  commit_requested(std::uint64_t the_request, const txid& the_transaction) noexcept
      : request(the_request), transaction(the_transaction) {}

  std::uint64_t request;
  txid transaction;
};

/// A user wants to roll back, was cancelled, or dropped the transaction; does nothing once the decision is being
/// written.
class RONDO_EXPORT rollback_requested {
public:
  explicit rollback_requested(const txid& the_transaction, errc the_code = errc::rolled_back,
                              std::string the_reason = {})
      : transaction(the_transaction), code(the_code), reason(std::move(the_reason)) {}

  txid transaction;
  errc code;
  std::string reason;
};

/// No new transactions; what is not decided is rolled back.
class RONDO_EXPORT stop_requested {};

using coordinator_event =
    std::variant<log_opened, log_written, received, timer_fired, begin_requested, enlist_requested, commit_requested,
                 rollback_requested, resolve_requested, forget_requested, stop_requested, sweep_due, in_doubt_listed>;

// ---- events for a participant

enum class hook_result : std::uint8_t {
  yes,       ///< of prepare
  no,        ///< of prepare; of commit_one_phase: it rolled back
  read_only, ///< of prepare
  done,      ///< of the others
  failed,    ///< of the others: it threw or returned false, and runs again later
};

/// A hook ended. `token` is what the resource wants to see again after a restart; `reason` explains a no.
class RONDO_EXPORT hook_finished {
public:
  hook_finished(hook_kind the_hook, const branch_id& the_branch, hook_result the_result,
                std::vector<std::byte> the_token = {}, std::string the_reason = {})
      : hook(the_hook), branch(the_branch), result(the_result), token(std::move(the_token)),
        reason(std::move(the_reason)) {}

  hook_kind hook;
  branch_id branch;
  hook_result result;
  std::vector<std::byte> token;
  std::string reason;
};

using participant_event = std::variant<log_opened, log_written, received, timer_fired, hook_finished, resolve_requested,
                                       forget_requested, sweep_due, in_doubt_listed>;

// ---- actions, to be carried out in their order

class RONDO_EXPORT send {
public:
  send(participant_name the_to, two_phase::message the_message)
      : to(std::move(the_to)), message(std::move(the_message)) {}

  participant_name to;
  two_phase::message message;
};

/// Write a record, make it and all before it durable, and answer with `log_written`. It cannot be cancelled.
class RONDO_EXPORT force {
public:
  force(const write_id& the_write, log_record the_record) : write(the_write), record(std::move(the_record)) {}

  write_id write;
  log_record record;
};

/// Write a record with the next batch.
class RONDO_EXPORT append {
public:
  explicit append(log_record the_record) : record(std::move(the_record)) {}

  log_record record;
};

/// Start a timer, in place of one with the same name. `attempt` counts from 0 for those that grow.
class RONDO_EXPORT arm {
public:
  arm(const timer_id& the_timer, std::uint32_t the_attempt) noexcept : timer(the_timer), attempt(the_attempt) {}

  timer_id timer;
  std::uint32_t attempt;
};

/// The effect of a message is durable, or it has none: the broker may drop it.
class RONDO_EXPORT acknowledge {
public:
  explicit acknowledge(std::uint64_t the_delivery) noexcept : delivery(the_delivery) {}

  std::uint64_t delivery;
};

enum class alarm_kind : std::uint8_t {
  log_poisoned,     ///< an ambiguous write: only a restart helps
  log_unreadable,   ///< a record that this version cannot read, or another's: it does not start
  not_mine,         ///< the coordinator does not know the branch's log: it may have lost its own
  heuristic_damage, ///< an administrator decided otherwise than the coordinator
  heuristic_hazard, ///< a participant lost its log and may have decided otherwise
  stuck,            ///< a participant does not acknowledge a commit
  contradiction,    ///< a decision that contradicts one that was carried out: a bug or a damaged log
};

/// Tell people.
class RONDO_EXPORT alarm {
public:
  explicit alarm(alarm_kind the_kind, const branch_id& the_branch = {}, std::string the_text = {})
      : kind(the_kind), branch(the_branch), text(std::move(the_text)) {}

  alarm_kind kind;
  branch_id branch;
  std::string text;
};

/// The log is read and the epoch is forced: it works.
class RONDO_EXPORT started {
public:
  explicit started(std::uint64_t the_epoch) noexcept : epoch(the_epoch) {}

  std::uint64_t epoch;
};

/// The transaction or branch that a request asked for.
class RONDO_EXPORT granted {
public:
  granted(std::uint64_t the_request, const branch_id& the_branch) noexcept : request(the_request), branch(the_branch) {}

  std::uint64_t request;
  branch_id branch;
};

class RONDO_EXPORT refused {
public:
  refused(std::uint64_t the_request, errc the_code) noexcept : request(the_request), code(the_code) {}

  std::uint64_t request;
  errc code;
};

/// The answer to a `resolve_requested` or a participant's `forget_requested`; no error: it is durable and carried out.
class RONDO_EXPORT resolved {
public:
  resolved(const branch_id& the_branch, std::error_code the_code) noexcept : branch(the_branch), code(the_code) {}

  branch_id branch;
  std::error_code code;
};

/// What the user is told: exactly one for each transaction that was begun.
class RONDO_EXPORT completed {
public:
  completed(const txid& the_transaction, commit_result the_result)
      : transaction(the_transaction), result(std::move(the_result)) {}

  txid transaction;
  commit_result result;
};

/// All participants have carried out the decision, or it is not worth waiting for them; its timers can go.
class RONDO_EXPORT closed {
public:
  closed(const txid& the_transaction, two_phase::decision the_decision) noexcept
      : transaction(the_transaction), decision(the_decision) {}

  txid transaction;
  two_phase::decision decision;
};

/// Run a hook and answer with `hook_finished`.
class RONDO_EXPORT run_hook {
public:
  run_hook(hook_kind the_hook, const branch_id& the_branch, std::vector<std::byte> the_payload = {})
      : hook(the_hook), branch(the_branch), payload(std::move(the_payload)) {}

  hook_kind hook;
  branch_id branch;
  std::vector<std::byte> payload;
};

/// After a restart: the resource holds this branch, prepared.
class RONDO_EXPORT reattach {
public:
  reattach(const branch_id& the_branch, std::vector<std::byte> the_token)
      : branch(the_branch), token(std::move(the_token)) {}

  branch_id branch;
  std::vector<std::byte> token;
};

/// Ask a resource what it holds, and answer with `in_doubt_listed`. For a participant the answer names only what this
/// participant prepared: what its table does not know is rolled back.
class RONDO_EXPORT list_in_doubt {
public:
  explicit list_in_doubt(std::string the_resource) : resource(std::move(the_resource)) {}

  std::string resource;
};

/// Let a resource roll back a branch that nobody will ever decide. It may fail: the next sweep finds it again. A
/// participant that orders it votes no if it is asked once more to prepare the branch.
class RONDO_EXPORT roll_back_orphan {
public:
  roll_back_orphan(std::string the_resource, const branch_id& the_branch)
      : resource(std::move(the_resource)), branch(the_branch) {}

  std::string resource;
  branch_id branch;
};

using action = std::variant<send, force, append, arm, acknowledge, alarm, started, granted, refused, resolved,
                            completed, closed, run_hook, reattach, list_in_doubt, roll_back_orphan>;

} // namespace two_phase
RONDO_END_NAMESPACE
