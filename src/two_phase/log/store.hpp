// Where a log_thread writes: files or memory. It is called by one thread at a time.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/decision_log.hpp>

#include <span>
#include <string>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

class log_store {
public:
  log_store() = default;
  log_store(const log_store&) = delete;
  log_store& operator=(const log_store&) = delete;
  virtual ~log_store() = default;

  virtual log_contents open() = 0;
  /// Writes all records and makes them durable, or none of them, if the result is not ambiguous.
  virtual log_result write(std::span<const log_record> records) = 0;
  virtual log_result compact(std::span<const log_record> live) = 0;
  /// Gets ready for the next segment, if it is not; whether it is now. Called when nobody waits for a result.
  virtual bool prepare_growth() = 0;
  virtual void close() noexcept = 0;

  /// The sizes that `write` takes: what a batch needs, and how much there may be at once.
  virtual std::size_t size_of(std::span<const log_record> records) const noexcept = 0;
  virtual std::size_t largest_batch() const noexcept = 0;
  /// With the numbers of segments and bytes.
  virtual log_statistics statistics() const noexcept = 0;
  virtual std::string description() const = 0;
};

} // namespace two_phase::detail
RONDO_END_NAMESPACE
