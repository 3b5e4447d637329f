// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/memory_log.hpp>

#include "log_thread.hpp"

#include <limits>
#include <mutex>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

namespace detail {

class memory_records {
public:
  log_contents open() {
    const std::lock_guard lock(mutex_);
    if (open_) throw log_error(log_errc::locked, "another memory_log is open on this storage");
    const bool created = id_.is_nil();
    if (created) id_ = log_uuid::random();
    log_contents contents = log_contents(id_).records(records_).created(created);
    open_ = true;
    return contents;
  }

  void close() noexcept {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }

  void add(std::span<const log_record> records) {
    records_.insert(records_.end(), records.begin(), records.end());
    bytes_ += size_of(records);
  }

  void replace(std::span<const log_record> live) {
    records_.assign(live.begin(), live.end());
    bytes_ = size_of(live);
  }

  std::uint64_t bytes() const noexcept { return bytes_; }

private:
  static std::uint64_t size_of(std::span<const log_record> records) noexcept {
    std::uint64_t sum = 0;
    for (const log_record& record : records)
      sum += record.body().size();
    return sum;
  }

  std::mutex mutex_; // two threads may open two logs
  bool open_ = false;
  // Of the one log that is open:
  log_uuid id_;
  std::vector<log_record> records_;
  std::uint64_t bytes_ = 0;
};

namespace {

class memory_store final : public log_store {
public:
  explicit memory_store(std::shared_ptr<memory_records> records) : records_(std::move(records)) {}

  log_contents open() override { return records_->open(); }

  log_result write(std::span<const log_record> records) override {
    records_->add(records);
    return {};
  }

  log_result compact(std::span<const log_record> live) override {
    records_->replace(live);
    return {};
  }

  bool prepare_growth() override { return true; }
  void close() noexcept override { records_->close(); }

  std::size_t size_of(std::span<const log_record>) const noexcept override { return 0; }
  std::size_t largest_batch() const noexcept override { return std::numeric_limits<std::size_t>::max(); }
  log_statistics statistics() const noexcept override { return log_statistics().segments(1).bytes(records_->bytes()); }
  std::string description() const override { return "decision log in memory (NOT durable)"; }

private:
  std::shared_ptr<memory_records> records_;
};

constexpr std::size_t max_batch = 1024;

} // namespace
} // namespace detail

class memory_log::impl : public detail::log_thread {
public:
  using log_thread::log_thread;
};

memory_log_storage::memory_log_storage() : records_(std::make_shared<detail::memory_records>()) {}

memory_log_storage::~memory_log_storage() = default;

memory_log::memory_log(std::shared_ptr<detail::memory_records> records)
    : impl_(std::make_unique<impl>(std::make_unique<detail::memory_store>(std::move(records)), detail::max_batch)) {}

memory_log::memory_log() : memory_log(std::make_shared<detail::memory_records>()) {}

memory_log::memory_log(memory_log_storage& storage) : memory_log(storage.records_) {}

memory_log::~memory_log() = default;

log_contents memory_log::open() { return impl_->open(); }

void memory_log::force(std::span<const log_record> records, done_callback done) {
  impl_->force(records, std::move(done));
}

void memory_log::append(const log_record& record) { impl_->append(record); }

void memory_log::compact(std::span<const log_record> live, done_callback done) {
  impl_->compact(live, std::move(done));
}

void memory_log::close() { impl_->close(); }

log_health memory_log::health() const noexcept { return impl_->health(); }

log_statistics memory_log::statistics() const { return impl_->statistics(); }

std::string memory_log::description() const { return impl_->description(); }

} // namespace two_phase
RONDO_END_NAMESPACE
