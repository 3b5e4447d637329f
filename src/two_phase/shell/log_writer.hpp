// log_writer: a decision log as a shell uses it on its loop.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/concurrent_future.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/two_phase/decision_log.hpp>
#include <rondo/two_phase/steps.hpp>

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

/// Who writes to a log, and hears on its loop how that ended.
class log_owner {
public:
  /// What poisons the log without being such a write, as a compaction may, is an ambiguous write of no branch.
  virtual void on_written(const write_id& write, log_outcome outcome) = 0;
  /// The records that a compacted log needs now.
  virtual std::vector<log_record> live_records() const = 0;
  /// A write or a compaction failed; for people.
  virtual void on_log_failure(const log_result& result) = 0;

protected:
  ~log_owner() = default;
};

/// Brings the results of a log's thread to the loop, all that came together in one go, and compacts the log when it is
/// mostly history.
///
/// A compaction needs a moment in which every `force` has been answered and the owner knows the answers. So that it comes
/// under load too, what is to be written is held back once a compaction is wanted, and written behind it.
class log_writer {
public:
  log_writer(decision_log& log, std::uint64_t compact_above) : log_(log), compact_above_(compact_above) {}
  log_writer(const log_writer&) = delete;
  log_writer& operator=(const log_writer&) = delete;
  ~log_writer() { abandon(); }

  /// Opens the log. On the loop that it will be used on.
  awaitable<log_contents> open(log_owner& owner);

  void force(const write_id& write, log_record record);
  void append(log_record record);

  decision_log& log() const noexcept { return log_; }
  /// Whether an answer is missing.
  bool busy() const noexcept { return under_way_ > 0 || !held_.empty(); }

  /// Writes what was given to it, tells the owner, and closes the log.
  awaitable<void> close();
  /// Nothing reaches the owner any more.
  void abandon() noexcept;

private:
  struct held_write {
    std::optional<write_id> write; // nothing: an append
    log_record record;
  };
  class mailbox;

  void write_now(const write_id& write, const log_record& record);
  void append_now(const log_record& record);
  void refuse(const write_id& write, const std::string& why);
  void take_answers();
  void after_answer(bool was_write, const log_result& result);
  void compact_if_due();
  void compact();
  void release_held();
  void count(int change);

  decision_log& log_;
  const std::uint64_t compact_above_;
  std::uint64_t next_compaction_ = 0; // bytes in the log
  std::optional<event_loop> loop_;
  log_owner* owner_ = nullptr;
  std::shared_ptr<mailbox> mailbox_;
  int under_way_ = 0;
  bool compaction_wanted_ = false;
  std::optional<int> refusals_left_; // answers of a poisoned log that come before the owner is told
  std::deque<held_write> held_;      // in the order of the calls; empty unless a compaction is wanted
  // While the log's thread works, a virtual clock must stand still.
  std::optional<rondo::detail::external_job> waiting_for_thread_;
};

} // namespace two_phase::detail
RONDO_END_NAMESPACE
