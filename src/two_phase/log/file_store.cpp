// SPDX-License-Identifier: BSL-1.0
#include "file_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {
namespace {

constexpr std::size_t block = 4096;

/// The errors of a write that tell that the disk, the user's share or the file has no room.
bool no_room(int error) noexcept { return error == -ENOSPC || error == -EDQUOT || error == -EFBIG; }

std::uint64_t rounded_up(std::uint64_t size) noexcept { return (size + block - 1) / block * block; }

} // namespace

file_store::file_store(std::string directory, const file_log_options& options)
    : directory_(std::move(directory)), options_(options), files_(options.files()) {}

std::string file_store::path_of(std::string_view name) const { return fmt::format("{}/{}", directory_, name); }

log_result file_store::failed(log_failure failure, int error, std::string_view what, const std::string& path) const {
  const std::error_code code(-error, std::system_category());
  const std::string_view advice = failure == log_failure::ambiguous
                                      ? "; it may have happened: open the log again to see"
                                      : "; the log is as it was";
  return {failure, code, fmt::format("cannot {} {}: {}{}", what, path, code.message(), advice)};
}

int file_store::write_all(int descriptor, std::span<const std::byte> bytes, std::uint64_t offset, bool& begun) {
  begun = false;
  while (!bytes.empty()) {
    const std::int64_t count = files_.pwrite(descriptor, bytes, offset);
    if (count == -EINTR) continue;
    if (count < 0) return static_cast<int>(count);
    if (count == 0) return -EIO;
    begun = true;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return 0;
}

int file_store::write_zeros(int descriptor, std::uint64_t begin, std::uint64_t end) {
  static constexpr std::array<std::byte, 256 * 1024> zeros{};
  while (begin < end) {
    bool begun = false;
    const auto chunk =
        std::span(zeros).first(static_cast<std::size_t>(std::min<std::uint64_t>(end - begin, zeros.size())));
    if (const int error = write_all(descriptor, chunk, begin, begun); error < 0) return error;
    begin += chunk.size();
  }
  return 0;
}

log_result file_store::make_spare(std::uint64_t size) {
  drop_spare();
  const std::string path = path_of(spare_name);
  spare_ = files_.open(path, log_files::access::create);
  int error = std::min(spare_, 0);
  if (error == 0) error = write_zeros(spare_, 0, size);
  if (error == 0) error = files_.fsync(spare_);
  if (error < 0) {
    drop_spare();
    return failed(log_failure::definite, error, fmt::format("make a segment of {} bytes as", size), path);
  }
  spare_size_ = size;
  return {};
}

void file_store::drop_spare() noexcept {
  if (spare_ >= 0) files_.close(spare_);
  spare_ = -1;
  files_.unlink(path_of(spare_name));
}

bool file_store::prepare_growth() {
  remove_leftovers();
  return spare_ >= 0 || make_spare(options_.segment_size()).succeeded();
}

log_result file_store::start_segment(bool base, std::span<const log_record> records) {
  const std::uint64_t needed = rounded_up(records_begin + batch_size(records));
  const std::uint64_t size = std::max<std::uint64_t>(needed, options_.segment_size());
  if (size > largest_segment)
    return failed(log_failure::definite, -EFBIG, fmt::format("write a segment of {} bytes in", size), directory_);
  if (spare_ < 0 || spare_size_ != size)
    if (log_result made = make_spare(size); !made.succeeded()) return made;

  segment_header header;
  header.base = base;
  header.id = id_;
  header.number = last_.file.header.number + 1;
  header.first_lsn = next_lsn_;
  header.synced_lsn = next_lsn_ + records.size();
  header.size = size;
  buffer_.clear();
  std::ranges::copy(encode_header(header), std::back_inserter(buffer_));
  buffer_.resize(records_begin);
  encode_batch(buffer_, records, header.number, next_lsn_);

  const std::string path = path_of(segment_name(header.number));
  bool begun = false;
  int error = write_all(spare_, buffer_, 0, begun);
  if (error == 0) error = files_.fsync(spare_);
  if (error < 0) {
    drop_spare();
    return failed(log_failure::definite, error, "write", path);
  }
  error = files_.rename(path_of(spare_name), path);
  if (error == 0) error = files_.sync_directory(directory_);
  if (error < 0) return failed(log_failure::ambiguous, error, "make", path);

  if (last_.descriptor >= 0) files_.close(last_.descriptor);
  last_ = {{path, header}, spare_};
  spare_ = -1;
  end_ = buffer_.size();
  next_lsn_ = header.synced_lsn;
  if (base) {
    leftovers_.insert(leftovers_.end(), segments_.begin(), segments_.end());
    segments_.clear();
    bytes_ = 0;
  }
  segments_.push_back(path);
  bytes_ += end_ - records_begin;
  return {};
}

log_result file_store::write(std::span<const log_record> records) {
  if (end_ + batch_size(records) > last_.file.header.size)
    if (log_result started = start_segment(false, {}); !started.succeeded()) return started;
  return write_batch(records);
}

log_result file_store::write_batch(std::span<const log_record> records) {
  buffer_.clear();
  encode_batch(buffer_, records, last_.file.header.number, next_lsn_);
  bool begun = false;
  if (const int error = write_all(last_.descriptor, buffer_, end_, begun); error < 0)
    return failed(no_room(error) && !begun ? log_failure::definite : log_failure::ambiguous, error, "write to",
                  last_.file.path);
  // After a failed sync the kernel takes the pages for clean: a second one would succeed without having written them.
  if (const int error = files_.fdatasync(last_.descriptor); error < 0)
    return failed(log_failure::ambiguous, error, "sync", last_.file.path);
  end_ += buffer_.size();
  next_lsn_ += records.size();
  bytes_ += buffer_.size();
  return {};
}

log_result file_store::compact(std::span<const log_record> live) {
  log_result result = start_segment(true, live);
  if (result.succeeded()) remove_leftovers();
  return result;
}

void file_store::remove_leftovers() noexcept {
  std::erase_if(leftovers_, [this](const std::string& path) {
    const int result = files_.unlink(path);
    return result == 0 || result == -ENOENT;
  });
}

void file_store::close() noexcept {
  if (last_.descriptor >= 0) files_.close(last_.descriptor);
  last_.descriptor = -1;
  if (lock_ < 0) return;
  drop_spare();
  files_.close(lock_);
  lock_ = -1;
}

log_statistics file_store::statistics() const noexcept {
  return log_statistics().segments(segments_.size()).bytes(bytes_);
}

std::string file_store::description() const { return fmt::format("decision log in {} (durable)", directory_); }

} // namespace two_phase::detail
RONDO_END_NAMESPACE
