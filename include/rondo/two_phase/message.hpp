// What coordinators and participants say to each other.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/types.hpp>

#include <vector>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

enum class message_kind : std::uint8_t {
  prepare,          ///< coordinator: do the work and vote
  vote,             ///< participant: the answer
  commit,           ///< coordinator: the decision for those that voted yes
  rollback,         ///< coordinator: the other decision
  ack,              ///< participant: the decision is carried out
  inquire,          ///< participant: what was decided?
  outcome,          ///< coordinator: the answer
  commit_one_phase, ///< coordinator: do the work and commit it at once; there is no other branch
  done,             ///< participant: the answer
  forget,           ///< coordinator: a heuristic decision was noted
};

/// What a participant did when it got the decision.
enum class ack_kind : std::uint8_t {
  committed,
  rolled_back,
  heuristic_damage, ///< an administrator had decided the opposite
  heuristic_hazard, ///< it lost its log since it voted and does not know
};

/// What a coordinator says to a participant in doubt.
enum class outcome_kind : std::uint8_t {
  commit,
  abort,
  pending,  ///< not decided yet, or not known yet: ask again
  not_mine, ///< this coordinator never had such a transaction: stay in doubt and call for help
};

/// The name of a kind, such as "prepare".
RONDO_EXPORT std::string_view to_string(message_kind kind) noexcept;

/// One message. Transports may lose, repeat, delay and reorder messages.
///
/// Which members a kind has besides branch, from, sender and low_water:
///
///     prepare, commit_one_phase   payload
///     vote                        vote, reason
///     commit                      prepared_under
///     ack                         ack
///     outcome                     outcome, prepared_under if it is commit
///     done                        decision (committed or aborted), reason
class RONDO_EXPORT message {
public:
  message(message_kind kind, const branch_id& branch) : kind_(kind), branch_(branch) {}

  message& from(const log_uuid& value) { return from_ = value, *this; }
  message& sender(participant_name value) { return sender_ = std::move(value), *this; }
  message& low_water(const position& value) { return low_water_ = value, *this; }
  message& payload(std::vector<std::byte> value) { return payload_ = std::move(value), *this; }
  message& vote(two_phase::vote value) { return vote_ = value, *this; }
  message& ack(ack_kind value) { return ack_ = value, *this; }
  message& outcome(outcome_kind value) { return outcome_ = value, *this; }
  message& decision(two_phase::decision value) { return decision_ = value, *this; }
  message& prepared_under(const log_uuid& value) { return prepared_under_ = value, *this; }
  message& reason(std::string value) { return reason_ = std::move(value), *this; }

  message_kind kind() const noexcept { return kind_; }
  const branch_id& branch() const noexcept { return branch_; }
  const txid& transaction() const noexcept { return branch_.transaction(); }
  /// The log of the sender.
  const log_uuid& from() const noexcept { return from_; }
  /// Where an answer goes.
  const participant_name& sender() const noexcept { return sender_; }
  /// From a coordinator: for this participant, every transaction of the coordinator below it is over.
  const position& low_water() const noexcept { return low_water_; }
  const std::vector<std::byte>& payload() const noexcept { return payload_; }
  two_phase::vote vote() const noexcept { return vote_; }
  ack_kind ack() const noexcept { return ack_; }
  outcome_kind outcome() const noexcept { return outcome_; }
  two_phase::decision decision() const noexcept { return decision_; }
  /// The log that the participant had when it voted yes.
  const log_uuid& prepared_under() const noexcept { return prepared_under_; }
  const std::string& reason() const noexcept { return reason_; }

  friend auto operator<=>(const message&, const message&) = default;

private:
  message_kind kind_;
  branch_id branch_;
  log_uuid from_;
  participant_name sender_;
  position low_water_;
  std::vector<std::byte> payload_;
  two_phase::vote vote_ = two_phase::vote::no;
  ack_kind ack_ = ack_kind::rolled_back;
  outcome_kind outcome_ = outcome_kind::pending;
  two_phase::decision decision_ = two_phase::decision::unknown;
  log_uuid prepared_under_;
  std::string reason_;
};

} // namespace two_phase
RONDO_END_NAMESPACE
