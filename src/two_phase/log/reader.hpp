// Reads the log in a directory, and changes nothing.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "segment.hpp"

#include <rondo/two_phase/decision_log.hpp>
#include <rondo/two_phase/log_files.hpp>

#include <string>
#include <string_view>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

inline constexpr std::string_view lock_name = "lock";
inline constexpr std::string_view spare_name = "spare.tmp";

/// "0000000001.rondolog".
std::string segment_name(std::uint64_t number);
/// The inverse, or nothing for other names.
std::optional<std::uint64_t> segment_number(std::string_view name) noexcept;

struct segment_file {
  std::string path;
  segment_header header;
};

struct log_image {
  std::vector<segment_file> segments; // the last base and what follows it
  std::vector<std::string> leftovers; // what the last base replaced
  scan_result last;                   // of the last segment
  std::vector<std::byte> last_batch;  // its bytes
  std::uint64_t bytes = 0;            // of all records
  std::optional<torn_tail> torn;
};

using record_visitor = std::function<void(const segment_file&, const frame&)>;

/// Throws: `log_error` for a result of `log_files`; `what` says what was tried.
[[noreturn]] void throw_system(std::int64_t result, std::string_view what, const std::string& path);

std::vector<std::string> list_names(log_files& files, const std::string& directory);

/// At most `limit` bytes of a file.
std::vector<std::byte> read_file(log_files& files, const std::string& path,
                                 std::uint64_t limit = std::uint64_t{1} << 40);

/// Visits every record, in order. `names` are those in the directory, with at least one segment.
/// Throws: `log_corrupt`, after the visit of every record before the damage; `log_error`.
log_image read_log(log_files& files, const std::string& directory, std::span<const std::string> names,
                   const record_visitor& visit);

} // namespace two_phase::detail
RONDO_END_NAMESPACE
