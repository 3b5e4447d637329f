// observer: what coordinators and participants tell the program that they run in.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/time.hpp>
#include <rondo/two_phase/steps.hpp>

#include <exception>
#include <optional>
#include <string>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

enum class notice_kind : std::uint8_t {
  started,          ///< it has read its log and works
  log_cut,          ///< what a crash left half written was cut off the log
  log_not_durable,  ///< its decisions do not survive the process
  hook_failed,      ///< a hook threw or returned false; it runs again
  message_rejected, ///< something arrived that is no message for it
  log_refused,      ///< the log could not take a record, or could not be compacted
  unknown_resource, ///< a commit waits for a name that is no resource here, and there is no transport
  alarm,            ///< see `notice::alarm`
};

RONDO_EXPORT std::string_view to_string(notice_kind kind) noexcept;
RONDO_EXPORT std::string_view to_string(alarm_kind kind) noexcept;

/// Something that people may want to know.
class RONDO_EXPORT notice {
public:
  notice(notice_kind kind, participant_name source, std::string text)
      : kind_(kind), source_(std::move(source)), text_(std::move(text)) {}

  notice& branch(const branch_id& value) { return branch_ = value, *this; }
  notice& alarm(alarm_kind value) { return alarm_ = value, *this; }
  notice& exception(std::exception_ptr value) { return exception_ = std::move(value), *this; }

  notice_kind kind() const noexcept { return kind_; }
  /// The coordinator or participant that says it.
  const participant_name& source() const noexcept { return source_; }
  /// One sentence, complete without the other members.
  const std::string& text() const noexcept { return text_; }
  /// That it is about; all zero if it is about none.
  const branch_id& branch() const noexcept { return branch_; }
  /// If the kind is `alarm`: something needs an administrator.
  const std::optional<alarm_kind>& alarm() const noexcept { return alarm_; }
  const std::exception_ptr& exception() const noexcept { return exception_; }

private:
  notice_kind kind_;
  participant_name source_;
  std::string text_;
  branch_id branch_;
  std::optional<alarm_kind> alarm_;
  std::exception_ptr exception_;
};

/// Watches coordinators and participants. Override what you want to know.
///
/// Called on the loop of the one that it watches; it must not block. What it throws is reported to the loop's exception
/// handler. It must outlive whom it watches.
class RONDO_EXPORT observer {
public:
  observer() = default;
  observer(const observer&) = delete;
  observer& operator=(const observer&) = delete;
  virtual ~observer();

  /// By default alarms, and everything that is a fault, go to the log sink; see `set_log_sink`.
  virtual void on_notice(const notice& what);

  /// A coordinator has told the user; `age` since `begin`.
  virtual void on_completed(const txid& transaction, const commit_result& result, clock::duration age);

  /// All participants of a transaction have carried out the decision, or it is not worth waiting for them.
  virtual void on_closed(const txid& transaction, decision how, clock::duration age);

  /// The hook of a participant has carried out a decision for a branch; after a crash it may do so again.
  virtual void on_branch_ended(const branch_id& branch, decision how);
};

/// The observer of those who name none: what `observer::on_notice` does.
RONDO_EXPORT observer& default_observer();

} // namespace two_phase
RONDO_END_NAMESPACE
