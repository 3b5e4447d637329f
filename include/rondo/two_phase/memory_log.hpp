// memory_log: a log that is not durable, for tests and for transactions that need not survive the process.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/decision_log.hpp>

#include <memory>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

namespace detail {
class memory_records;
}

/// What outlives a `memory_log`, as files outlive a `file_log`: make another log on it to see what a restart would
/// read.
class RONDO_EXPORT memory_log_storage {
public:
  memory_log_storage();
  ~memory_log_storage();

private:
  friend class memory_log;
  std::shared_ptr<detail::memory_records> records_;
};

/// A log in memory: NOT durable. When the process ends, every decision is lost, and with it what branches in doubt wait
/// for.
///
/// It calls back on a thread of its own, as a durable log does. `durable()` is false and `description()` says it.
class RONDO_EXPORT memory_log final : public decision_log {
public:
  memory_log();
  /// Throws, in `open`: `log_error` with `log_errc::locked` while another log is open on the storage.
  explicit memory_log(memory_log_storage& storage);
  ~memory_log() override;

  using decision_log::force;

  log_contents open() override;
  void force(std::span<const log_record> records, done_callback done) override;
  void append(const log_record& record) override;
  void compact(std::span<const log_record> live, done_callback done) override;
  void close() override;
  bool durable() const noexcept override { return false; }
  log_health health() const noexcept override;
  log_statistics statistics() const override;
  std::string description() const override;

private:
  class impl;
  explicit memory_log(std::shared_ptr<detail::memory_records> records);

  std::unique_ptr<impl> impl_;
};

} // namespace two_phase
RONDO_END_NAMESPACE
