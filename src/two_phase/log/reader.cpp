// SPDX-License-Identifier: BSL-1.0
#include "reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <limits>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {
namespace {

constexpr std::string_view suffix = ".rondolog";
constexpr std::size_t digits = 10;

/// Closes a descriptor at the end of a scope.
class open_file {
public:
  open_file(log_files& files, const std::string& path)
      : files_(files), file_(files.open(path, log_files::access::read)) {
    if (file_ < 0) throw_system(file_, "open", path);
  }
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  ~open_file() { files_.close(file_); }

  int get() const noexcept { return file_; }

private:
  log_files& files_;
  int file_;
};

std::vector<std::uint64_t> segment_numbers(std::span<const std::string> names) {
  std::vector<std::uint64_t> numbers;
  for (const std::string& name : names)
    if (const auto number = segment_number(name)) numbers.push_back(*number);
  std::ranges::sort(numbers);
  return numbers;
}

segment_header read_header(log_files& files, const std::string& path, std::uint64_t number) {
  header_fault fault{};
  const auto header = decode_header(read_file(files, path, header_size), fault);
  if (!header && fault == header_fault::foreign)
    throw log_error(log_errc::foreign, fmt::format("{}: this is not a segment of a decision log of rondo", path));
  if (!header)
    throw log_corrupt(path, 0,
                      fault == header_fault::too_short ? "the file ends inside the header of the segment"
                                                       : "the header of the segment is damaged");
  if (header->version > segment_version)
    throw log_error(log_errc::newer_version,
                    fmt::format("{}: format {} of a newer version of rondo; this version reads up to format {}", path,
                                header->version, segment_version));
  if (header->number != number)
    throw log_corrupt(path, 0, fmt::format("the file holds segment {}: it was renamed or copied", header->number));
  if (header->size < records_begin || header->size > largest_segment)
    throw log_corrupt(path, 0, fmt::format("the header tells of a segment of {} bytes", header->size));
  return *header;
}

/// The segments from the last base on. What comes before it was replaced, and need not even be readable.
void find_segments(log_files& files, const std::string& directory, std::vector<std::uint64_t> numbers,
                   log_image& image) {
  const auto path_of = [&](std::uint64_t number) { return fmt::format("{}/{}", directory, segment_name(number)); };
  for (std::uint64_t expected = numbers.back();; --expected) {
    if (numbers.empty() || numbers.back() != expected)
      throw log_corrupt(path_of(expected), 0, "the segment is missing, and segments behind it are there");
    numbers.pop_back();
    const std::string path = path_of(expected);
    image.segments.push_back({path, read_header(files, path, expected)});
    if (image.segments.back().header.id != image.segments.front().header.id)
      throw log_error(log_errc::foreign,
                      fmt::format("{}: the segment belongs to another log than {}", path, image.segments.front().path));
    if (image.segments.back().header.base) break;
  }
  std::ranges::reverse(image.segments);
  for (const std::uint64_t number : numbers)
    image.leftovers.push_back(path_of(number));
}

scan_result scan_file(log_files& files, const segment_file& segment, const record_visitor& visit, log_image& image) {
  const std::vector<std::byte> bytes = read_file(files, segment.path);
  if (bytes.size() > segment.header.size)
    throw log_corrupt(segment.path, segment.header.size, "the file is longer than its header says");
  scan_result scan = scan_segment(bytes, segment.header, [&](const frame& record) { visit(segment, record); });
  if (scan.damaged)
    throw log_corrupt(segment.path, scan.stopped, "a record is damaged that was durable: there are later ones");
  // A segment has its whole size before it has its name, so that no crash leaves a shorter one.
  if (bytes.size() < segment.header.size)
    throw log_corrupt(segment.path, bytes.size(),
                      fmt::format("the file was cut here; its header tells of {} bytes", segment.header.size));
  image.bytes += scan.end - records_begin;
  const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(std::min(scan.last_batch, bytes.size()));
  const auto end = bytes.begin() + static_cast<std::ptrdiff_t>(std::min(scan.end, bytes.size()));
  image.last_batch.assign(begin, end);
  return scan;
}

} // namespace

std::string segment_name(std::uint64_t number) { return fmt::format("{:0{}}{}", number, digits, suffix); }

std::optional<std::uint64_t> segment_number(std::string_view name) noexcept {
  if (!name.ends_with(suffix)) return std::nullopt;
  name.remove_suffix(suffix.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || number == 0) return std::nullopt;
  // "1" and "0000000001" must not be two names of one segment.
  if (name.size() < digits || (name.size() > digits && name.front() == '0')) return std::nullopt;
  return number;
}

void throw_system(std::int64_t result, std::string_view what, const std::string& path) {
  const std::error_code code(static_cast<int>(-result), std::system_category());
  throw log_error(code, fmt::format("cannot {} {}: {}", what, path, code.message()));
}

std::vector<std::string> list_names(log_files& files, const std::string& directory) {
  std::vector<std::string> names;
  const int result = files.list(directory, names);
  if (result == -ENOENT)
    throw log_error(log_errc::missing,
                    fmt::format("the log's directory {} is missing: make it, or mount it", directory));
  if (result < 0) throw_system(result, "read the log's directory", directory);
  return names;
}

std::vector<std::byte> read_file(log_files& files, const std::string& path, std::uint64_t limit) {
  const open_file file(files, path);
  const std::int64_t size = files.size(file.get());
  if (size < 0) throw_system(size, "read", path);
  std::vector<std::byte> bytes(static_cast<std::size_t>(std::min(static_cast<std::uint64_t>(size), limit)));
  for (std::size_t done = 0; done < bytes.size();) {
    const std::int64_t count = files.pread(file.get(), std::span(bytes).subspan(done), done);
    if (count == -EINTR) continue;
    if (count < 0) throw_system(count, "read", path);
    if (count == 0) bytes.resize(done);
    done += static_cast<std::size_t>(count);
  }
  return bytes;
}

log_image read_log(log_files& files, const std::string& directory, std::span<const std::string> names,
                   const record_visitor& visit) {
  log_image image;
  find_segments(files, directory, segment_numbers(names), image);
  for (const segment_file& segment : image.segments) {
    const bool first = &segment == &image.segments.front();
    // Without this a segment whose end got lost would look like one with fewer records.
    if (!first && segment.header.first_lsn != image.last.next_lsn)
      throw log_corrupt((&segment - 1)->path, image.last.stopped,
                        fmt::format("record {} is damaged or missing; the next segment begins with record {}",
                                    image.last.next_lsn, segment.header.first_lsn));
    image.last = scan_file(files, segment, visit, image);
  }
  const std::string& path = image.segments.back().path;
  if (image.last.tail_end > image.last.end)
    image.torn = torn_tail(path, image.last.end, image.last.tail_end - image.last.end);
  return image;
}

} // namespace two_phase::detail
RONDO_END_NAMESPACE
