// A disk: files whose calls fail when told to, and of which a crash leaves what was synced and some of the rest.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "fault.hpp"
#include "random.hpp"

#include <rondo/two_phase/log_files.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sim {

/// What a crash does to writes that were not synced.
struct power_loss {
  bool loses = false; // any sector may be lost
  bool tears = false; // the last write ends at a sector
  bool flips = false; // a bit is wrong
};

class sim_disk final : public rondo::two_phase::log_files {
public:
  static constexpr std::size_t sector = 512;

  explicit sim_disk(random_stream random) : random_(random) {}

  // ---- faults
  std::function<void(fault)> on_fault = [](fault) {}; // told when a call fails
  void fail_write(int error) { write_error_ = error; }
  void fail_sync(int error) { sync_error_ = error; }
  void fill(bool full) { full_ = full; }
  void heal() { write_error_ = sync_error_ = 0, full_ = false; }
  bool full() const { return full_; }
  /// After so many more changing calls nothing happens any more, until `power_off`.
  void stop_after(std::size_t calls) { calls_left_ = calls; }
  /// Nobody has files open any more, and what was not synced is lost in part. Whether there was such a thing.
  bool power_off(const power_loss& how);

  // ---- log_files
  int open(const std::string& path, access how) override;
  void close(int file) noexcept override;
  std::int64_t size(int file) override;
  std::int64_t pread(int file, std::span<std::byte> to, std::uint64_t offset) override;
  std::int64_t pwrite(int file, std::span<const std::byte> from, std::uint64_t offset) override;
  int fdatasync(int file) override { return fsync(file); }
  int fsync(int file) override;
  int sync_directory(const std::string& path) override;
  int rename(const std::string& from, const std::string& to) override;
  int unlink(const std::string& path) override;
  int list(const std::string& directory, std::vector<std::string>& names) override;
  int lock(const std::string& path) override;

private:
  using range = std::pair<std::size_t, std::size_t>; // of bytes

  struct contents {
    std::vector<std::byte> now;
    std::vector<std::byte> durable;
    std::vector<range> dirty;    // what the next sync writes
    std::vector<range> unsynced; // what may differ from the durable bytes

    void keep(range what);
  };
  using directory = std::map<std::string, std::shared_ptr<contents>>;

  static std::string leaf(const std::string& path) { return path.substr(path.rfind('/') + 1); }
  /// 0, or the error with which the process finds that it is gone.
  int begin_change();
  int add(const std::string& name);
  void lose(contents& file, const power_loss& how);

  random_stream random_;
  directory names_, synced_names_;
  std::map<int, std::shared_ptr<contents>> open_;
  int next_ = 3;
  bool full_ = false;
  int write_error_ = 0;
  int sync_error_ = 0;
  std::optional<std::size_t> calls_left_;
};

} // namespace sim
