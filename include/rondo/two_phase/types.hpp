// The identifiers, votes and results of two-phase commit.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/config.hpp>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

/// The identity of one log: 16 random bytes, made when the log is made and never changed.
///
/// Who loses the log gets a new identity, so that nobody takes an empty log for an old one.
class RONDO_EXPORT log_uuid {
public:
  using bytes_type = std::array<std::byte, 16>;

  /// No log: all bytes are zero.
  constexpr log_uuid() noexcept : bytes_{} {}
  constexpr explicit log_uuid(const bytes_type& bytes) noexcept : bytes_(bytes) {}

  /// A new identity. Throws: what `std::random_device` throws if the system has no random numbers.
  static log_uuid random();

  constexpr const bytes_type& bytes() const noexcept { return bytes_; }
  bool is_nil() const noexcept { return *this == log_uuid(); }

  /// 22 characters of A-Z, a-z, 0-9, '-' and '_' (base64 for URLs, without padding).
  std::string to_string() const;
  /// The inverse of `to_string`, or nothing if the text is not one of its results.
  static std::optional<log_uuid> parse(std::string_view text) noexcept;

  friend auto operator<=>(const log_uuid&, const log_uuid&) = default;

private:
  bytes_type bytes_;
};

/// The place of a transaction in the order of its coordinator: the number of the start, then the number within it.
///
/// As a watermark it says that every transaction below it is over for the participant that it was sent to.
class RONDO_EXPORT position {
public:
  constexpr position() noexcept = default;
  constexpr position(std::uint64_t epoch, std::uint64_t seq) noexcept : epoch_(epoch), seq_(seq) {}

  constexpr std::uint64_t epoch() const noexcept { return epoch_; }
  constexpr std::uint64_t seq() const noexcept { return seq_; }

  friend auto operator<=>(const position&, const position&) = default;

private:
  std::uint64_t epoch_ = 0;
  std::uint64_t seq_ = 0;
};

/// The identity of a transaction: the log of its coordinator, the number of that coordinator's start, a number within
/// it. It is never used twice, since the epoch is forced to the log before the first transaction of a start.
class RONDO_EXPORT txid {
public:
  constexpr txid() noexcept = default;
  constexpr txid(const log_uuid& coordinator, std::uint64_t epoch, std::uint64_t seq) noexcept
      : coordinator_(coordinator), place_(epoch, seq) {}

  constexpr const log_uuid& coordinator() const noexcept { return coordinator_; }
  constexpr std::uint64_t epoch() const noexcept { return place_.epoch(); }
  constexpr std::uint64_t seq() const noexcept { return place_.seq(); }
  constexpr const position& place() const noexcept { return place_; }

  /// "<log>_<epoch>_<seq>", the numbers in hexadecimal digits.
  std::string to_string() const;

  friend auto operator<=>(const txid&, const txid&) = default;

private:
  log_uuid coordinator_;
  position place_;
};

/// One participant's part of a transaction.
class RONDO_EXPORT branch_id {
public:
  /// The longest result of `to_gid`. PostgreSQL takes less than 200 bytes, X/Open XA 64 + 64.
  static constexpr std::size_t max_gid_size = 71;

  constexpr branch_id() noexcept = default;
  constexpr branch_id(const txid& transaction, std::uint32_t branch) noexcept
      : transaction_(transaction), branch_(branch) {}

  constexpr const txid& transaction() const noexcept { return transaction_; }
  constexpr std::uint32_t branch() const noexcept { return branch_; }

  /// The global identifier for resources: "rondo_<log>_<epoch>_<seq>_<branch>", the numbers in hexadecimal digits.
  /// Those of one coordinator start with `gid_prefix()`. '_' is a wildcard of SQL's LIKE: escape it there.
  std::string to_gid() const;
  /// The inverse of `to_gid`, or nothing if the text is not one of its results.
  static std::optional<branch_id> from_gid(std::string_view text) noexcept;
  /// What the identifiers of all branches of a coordinator start with: "rondo_<log>_".
  static std::string gid_prefix(const log_uuid& coordinator);

  friend auto operator<=>(const branch_id&, const branch_id&) = default;

private:
  txid transaction_;
  std::uint32_t branch_ = 0;
};

/// What a participant answers when it is asked to prepare.
enum class vote : std::uint8_t {
  yes,       ///< it can commit and roll back, whatever happens to it
  no,        ///< it has rolled back
  read_only, ///< it has nothing to commit and needs no decision
};

/// How a transaction, or one branch of it, ended.
enum class decision : std::uint8_t {
  committed,
  aborted,
  unknown,          ///< it is committed or aborted, and cannot be told at present: ask again with `query`
  heuristic_mixed,  ///< an administrator decided for a branch, and not as the coordinator did
  heuristic_hazard, ///< a branch may have ended otherwise: its participant lost its log
};

RONDO_EXPORT std::string_view to_string(vote value) noexcept;
RONDO_EXPORT std::string_view to_string(decision value) noexcept;

/// Why a transaction did not commit, or why a request was refused.
enum class errc {
  voted_no = 1,         ///< a participant refused to prepare
  prepare_timeout,      ///< not all participants answered in time
  cancelled,            ///< the commit was cancelled before the decision
  rolled_back,          ///< the user rolled back, or dropped the transaction without committing
  lifetime_exceeded,    ///< it was not committed within its lifetime
  log_refused,          ///< the log could not take the record, and it is certain that it did not
  log_poisoned,         ///< a write to the log failed and may have happened: only a restart tells
  log_unavailable,      ///< the log cannot be read, or takes no records
  one_phase_reply_lost, ///< the only branch was told to commit and did not answer: its resource knows
  recovering,           ///< the coordinator has not yet read its log
  stopping,             ///< the coordinator takes no new transactions
  overloaded,           ///< too many transactions are in flight
  unknown_transaction,  ///< there is no such transaction or branch
  wrong_state,          ///< the transaction is not in a state that permits the request
};

RONDO_EXPORT const std::error_category& two_phase_category() noexcept;
RONDO_EXPORT std::error_code make_error_code(errc code) noexcept;

/// The name under which a transport finds a participant or a coordinator, such as the name of a queue.
class RONDO_EXPORT participant_name {
public:
  participant_name() = default;
  explicit participant_name(std::string text) : text_(std::move(text)) {}

  const std::string& text() const noexcept { return text_; }
  bool empty() const noexcept { return text_.empty(); }

  friend auto operator<=>(const participant_name&, const participant_name&) = default;

private:
  std::string text_;
};

/// What the user of a transaction is told.
///
/// There is no conversion to bool: "not committed" would take `unknown` for `aborted`.
class RONDO_EXPORT commit_result {
public:
  /// Nothing is known.
  commit_result() : commit_result(two_phase::decision::unknown) {}
  explicit commit_result(two_phase::decision decision, std::error_code code = {}, std::string reason = {})
      : decision_(decision), code_(code), reason_(std::move(reason)) {}

  two_phase::decision decision() const noexcept { return decision_; }
  bool committed() const noexcept { return decision_ == two_phase::decision::committed; }
  bool aborted() const noexcept { return decision_ == two_phase::decision::aborted; }
  bool unknown() const noexcept { return decision_ == two_phase::decision::unknown; }

  /// Why it did not commit; no error if it did.
  const std::error_code& code() const noexcept { return code_; }
  /// The words of the participant that refused, or of who cancelled; may be empty.
  const std::string& reason() const noexcept { return reason_; }

private:
  two_phase::decision decision_;
  std::error_code code_;
  std::string reason_;
};

} // namespace two_phase
RONDO_END_NAMESPACE

template <>
struct std::is_error_code_enum<rondo::two_phase::errc> : std::true_type {};
