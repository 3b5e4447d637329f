// decision_log: what coordinators and participants write down before they act, and how it can fail.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/record.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

/// What a failure leaves in the log.
enum class log_failure : std::uint8_t {
  none,      ///< it did not fail
  definite,  ///< the records are not in the log and never will be
  ambiguous, ///< the records may be in the log: only a restart tells
};

/// Why a log refused something. An `errno` of the system stands in the same place if the system refused it.
enum class log_errc {
  poisoned = 1,  ///< an earlier write failed and may have happened: the log takes nothing until it is opened again
  corrupt,       ///< bytes that were once durable are damaged
  missing,       ///< there is no such directory, or no log in it although one was expected
  foreign,       ///< the directory holds something else, or parts of several logs
  newer_version, ///< a newer version of rondo wrote it
  locked,        ///< another process, or another object of this one, uses it
};

RONDO_EXPORT const std::error_category& log_category() noexcept;
RONDO_EXPORT std::error_code make_error_code(log_errc code) noexcept;

/// How a `force` or a `compact` ended.
class RONDO_EXPORT log_result {
public:
  /// It succeeded.
  log_result() noexcept = default;
  log_result(log_failure failure, std::error_code code, std::string reason)
      : failure_(failure), code_(code), reason_(std::move(reason)) {}

  bool succeeded() const noexcept { return failure_ == log_failure::none; }
  log_failure failure() const noexcept { return failure_; }
  const std::error_code& code() const noexcept { return code_; }
  /// What happened, to which file, and what to do; empty if it succeeded.
  const std::string& reason() const noexcept { return reason_; }

private:
  log_failure failure_ = log_failure::none;
  std::error_code code_;
  std::string reason_;
};

/// A log could not be opened, read or made.
class RONDO_EXPORT log_error : public std::system_error {
public:
  log_error(std::error_code code, std::string reason);
  ~log_error() override;

  const char* what() const noexcept override { return reason_.c_str(); }

private:
  std::string reason_;
};

/// Bytes of a log that were once durable are damaged, so that decisions may be missing. Nothing was changed.
///
/// Restore the file, or let an administrator use `rondo-txlog salvage`.
class RONDO_EXPORT log_corrupt : public log_error {
public:
  log_corrupt(std::string file, std::uint64_t offset, const std::string& reason);
  ~log_corrupt() override;

  const std::string& file() const noexcept { return file_; }
  /// Of the first damaged byte's record, in bytes from the beginning of the file.
  std::uint64_t offset() const noexcept { return offset_; }

private:
  std::string file_;
  std::uint64_t offset_;
};

/// What a crash left half written, and `open` has cut off. No `force` of it had succeeded.
class RONDO_EXPORT torn_tail {
public:
  torn_tail(std::string file, std::uint64_t offset, std::uint64_t size)
      : file_(std::move(file)), offset_(offset), size_(size) {}

  const std::string& file() const noexcept { return file_; }
  std::uint64_t offset() const noexcept { return offset_; }
  /// Bytes up to the last one that was not zero.
  std::uint64_t size() const noexcept { return size_; }

private:
  std::string file_;
  std::uint64_t offset_;
  std::uint64_t size_;
};

/// What `open` found.
class RONDO_EXPORT log_contents {
public:
  explicit log_contents(const log_uuid& id) : id_(id) {}

  log_contents& records(std::vector<log_record> value) { return records_ = std::move(value), *this; }
  log_contents& cut(std::optional<torn_tail> value) { return cut_ = std::move(value), *this; }
  log_contents& created(bool value) { return created_ = value, *this; }

  const log_uuid& id() const noexcept { return id_; }
  /// Everything since the last compaction, in the order written.
  const std::vector<log_record>& records() const noexcept { return records_; }
  const std::optional<torn_tail>& cut() const noexcept { return cut_; }
  /// Whether there was no log before: its identity is new.
  bool created() const noexcept { return created_; }

private:
  log_uuid id_;
  std::vector<log_record> records_;
  std::optional<torn_tail> cut_;
  bool created_ = false;
};

/// What can be expected of a log.
enum class log_health : std::uint8_t {
  closed,      ///< not opened yet, or closed
  ready,       ///< it takes records
  cannot_grow, ///< it takes records as long as its last segment has room: begin nothing new
  poisoned,    ///< it takes nothing until it is opened again by a new object
};

/// Numbers since `open`.
class RONDO_EXPORT log_statistics {
public:
  log_statistics& records(std::uint64_t value) { return records_ = value, *this; }
  log_statistics& batches(std::uint64_t value) { return batches_ = value, *this; }
  log_statistics& segments(std::uint64_t value) { return segments_ = value, *this; }
  log_statistics& bytes(std::uint64_t value) { return bytes_ = value, *this; }

  std::uint64_t records() const noexcept { return records_; }
  /// Each was one write and one sync, for all records that were waiting.
  std::uint64_t batches() const noexcept { return batches_; }
  /// At present.
  std::uint64_t segments() const noexcept { return segments_; }
  /// Of all records that `open` would read at present. Compact when it is many times what is still needed.
  std::uint64_t bytes() const noexcept { return bytes_; }

private:
  std::uint64_t records_ = 0;
  std::uint64_t batches_ = 0;
  std::uint64_t segments_ = 0;
  std::uint64_t bytes_ = 0;
};

/// A log of records that survive the process.
///
/// A log writes on a thread of its own, in the order of the calls, and calls back there: a callback must not throw, nor
/// block, nor close the log; it may call `force`, `append` and `compact`. Nothing cancels a write.
/// Thread safety: all functions from any thread, `open` and `close` from one at a time.
class RONDO_EXPORT decision_log {
public:
  using done_callback = std::function<void(const log_result&)>;

  decision_log() = default;
  decision_log(const decision_log&) = delete;
  decision_log& operator=(const decision_log&) = delete;
  virtual ~decision_log();

  /// Reads the log, or makes a new one, and starts the thread that writes. Blocks. Once for each object.
  ///
  /// Throws: `log_corrupt` or `log_error`; the log is then as it was, and closed.
  /// `std::logic_error` if it was called before.
  virtual log_contents open() = 0;

  /// Makes records durable, all or none of them, and then calls back. There must be at least one.
  ///
  /// After a definite failure the log takes more; after an ambiguous one it is poisoned, and never tries again.
  /// Throws: `std::invalid_argument` for no records, or more bytes than the log takes at once;
  /// `std::logic_error` if the log is not open. It does not call back then.
  virtual void force(std::span<const log_record> records, done_callback done) = 0;
  void force(const log_record& record, done_callback done) { force({&record, 1}, std::move(done)); }

  /// Writes a record along with the next `force`, or at `close`. Only for records whose loss does no harm: a crash, and
  /// every failure, loses them without a word.
  ///
  /// Throws: as `force`.
  virtual void append(const log_record& record) = 0;

  /// Replaces everything written by `live`, at once: after a crash the log has either the old records or the new ones.
  ///
  /// What is forced or appended after this call stands behind `live`. Before it, wait until every `force` has called
  /// back, and take the results into account in `live`: a decision that is missing there is lost.
  /// After a definite failure the log is as it was.
  /// Throws: `std::logic_error` if the log is not open, or a `force` has not called back yet.
  virtual void compact(std::span<const log_record> live, done_callback done) = 0;

  /// Writes what was given to it, calls back, and ends. Blocks. The destructors of logs do it too.
  /// Throws: `std::logic_error` in a callback of this log.
  virtual void close() = 0;

  /// Whether records survive the process.
  virtual bool durable() const noexcept = 0;

  /// Whether it works on a thread of its own, so that `open` and `close` block. Yes unless it is overridden: by a log for
  /// tests that does everything on the loop that uses it, and calls back there.
  virtual bool uses_thread() const noexcept;
  virtual log_health health() const noexcept = 0;
  virtual log_statistics statistics() const = 0;
  /// For people: what it is, where it is, and whether it is durable.
  virtual std::string description() const = 0;
};

} // namespace two_phase
RONDO_END_NAMESPACE

template <>
struct std::is_error_code_enum<rondo::two_phase::log_errc> : std::true_type {};
