// SPDX-License-Identifier: BSL-1.0
#include "line_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>

namespace bank {

namespace {

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

[[noreturn]] void fail(const char* what, const std::string& path) {
  throw std::system_error(errno, std::generic_category(), std::string("cannot ") + what + " " + path);
}

} // namespace

line_file::descriptor::~descriptor() {
  if (number >= 0) ::close(number);
}

line_file::line_file(std::string path) : path_(std::move(path)) {
  file_.number = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file_.number < 0) fail("open", path_);
  if (::flock(file_.number, LOCK_EX | LOCK_NB) < 0) fail("lock", path_);
  const std::string content = content_of(path_);
  const auto whole_lines = static_cast<off_t>(content.rfind('\n') + 1);
  if (whole_lines < static_cast<off_t>(content.size()) && ::ftruncate(file_.number, whole_lines) < 0)
    fail("truncate", path_);
}

void line_file::append(std::string_view lines) {
  while (!lines.empty()) {
    const ssize_t written = ::write(file_.number, lines.data(), lines.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write to", path_);
    lines.remove_prefix(static_cast<std::size_t>(written));
  }
}

void line_file::sync() {
  if (::fsync(file_.number) < 0) fail("sync", path_);
}

std::vector<std::string> line_file::read(const std::string& path) {
  const std::string content = content_of(path);
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (std::size_t end; (end = content.find('\n', begin)) != content.npos; begin = end + 1)
    lines.push_back(content.substr(begin, end - begin));
  return lines;
}

} // namespace bank
