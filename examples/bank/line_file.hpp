// An append-only file of lines, for people and for the audit.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bank {

/// Lines that survive the process once `append` has returned, and the computer once `sync` has.
class line_file {
public:
  /// Opens the file, or makes it. What a crash left of a line without an end is cut off.
  /// Throws: `std::system_error` that names the file, also if another process has it open.
  explicit line_file(std::string path);
  /// Adds lines, each with its end. Throws: `std::system_error`.
  void append(std::string_view lines);
  void sync();

  /// The lines of a file, without one that has no end. A file that does not exist has none.
  static std::vector<std::string> read(const std::string& path);

private:
  struct descriptor {
    descriptor() = default;
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor();

    int number = -1;
  };

  std::string path_;
  descriptor file_;
};

} // namespace bank
