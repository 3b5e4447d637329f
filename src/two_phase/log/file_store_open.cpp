// How a file_store takes its directory, reads what is there and repairs what a crash left.
// SPDX-License-Identifier: BSL-1.0
#include "file_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {
namespace {

bool has_segments(std::span<const std::string> names) {
  return std::ranges::any_of(names, [](const std::string& name) { return segment_number(name).has_value(); });
}

void check(int result, std::string_view what, const std::string& path) {
  if (result < 0) throw_system(result, what, path);
}

void check(const log_result& result) {
  if (!result.succeeded()) throw log_error(result.code(), result.reason());
}

} // namespace

log_contents file_store::open() {
  std::vector<std::string> names;
  try {
    take_directory(names);
    if (!has_segments(names) && options_.must_exist())
      throw log_error(log_errc::missing,
                      fmt::format("there is no decision log in {}: is the file system mounted?", directory_));
    return read_or_create(names, std::nullopt, {});
  } catch (...) {
    close();
    throw;
  }
}

void file_store::create(const log_uuid& id, std::span<const log_record> records) {
  std::vector<std::string> names;
  try {
    take_directory(names);
    if (has_segments(names))
      throw log_error(log_errc::foreign, fmt::format("there is a decision log in {} already", directory_));
    read_or_create(names, id, records);
  } catch (...) {
    close();
    throw;
  }
}

void file_store::take_directory(std::vector<std::string>& names) {
  names = list_names(files_, directory_);
  refuse_foreign(names);
  lock();
  // Once more: whoever held the lock may have changed it.
  names = list_names(files_, directory_);
  refuse_foreign(names);
}

void file_store::refuse_foreign(std::span<const std::string> names) const {
  if (has_segments(names)) return;
  const auto other = std::ranges::find_if(
      names, [](const std::string& name) { return name != lock_name && name != spare_name && name != "lost+found"; });
  if (other != names.end())
    throw log_error(log_errc::foreign,
                    fmt::format("{} holds no decision log, but other files, such as {}: give the log "
                                "a directory of its own",
                                directory_, *other));
}

void file_store::lock() {
  const std::string path = path_of(lock_name);
  lock_ = files_.lock(path);
  if (lock_ == -EAGAIN)
    throw log_error(
        log_errc::locked,
        fmt::format("the decision log in {} is in use by another process, or by another log of this one", directory_));
  check(lock_, "lock", path);
}

log_contents file_store::read_or_create(std::span<const std::string> names, std::optional<log_uuid> id,
                                        std::span<const log_record> records) {
  std::vector<log_record> found;
  std::optional<torn_tail> cut;
  const bool created = !has_segments(names);
  if (created) {
    id_ = id ? *id : log_uuid::random();
    check(start_segment(true, records));
  } else {
    const log_image image = read_log(files_, directory_, names, [&](const segment_file&, const frame& record) {
      found.emplace_back(record.type, std::vector<std::byte>(record.body.begin(), record.body.end()));
    });
    continue_log(image);
    cut = image.torn;
  }
  return log_contents(id_).records(std::move(found)).cut(std::move(cut)).created(created);
}

void file_store::continue_log(const log_image& image) {
  last_.file = image.segments.back();
  const std::string& path = last_.file.path;
  last_.descriptor = files_.open(path, log_files::access::read_write);
  check(last_.descriptor, "write to", path);

  bool begun = false;
  // After a failed sync the system may show bytes that are not on the disk. What is acted on now must be there.
  check(write_all(last_.descriptor, image.last_batch, image.last.last_batch, begun), "write to", path);
  // A tail that stayed could pass for a part of what is written next.
  check(write_zeros(last_.descriptor, image.last.end, image.last.tail_end), "cut the torn tail of", path);
  check(files_.fsync(last_.descriptor), "sync", path);
  check(files_.sync_directory(directory_), "sync", directory_);

  id_ = last_.file.header.id;
  end_ = image.last.end;
  next_lsn_ = image.last.next_lsn;
  bytes_ = image.bytes;
  for (const segment_file& segment : image.segments)
    segments_.push_back(segment.path);
  leftovers_ = image.leftovers;
  remove_leftovers();
}

} // namespace two_phase::detail
RONDO_END_NAMESPACE
