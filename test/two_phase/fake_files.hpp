// Files in memory whose calls fail when told to, and which know what a loss of power would leave of them.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/log_files.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>

namespace log_test {

/// One directory. A name or sector (512 bytes) that was not synced survives a loss of power or not.
class fake_files : public rondo::two_phase::log_files {
public:
  enum class effect : std::uint8_t {
    none,    ///< the call that fails does nothing
    full,    ///< it does everything, and fails nevertheless
    partial, ///< a write writes half; the next write fails. Other calls do nothing.
  };

  fake_files() = default;
  /// The same files, of their own, and no process that has them open.
  fake_files(const fake_files& other) {
    std::map<std::shared_ptr<contents>, std::shared_ptr<contents>> copies;
    const auto copy_of = [&copies](const std::shared_ptr<contents>& from) {
      auto& to = copies[from];
      if (!to) to = std::make_shared<contents>(*from);
      return to;
    };
    for (const auto& [name, target] : other.names_)
      names_[name] = copy_of(target);
    for (const auto& [name, target] : other.synced_names_)
      synced_names_[name] = copy_of(target);
  }

  /// The `call`-th changing call from now on, from 1, fails with `error`, and if `lasting`, all later ones too.
  void fail(std::size_t call, int error, effect what = effect::none, bool lasting = false) {
    calls_ = 0;
    fault_ = fault{call, error, what, lasting};
  }
  void heal() { fault_.reset(); }
  /// Changing calls since `fail`, or since the beginning.
  std::size_t calls() const { return calls_; }
  /// Calls of `pwrite` and of the three that sync, since the beginning.
  std::size_t writes() const { return writes_; }
  std::size_t syncs() const { return syncs_; }

  /// From now on no file can be made; again if 0.
  void refuse_new_files(int error) { refused_ = error; }

  /// Every process that had files open is gone.
  void restart() { open_.clear(), locked_ = false, heal(); }

  /// As `restart`, after a loss of power: `survives` decides on every name and every sector that was not synced.
  void lose_power(const std::function<bool()>& survives) {
    restart();
    for (auto& [name, target] : names_)
      if (!synced_names_.contains(name) || synced_names_.at(name) != target)
        if (survives()) synced_names_[name] = target;
    std::erase_if(synced_names_, [&](const auto& each) { return !names_.contains(each.first) && survives(); });
    names_ = synced_names_;
    for (auto& [name, target] : names_) {
      for (const std::size_t sector : target->unsynced)
        if (survives()) target->keep(sector);
      target->now = target->durable;
      target->unsynced.clear();
      target->dirty.clear();
    }
  }

  std::vector<std::byte>& bytes(const std::string& name) { return names_.at(name)->now; }
  void put(const std::string& name, std::vector<std::byte> bytes) {
    auto made = std::make_shared<contents>();
    made->now = made->durable = std::move(bytes);
    names_[name] = synced_names_[name] = made;
  }
  void remove(const std::string& name) { names_.erase(name), synced_names_.erase(name); }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& each : names_)
      found.push_back(each.first);
    return found;
  }
  /// The file seems to end there, without a copy of it being made.
  void show_only(const std::string& name, std::size_t size) { shown_ = {name, size}; }
  /// The same, but the rest seems to be zeros.
  void show_zeros_behind(const std::string& name, std::size_t size) { zeros_ = {name, size}; }
  void show_all() { shown_.reset(), zeros_.reset(); }

  int open(const std::string& path, access how) override {
    const std::string name = leaf(path);
    if (how == access::create) {
      if (refused_ != 0) return -refused_;
      if (const int error = begin_change(); error != 0) return error;
    }
    const bool exists = names_.contains(name);
    if (how == access::create && exists) return -EEXIST;
    if (how != access::create && !exists) return -ENOENT;
    if (how == access::create) names_[name] = std::make_shared<contents>();
    return add(name);
  }

  void close(int file) noexcept override {
    if (open_.at(file).name == "lock") locked_ = false;
    open_.erase(file);
  }

  std::int64_t size(int file) override { return static_cast<std::int64_t>(shown(open_.at(file)).size()); }

  std::int64_t pread(int file, std::span<std::byte> to, std::uint64_t offset) override {
    const auto bytes = shown(open_.at(file));
    if (offset >= bytes.size()) return 0;
    const auto part = bytes.subspan(offset, std::min(to.size(), bytes.size() - offset));
    std::ranges::copy(part, to.begin());
    if (zeros_ && zeros_->first == open_.at(file).name && zeros_->second < offset + part.size())
      std::ranges::fill(to.first(part.size()).subspan(std::max(zeros_->second, offset) - offset), std::byte{0});
    return static_cast<std::int64_t>(part.size());
  }

  std::int64_t pwrite(int file, std::span<const std::byte> from, std::uint64_t offset) override {
    ++writes_;
    const bool was_cut = std::exchange(cut_, false);
    const int error = was_cut ? fault_->error : begin_change();
    if (error != 0 && !was_cut && fault_->what == effect::partial && from.size() > 1) {
      cut_ = true;
      from = from.first(from.size() / 2);
    } else if (error != 0 && fault_->what != effect::full) {
      return was_cut ? -error : error;
    }
    open_.at(file).target->write(from, offset);
    return error != 0 && !cut_ ? error : static_cast<std::int64_t>(from.size());
  }

  int fdatasync(int file) override { return fsync(file); }

  int fsync(int file) override {
    ++syncs_;
    const int error = begin_change();
    // As Linux does: after a failure the pages count as clean.
    open_.at(file).target->sync(error == 0 || fault_->what == effect::full);
    return error;
  }

  int sync_directory(const std::string&) override {
    ++syncs_;
    const int error = begin_change();
    if (error == 0 || fault_->what == effect::full) synced_names_ = names_;
    return error;
  }

  int rename(const std::string& from, const std::string& to) override {
    const int error = begin_change();
    if (error != 0 && fault_->what != effect::full) return error;
    const auto target = names_.at(leaf(from));
    names_.erase(leaf(from));
    names_[leaf(to)] = target;
    return error;
  }

  int unlink(const std::string& path) override {
    if (!names_.contains(leaf(path))) return -ENOENT;
    const int error = begin_change();
    if (error == 0 || fault_->what == effect::full) names_.erase(leaf(path));
    return error;
  }

  int list(const std::string&, std::vector<std::string>& found) override {
    found = names();
    return 0;
  }

  int lock(const std::string& path) override {
    if (locked_) return -EAGAIN;
    if (const int error = begin_change(); error != 0) return error;
    names_.try_emplace(leaf(path), std::make_shared<contents>());
    locked_ = true;
    return add(leaf(path));
  }

private:
  static constexpr std::size_t sector_size = 512;

  struct contents {
    std::vector<std::byte> now;
    std::vector<std::byte> durable;
    std::set<std::size_t> dirty;    // sectors that the next sync writes
    std::set<std::size_t> unsynced; // sectors that may differ from the durable ones

    void write(std::span<const std::byte> from, std::uint64_t offset) {
      now.resize(std::max<std::size_t>(now.size(), offset + from.size()));
      std::ranges::copy(from, now.begin() + static_cast<std::ptrdiff_t>(offset));
      for (std::size_t sector = offset / sector_size; sector * sector_size < offset + from.size(); ++sector) {
        dirty.insert(sector);
        unsynced.insert(sector);
      }
    }

    void keep(std::size_t sector) {
      const std::size_t begin = sector * sector_size;
      const std::size_t end = std::min(begin + sector_size, now.size());
      durable.resize(std::max(durable.size(), end));
      std::copy(now.begin() + static_cast<std::ptrdiff_t>(begin), now.begin() + static_cast<std::ptrdiff_t>(end),
                durable.begin() + static_cast<std::ptrdiff_t>(begin));
    }

    void sync(bool really) {
      if (really)
        for (const std::size_t sector : dirty) {
          keep(sector);
          unsynced.erase(sector);
        }
      dirty.clear();
    }
  };

  struct handle {
    std::string name;
    std::shared_ptr<contents> target;
  };

  struct fault {
    std::size_t call;
    int error;
    effect what;
    bool lasting;
  };

  static std::string leaf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

  int begin_change() {
    ++calls_;
    const bool fails = fault_ && (calls_ == fault_->call || (fault_->lasting && calls_ > fault_->call));
    return fails ? -fault_->error : 0;
  }

  int add(const std::string& name) {
    open_[next_] = {name, names_.at(name)};
    return next_++;
  }

  std::span<const std::byte> shown(const handle& file) const {
    const std::span<const std::byte> all = file.target->now;
    return shown_ && shown_->first == file.name ? all.first(std::min(all.size(), shown_->second)) : all;
  }

  std::map<std::string, std::shared_ptr<contents>> names_;
  std::map<std::string, std::shared_ptr<contents>> synced_names_;
  std::map<int, handle> open_;
  int next_ = 3;
  bool locked_ = false;
  bool cut_ = false; // the last write was made partial by the fault
  std::size_t calls_ = 0;
  std::size_t writes_ = 0;
  std::size_t syncs_ = 0;
  std::optional<fault> fault_;
  std::atomic<int> refused_ = 0; // a test sets it while the log's thread runs
  std::optional<std::pair<std::string, std::size_t>> shown_;
  std::optional<std::pair<std::string, std::size_t>> zeros_;
};

} // namespace log_test
