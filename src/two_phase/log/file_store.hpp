// The segments of a log in a directory.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "reader.hpp"
#include "store.hpp"

#include <rondo/two_phase/file_log.hpp>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

// A segment is made under the name of the spare, filled with zeros and synced; it gets its header, is synced, gets its
// number as a name, and the directory is synced. Until that name it can be given up without harm. From the renaming on
// an error is ambiguous: going on in the old segment would lose records if the new one is there after a crash.

class file_store final : public log_store {
public:
  file_store(std::string directory, const file_log_options& options);
  ~file_store() override { close(); }

  log_contents open() override;
  log_result write(std::span<const log_record> records) override;
  log_result compact(std::span<const log_record> live) override;
  bool prepare_growth() override;
  void close() noexcept override;

  std::size_t size_of(std::span<const log_record> records) const noexcept override { return batch_size(records); }
  std::size_t largest_batch() const noexcept override { return options_.segment_size() - records_begin; }
  log_statistics statistics() const noexcept override;
  std::string description() const override;

  /// Makes a log of these records under an identity, where there is none.
  void create(const log_uuid& id, std::span<const log_record> records);

private:
  struct open_segment {
    segment_file file;
    int descriptor = -1;
  };

  std::string path_of(std::string_view name) const;
  void take_directory(std::vector<std::string>& names);
  void refuse_foreign(std::span<const std::string> names) const;
  void lock();
  void continue_log(const log_image& image);
  log_contents read_or_create(std::span<const std::string> names, std::optional<log_uuid> id,
                              std::span<const log_record> records);

  log_result make_spare(std::uint64_t size);
  void drop_spare() noexcept;
  log_result start_segment(bool base, std::span<const log_record> records);
  log_result write_batch(std::span<const log_record> records);
  void remove_leftovers() noexcept;

  /// Writes all bytes. 0, or `-errno` with `begun` telling whether some were written.
  int write_all(int descriptor, std::span<const std::byte> bytes, std::uint64_t offset, bool& begun);
  int write_zeros(int descriptor, std::uint64_t begin, std::uint64_t end);
  log_result failed(log_failure failure, int error, std::string_view what, const std::string& path) const;

  std::string directory_;
  file_log_options options_;
  log_files& files_;
  int lock_ = -1;
  int spare_ = -1;
  std::uint64_t spare_size_ = 0;

  log_uuid id_;
  open_segment last_;                 // the one that is written
  std::uint64_t end_ = records_begin; // behind its last batch
  std::uint64_t next_lsn_ = 1;
  std::vector<std::string> segments_;  // the paths of all that are read at the next start
  std::vector<std::string> leftovers_; // replaced, and not yet removed
  std::uint64_t bytes_ = 0;
  std::vector<std::byte> buffer_;
};

} // namespace two_phase::detail
RONDO_END_NAMESPACE
