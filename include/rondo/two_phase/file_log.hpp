// file_log: a decision log in the files of a directory.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/decision_log.hpp>
#include <rondo/two_phase/log_files.hpp>

#include <cstddef>
#include <memory>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

class RONDO_EXPORT file_log_options {
public:
  /// The size of a segment in bytes: 16 MiB unless told, at least 64 KiB. A log made with another size keeps its
  /// segments and makes new ones of this size. Two of them are on the disk while nothing is to be compacted.
  file_log_options& segment_size(std::size_t bytes) { return segment_size_ = bytes, *this; }
  /// How many requests are written and synced at once: 1024 unless told.
  file_log_options& max_batch(std::size_t requests) { return max_batch_ = requests, *this; }
  /// Whether a directory without a log is refused: false unless told. Say true once the log exists, so that a file
  /// system that was not mounted is not taken for a new log.
  file_log_options& must_exist(bool value) { return must_exist_ = value, *this; }
  /// Where the files are: in the file system unless told. It must outlive the log.
  file_log_options& files(log_files& value) { return files_ = &value, *this; }

  std::size_t segment_size() const noexcept { return segment_size_; }
  std::size_t max_batch() const noexcept { return max_batch_; }
  bool must_exist() const noexcept { return must_exist_; }
  log_files& files() const noexcept { return *files_; }

private:
  std::size_t segment_size_ = std::size_t{16} << 20;
  std::size_t max_batch_ = 1024;
  bool must_exist_ = false;
  log_files* files_ = &log_files::system();
};

/// A durable log: files of preallocated bytes in a directory of its own, which must exist.
///
/// All requests that wait are written by one write and one `fdatasync`, then the next. A write that a crash left half
/// done is cut off by `open`, and reported; damage anywhere before it makes `open` throw `log_corrupt`. Only `compact`
/// removes records. A lock keeps other processes out. A second segment is always kept ready, so that a full disk shows
/// in `health()` while records can still be written.
class RONDO_EXPORT file_log final : public decision_log {
public:
  /// Throws: `std::invalid_argument` for an empty path, a segment below 64 KiB or above 1 GiB, or batches of none.
  explicit file_log(std::string directory, const file_log_options& options = {});
  ~file_log() override;

  using decision_log::force;

  log_contents open() override;
  void force(std::span<const log_record> records, done_callback done) override;
  void append(const log_record& record) override;
  void compact(std::span<const log_record> live, done_callback done) override;
  void close() override;
  bool durable() const noexcept override { return true; }
  log_health health() const noexcept override;
  log_statistics statistics() const override;
  std::string description() const override;

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace two_phase
RONDO_END_NAMESPACE
