// Ways to die: a process that kills itself at a chosen moment of the protocol, to show that the total is right afterwards.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/log_files.hpp>

#include <atomic>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bank {

/// A moment of the protocol, and the how manyeth time.
class fail_point {
public:
  enum class process { coordinator, shard };

  /// "NAME" or "NAME:COUNT". Throws: `std::invalid_argument`, with all names, unless it is one of that process.
  static fail_point parse(std::string_view text, process where);

  /// The names of a process's points.
  static std::span<const std::string_view> names(process where);

  /// "coord.after_sync"
  const std::string& name() const noexcept { return name_; }
  int count() const noexcept { return count_; }

private:
  fail_point(std::string name, int count) : name_(std::move(name)), count_(count) {}

  std::string name_;
  int count_;
};

/// Kills its process with SIGKILL when it is told of its point often enough. Without a point it never does.
class assassin {
public:
  explicit assassin(const std::optional<fail_point>& point) : point_(point) {}

  /// The process has come to "coord." or "part." and `name`.
  void reached(std::string_view prefix, std::string_view name);

private:
  std::optional<fail_point> point_;
  std::atomic<int> seen_ = 0;
};

/// The system's files, which tell an assassin of the moment between a write and its sync: coord.after_write_before_sync.
class files_with_assassin final : public rondo::two_phase::log_files {
public:
  explicit files_with_assassin(assassin& told) : told_(told) {}

  /// From now on. What is written before is no decision.
  void begin() noexcept { begun_ = true; }

  int open(const std::string& path, access how) override { return system().open(path, how); }
  void close(int file) noexcept override { system().close(file); }
  std::int64_t size(int file) override { return system().size(file); }
  std::int64_t pread(int file, std::span<std::byte> to, std::uint64_t offset) override {
    return system().pread(file, to, offset);
  }
  std::int64_t pwrite(int file, std::span<const std::byte> from, std::uint64_t offset) override {
    return system().pwrite(file, from, offset);
  }
  // Segments are made with fsync; only a batch of records, just written, is followed by fdatasync.
  int fdatasync(int file) override {
    if (begun_) told_.reached("coord.", "after_write_before_sync");
    return system().fdatasync(file);
  }
  int fsync(int file) override { return system().fsync(file); }
  int sync_directory(const std::string& path) override { return system().sync_directory(path); }
  int rename(const std::string& from, const std::string& to) override { return system().rename(from, to); }
  int unlink(const std::string& path) override { return system().unlink(path); }
  int list(const std::string& directory, std::vector<std::string>& names) override {
    return system().list(directory, names);
  }
  int lock(const std::string& path) override { return system().lock(path); }

private:
  assassin& told_;
  std::atomic<bool> begun_ = false;
};

} // namespace bank
