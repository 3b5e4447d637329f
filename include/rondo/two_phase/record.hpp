// What coordinators and participants write to their logs.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/types.hpp>

#include <span>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

/// The numbers stand in log files: they are never changed or used again.
enum class record_type : std::uint8_t {
  epoch = 1,     ///< coordinator: a start
  commit = 2,    ///< coordinator: the decision, with the branches that voted yes
  end = 3,       ///< coordinator: all of them have committed
  abort = 4,     ///< coordinator: for people who read the log; nothing depends on it
  prepared = 5,  ///< participant: before it votes yes
  committed = 6, ///< participant: before it says so
  aborted = 7,   ///< participant: spares it an inquiry
  watermark = 8, ///< participant: transactions of a coordinator below this place are over and forgotten
  heuristic = 9, ///< both: an administrator decided for a branch
  forget = 10,   ///< participant: that decision was noted and may be forgotten
};

/// The name of a type, such as "commit", or an empty text if the number means nothing to this version.
RONDO_EXPORT std::string_view to_string(record_type type) noexcept;

/// One record as a log keeps it: a type, and bytes that mean nothing to the log.
class RONDO_EXPORT log_record {
public:
  log_record(record_type type, std::vector<std::byte> body) : type_(type), body_(std::move(body)) {}

  record_type type() const noexcept { return type_; }
  const std::vector<std::byte>& body() const noexcept { return body_; }

  friend auto operator<=>(const log_record&, const log_record&) = default;

private:
  record_type type_;
  std::vector<std::byte> body_;
};

/// A branch that voted yes, as the commit record names it.
class RONDO_EXPORT yes_branch {
public:
  yes_branch(std::uint32_t branch, participant_name participant, const log_uuid& prepared_under)
      : branch_(branch), participant_(std::move(participant)), prepared_under_(prepared_under) {}

  std::uint32_t branch() const noexcept { return branch_; }
  const participant_name& participant() const noexcept { return participant_; }
  /// The participant's log when it voted.
  const log_uuid& prepared_under() const noexcept { return prepared_under_; }

  friend auto operator<=>(const yes_branch&, const yes_branch&) = default;

private:
  std::uint32_t branch_;
  participant_name participant_;
  log_uuid prepared_under_;
};

/// The meaning of a record.
///
/// Which members a type has (the others are empty, and `encode` leaves them out):
///
///     epoch                  transaction: coordinator's log and epoch; seq 0, or in a compacted log the place below
///                            which the records of transactions that ended were dropped; one_phase
///     commit                 transaction, yes_branches
///     end, abort             transaction
///     prepared               branch, coordinator (where to inquire), token (the resource's own)
///     committed, aborted     branch
///     forget                 branch
///     watermark              transaction: everything of that coordinator below its place
///     heuristic              branch, resolved (committed or aborted), who, when (seconds since 1970)
class RONDO_EXPORT log_entry {
public:
  log_entry(record_type type, const txid& transaction) : type_(type), branch_(transaction, 0) {}
  log_entry(record_type type, const branch_id& branch) : type_(type), branch_(branch) {}

  log_entry& one_phase(bool value) { return one_phase_ = value, *this; }
  log_entry& yes_branches(std::vector<yes_branch> value) { return yes_ = std::move(value), *this; }
  log_entry& coordinator(participant_name value) { return coordinator_ = std::move(value), *this; }
  log_entry& token(std::vector<std::byte> value) { return token_ = std::move(value), *this; }
  log_entry& resolved(decision value) { return resolved_ = value, *this; }
  log_entry& who(std::string value) { return who_ = std::move(value), *this; }
  log_entry& when(std::uint64_t value) { return when_ = value, *this; }

  record_type type() const noexcept { return type_; }
  const txid& transaction() const noexcept { return branch_.transaction(); }
  const branch_id& branch() const noexcept { return branch_; }
  /// Whether transactions of this epoch were committed in one phase, which leaves no record of them here.
  bool one_phase() const noexcept { return one_phase_; }
  const std::vector<yes_branch>& yes_branches() const noexcept { return yes_; }
  const participant_name& coordinator() const noexcept { return coordinator_; }
  const std::vector<std::byte>& token() const noexcept { return token_; }
  decision resolved() const noexcept { return resolved_; }
  const std::string& who() const noexcept { return who_; }
  std::uint64_t when() const noexcept { return when_; }

  /// The record for the log. Its body starts with the version of the encoding; numbers are little-endian.
  /// Throws: `std::length_error` if a list, text or token has more than 2^32 - 1 elements.
  log_record encode() const;

  /// The inverse of `encode`; nothing for bytes that it cannot have made, whatever they are, and for newer versions.
  static std::optional<log_entry> decode(const log_record& record);

  friend bool operator==(const log_entry&, const log_entry&) = default;

private:
  record_type type_;
  branch_id branch_;
  bool one_phase_ = false;
  std::vector<yes_branch> yes_;
  participant_name coordinator_;
  std::vector<std::byte> token_;
  decision resolved_ = decision::unknown;
  std::string who_;
  std::uint64_t when_ = 0;
};

} // namespace two_phase
RONDO_END_NAMESPACE
