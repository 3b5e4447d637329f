// A file_log as a loop uses it: records that are durable when the wait for them ends, and a compaction now and then.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/event.hpp>
#include <rondo/future.hpp>
#include <rondo/lock.hpp>
#include <rondo/task.hpp>
#include <rondo/two_phase/file_log.hpp>

#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <vector>

namespace bank {

/// The journal of a store. After a failed write nobody knows what is on the disk: the store must end, and read its
/// journal again.
class journal {
public:
  using records = std::vector<rondo::two_phase::log_record>;
  /// Gives what a compacted journal needs. It may take its time: nothing is written meanwhile.
  using snapshot = std::function<rondo::awaitable<records>()>;

  /// `compact_above`: how many bytes may gather, besides what the last compaction has left.
  journal(std::string directory, std::uint64_t compact_above, snapshot take);

  /// Reads the journal, or makes a new one. Throws: as `decision_log::open`.
  rondo::awaitable<rondo::two_phase::log_contents> open();

  /// Makes a record durable, in the order of the calls, and then calls `apply`. It does both even if nobody waits for the
  /// task. The task throws `std::runtime_error` after a failure.
  rondo::task<void> write(rondo::two_phase::log_record record, std::function<void()> apply = {});

  /// Has an exception when a write has failed; pending until then.
  const rondo::future<void>& failed() const noexcept { return failed_; }

  /// Waits until all that was written is durable.
  rondo::awaitable<void> close();

private:
  rondo::awaitable<void> write_now(rondo::two_phase::log_record record, std::function<void()> apply);
  rondo::awaitable<rondo::two_phase::log_result> force(rondo::two_phase::log_record record);
  rondo::awaitable<void> compact();
  rondo::awaitable<void> replace_by_snapshot();
  void check(const rondo::two_phase::log_result& result);
  void fail(const std::exception_ptr& error);

  rondo::two_phase::file_log log_;
  std::uint64_t compact_above_;
  std::uint64_t compact_at_;
  snapshot snapshot_;
  rondo::future<void> failed_;
  std::size_t under_way_ = 0;
  rondo::lock turn_;       // keeps the order while writes wait for a compaction
  rondo::event may_write_; // cleared while a compaction is wanted
};

} // namespace bank
