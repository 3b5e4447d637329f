// SPDX-License-Identifier: BSL-1.0
#include "disk.hpp"

#include <algorithm>
#include <cerrno>

namespace sim {

void sim_disk::contents::keep(range what) {
  durable.resize(std::max(durable.size(), what.second));
  std::copy(now.begin() + static_cast<std::ptrdiff_t>(what.first),
            now.begin() + static_cast<std::ptrdiff_t>(what.second),
            durable.begin() + static_cast<std::ptrdiff_t>(what.first));
}

bool sim_disk::power_off(const power_loss& how) {
  open_.clear();
  calls_left_.reset();
  write_error_ = sync_error_ = 0;
  bool lost = false;
  const auto survives = [&] { return !how.loses || random_.chance(500); };
  for (const auto& [name, target] : names_) {
    const auto synced = synced_names_.find(name);
    if (synced != synced_names_.end() && synced->second == target) continue;
    lost = true;
    if (survives()) synced_names_[name] = target;
  }
  for (auto each = synced_names_.begin(); each != synced_names_.end();) {
    const bool gone = !names_.contains(each->first) && survives();
    each = gone ? synced_names_.erase(each) : std::next(each);
  }
  names_ = synced_names_;
  for (const auto& [name, target] : names_) {
    lost = lost || !target->unsynced.empty();
    lose(*target, how);
  }
  return lost;
}

/// Decides on each sector of each write on its own.
void sim_disk::lose(contents& file, const power_loss& how) {
  const auto before = how.flips && !file.unsynced.empty() ? file.durable : std::vector<std::byte>();
  for (std::size_t i = 0; i < file.unsynced.size(); ++i) {
    const auto [begin, end] = file.unsynced[i];
    const auto sectors = (end - 1) / sector - begin / sector + 1;
    const auto torn_at = how.tears && i + 1 == file.unsynced.size() ? random_.below(sectors + 1) : sectors;
    std::uint64_t number = 0;
    for (auto at = begin; at < end; ++number) {
      const auto next = std::min(end, (at / sector + 1) * sector);
      if (number < torn_at && (!how.loses || random_.chance(500))) file.keep({at, next});
      at = next;
    }
    if (!how.flips || random_.chance(500)) continue;
    // Only what was new: a start writes again what is durable, and the bytes that do not change are safe.
    const auto at = begin + random_.below(end - begin);
    const bool is_new = at < file.durable.size() && (at >= before.size() || before[at] != file.durable[at]);
    if (is_new) file.durable[at] ^= static_cast<std::byte>(1 << random_.below(8));
  }
  file.now = file.durable;
  file.unsynced.clear();
  file.dirty.clear();
}

int sim_disk::begin_change() {
  if (!calls_left_) return 0;
  if (*calls_left_ == 0) return -EIO;
  --*calls_left_;
  return 0;
}

int sim_disk::add(const std::string& name) {
  open_[next_] = names_.at(name);
  return next_++;
}

int sim_disk::open(const std::string& path, access how) {
  const auto name = leaf(path);
  const bool exists = names_.contains(name);
  if (how == access::create) {
    if (exists) return -EEXIST;
    if (const int error = begin_change(); error != 0) return error;
    if (full_) return on_fault(fault::disk_full), -ENOSPC;
    names_[name] = std::make_shared<contents>();
  } else if (!exists) {
    return -ENOENT;
  }
  return add(name);
}

void sim_disk::close(int file) noexcept { open_.erase(file); }

std::int64_t sim_disk::size(int file) { return static_cast<std::int64_t>(open_.at(file)->now.size()); }

std::int64_t sim_disk::pread(int file, std::span<std::byte> to, std::uint64_t offset) {
  const auto& bytes = open_.at(file)->now;
  if (offset >= bytes.size()) return 0;
  const auto count = std::min<std::size_t>(to.size(), bytes.size() - offset);
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), count, to.begin());
  return static_cast<std::int64_t>(count);
}

std::int64_t sim_disk::pwrite(int file, std::span<const std::byte> from, std::uint64_t offset) {
  if (const int error = begin_change(); error != 0) return error;
  if (full_) return on_fault(fault::disk_full), -ENOSPC;
  const int error = std::exchange(write_error_, 0);
  if (error != 0) on_fault(fault::write_error);
  // It fails before, in the middle of or after its work.
  const auto done = error == 0 ? from.size() : random_.below(from.size() + 1);
  auto& target = *open_.at(file);
  target.now.resize(std::max<std::size_t>(target.now.size(), offset + done));
  std::copy_n(from.begin(), done, target.now.begin() + static_cast<std::ptrdiff_t>(offset));
  if (done > 0) {
    const range written{offset, offset + done};
    target.dirty.push_back(written);
    target.unsynced.push_back(written);
  }
  return error != 0 ? -error : static_cast<std::int64_t>(done);
}

int sim_disk::fsync(int file) {
  if (const int error = begin_change(); error != 0) return error;
  const int error = std::exchange(sync_error_, 0);
  if (error != 0) on_fault(fault::sync_error);
  auto& target = *open_.at(file);
  if (error == 0) {
    for (const auto& each : target.dirty)
      target.keep(each);
    // What a failed sync has left behind stays unsynced.
    std::erase_if(target.unsynced, [&](const range& each) { return std::ranges::count(target.dirty, each) > 0; });
  }
  target.dirty.clear(); // also after a failure, as Linux does
  return -error;
}

int sim_disk::sync_directory(const std::string&) {
  if (const int error = begin_change(); error != 0) return error;
  const int error = std::exchange(sync_error_, 0);
  if (error != 0) on_fault(fault::sync_error);
  if (error == 0) synced_names_ = names_;
  return -error;
}

int sim_disk::rename(const std::string& from, const std::string& to) {
  if (const int error = begin_change(); error != 0) return error;
  const auto found = names_.extract(leaf(from));
  if (found.empty()) return -ENOENT;
  names_[leaf(to)] = found.mapped();
  return 0;
}

int sim_disk::unlink(const std::string& path) {
  if (!names_.contains(leaf(path))) return -ENOENT;
  if (const int error = begin_change(); error != 0) return error;
  names_.erase(leaf(path));
  return 0;
}

int sim_disk::list(const std::string&, std::vector<std::string>& names) {
  for (const auto& each : names_)
    names.push_back(each.first);
  return 0;
}

int sim_disk::lock(const std::string& path) {
  names_.try_emplace(leaf(path), std::make_shared<contents>());
  return add(leaf(path));
}

} // namespace sim
