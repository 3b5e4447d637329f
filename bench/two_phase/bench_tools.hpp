// What the benchmarks of two-phase commit share: rates, a bare file to compare with, a folder for the files.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

namespace bench {

using clock = std::chrono::steady_clock;

inline constexpr std::size_t segment_size = std::size_t{16} << 20;

/// Operations, and the time that they took.
class rate {
public:
  void add(std::size_t count, clock::duration time) { count_ += count, time_ += time; }
  double per_second() const { return static_cast<double>(count_) / std::chrono::duration<double>(time_).count(); }

private:
  std::size_t count_ = 0;
  clock::duration time_{};
};

inline long checked(long result) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), "the bare file");
  return result;
}

/// What a log does for one record at a time and nothing else: pwrite behind the last record, fdatasync. The file is as
/// large as a segment, and was written before.
class bare_file {
public:
  bare_file(const std::string& folder, std::size_t record)
      : file_(static_cast<int>(
            checked(::open((folder + "/bare").c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)))),
        record_(record, 'r') {
    const std::vector<char> zeros(segment_size);
    checked(::pwrite(file_, zeros.data(), zeros.size(), 0));
    checked(::fsync(file_));
  }
  bare_file(const bare_file&) = delete;
  bare_file& operator=(const bare_file&) = delete;
  ~bare_file() { ::close(file_); }

  void run(clock::duration time, rate& total) {
    std::size_t count = 0;
    const auto begin = clock::now();
    for (; clock::now() < begin + time; ++count, offset_ += record_.size()) {
      if (offset_ + record_.size() > segment_size) offset_ = 4096;
      checked(::pwrite(file_, record_.data(), record_.size(), static_cast<off_t>(offset_)));
      checked(::fdatasync(file_));
    }
    total.add(count, clock::now() - begin);
  }

private:
  int file_;
  std::size_t offset_ = 4096;
  const std::vector<char> record_;
};

inline double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

class folder_of_run {
public:
  explicit folder_of_run(const std::string& in) : path_(in + "/rondo-bench-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) throw std::system_error(errno, std::generic_category(), path_);
  }
  folder_of_run(const folder_of_run&) = delete;
  folder_of_run& operator=(const folder_of_run&) = delete;
  ~folder_of_run() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }

private:
  std::string path_;
};

/// What the process has used of its processors.
inline double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

} // namespace bench
