// SPDX-License-Identifier: BSL-1.0
#include "sim_log.hpp"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <stdexcept>

namespace sim {
using namespace std::chrono_literals;
using two_phase::log_failure;
using two_phase::log_record;
using two_phase::log_result;

namespace {

two_phase::file_log_options options_of(sim_disk& disk, std::size_t segment_size) {
  return two_phase::file_log_options().segment_size(segment_size).files(disk);
}

} // namespace

sim_log::sim_log(hub& h, oracle& judge, process& owner, sim_disk& disk, random_stream random)
    : hub_(h), judge_(judge), owner_(owner), disk_(disk), random_(random),
      store_(std::make_unique<two_phase::detail::file_store>("disk", options_of(disk, h.plan.segment_size))) {}

sim_log::~sim_log() {
  die();
  if (open_) lose_power({});
}

void sim_log::make(sim_disk& disk, const two_phase::log_uuid& id, std::size_t segment_size) {
  two_phase::detail::file_store store("disk", options_of(disk, segment_size));
  store.create(id, {});
}

void sim_log::die() {
  dead_ = true;
  if (timer_) timer_.cancel();
}

void sim_log::lose_power(const power_loss& how) {
  queue_.clear();
  open_ = false;
  bool doing = !batch_.empty() && !poisoned_;
  if (doing) {
    // A batch is two calls, a compaction up to a dozen.
    disk_.stop_after(random_.below(batch_.front().compaction ? 12 : 3));
    perform();
  }
  disk_.stop_after(0); // the store tidies up when it goes; a process that was killed does not
  store_.reset();
  const bool lost = disk_.power_off(how) || doing;
  if (lost && how.loses) owner_.hit_everything(fault::lost_write);
  if (lost && how.tears) owner_.hit_everything(fault::torn_write);
  if (lost && how.flips) owner_.hit_everything(fault::bit_flip);
  batch_.clear();
}

two_phase::log_contents sim_log::open() {
  auto contents = store_->open();
  open_ = true;
  can_grow_ = store_->prepare_growth();
  growth_tried_ = hub_.loop.time();
  hub_.log.note("log opened", owner_.name(), 0, 0, contents.records().size(), contents.cut() ? "cut" : "");
  for (const auto& record : contents.records())
    tell_durable(record);
  return contents;
}

void sim_log::tell_durable(const log_record& record) {
  if (const auto entry = log_entry::decode(record)) judge_.durable(*entry);
}

void sim_log::check_open() const {
  if (!open_ && !dead_) throw std::logic_error("the simulated log is not open");
}

void sim_log::force(std::span<const log_record> records, done_callback done) {
  check_open();
  if (records.empty()) throw std::invalid_argument("nothing to force");
  if (dead_) return;
  ++forces_;
  queue_.push_back({{records.begin(), records.end()}, std::move(done), false});
  start_batch();
}

void sim_log::append(const log_record& record) {
  check_open();
  if (dead_) return;
  if (const auto entry = log_entry::decode(record)) judge_.appended(*entry);
  queue_.push_back({{record}, {}, false});
}

void sim_log::compact(std::span<const log_record> live, done_callback done) {
  check_open();
  if (forces_ > 0) throw std::logic_error("a compaction while a force is not answered");
  if (dead_) return;
  hub_.log.note("compacts", owner_.name(), 0, 0, live.size());
  queue_.push_back({{live.begin(), live.end()}, std::move(done), true});
  start_batch();
}

/// Everything that waits, up to a compaction, as long as it fits into a segment.
void sim_log::start_batch() {
  const bool wanted = std::ranges::any_of(queue_, [](const request& each) { return each.done != nullptr; });
  if (!batch_.empty() || !wanted) return;
  std::size_t bytes = 0;
  while (!queue_.empty()) {
    auto& next = queue_.front();
    bytes += next.compaction ? 0 : store_->size_of(next.records);
    if (!batch_.empty() && (next.compaction || batch_.front().compaction || bytes > store_->largest_batch())) break;
    batch_.push_back(std::move(next));
    queue_.pop_front();
  }
  auto takes = hub_.plan.write_time > 0ns ? random_.up_to(hub_.plan.write_time) : 0ns;
  if (hub_.may(fault::disk_stall) && random_.chance(30 * hub_.plan.intensity)) {
    hub_.happens(fault::disk_stall, owner_.name());
    owner_.hit_everything(fault::disk_stall);
    takes += 1s + random_.up_to(random_.chance(800) ? 1s : 30s);
  }
  timer_ = hub_.loop.call_later(takes, [this] { finish_batch(); }, rondo::context());
}

/// The next write or sync fails, or the disk is full for a while.
void sim_log::choose_trouble() {
  disk_.fail_write(0); // what the last batch did not come to
  disk_.fail_sync(0);
  if (hub_.healed) disk_.heal();
  const auto often = hub_.plan.intensity;
  if (hub_.may(fault::write_error) && random_.chance(8 * often)) disk_.fail_write(EIO);
  if (hub_.may(fault::sync_error) && random_.chance(8 * often)) disk_.fail_sync(EIO);
  if (!hub_.may(fault::disk_full) || disk_.full() || !random_.chance(20 * often)) return;
  disk_.fill(true);
  hub_.loop.call_later(random_.up_to(random_.chance(500) ? 20ms : 10s), [&disk = disk_] { disk.fill(false); });
}

log_result sim_log::perform() {
  if (batch_.front().compaction) return store_->compact(batch_.front().records);
  std::vector<log_record> records;
  for (const auto& each : batch_)
    records.insert(records.end(), each.records.begin(), each.records.end());
  return store_->write(records);
}

void sim_log::finish_batch() {
  choose_trouble();
  const auto result =
      poisoned_ ? log_result(log_failure::definite, two_phase::log_errc::poisoned, "poisoned") : perform();
  if (result.failure() == log_failure::ambiguous) poisoned_ = true;
  hub_.log.note(result.succeeded() ? "written" : "write failed", owner_.name(), 0, 0, batch_.size(),
                result.failure() == log_failure::ambiguous ? "ambiguous" : "");
  if (result.succeeded()) {
    ++batches_;
    for (const auto& each : batch_) {
      records_ += each.records.size();
      for (const auto& record : each.records)
        tell_durable(record);
    }
  }
  call_back(result);
  if (!poisoned_ && !dead_) try_to_grow();
  if (!dead_) start_batch();
}

void sim_log::call_back(const log_result& result) {
  const auto done = std::exchange(batch_, {});
  for (const auto& each : done) {
    if (each.done && !each.compaction) --forces_;
    if (each.done) each.done(result);
  }
}

void sim_log::try_to_grow() const {
  growth_tried_ = hub_.loop.time();
  can_grow_ = store_->prepare_growth();
}

void sim_log::close() {
  if (!open_ || dead_) return;
  if (timer_) timer_.cancel();
  while (!batch_.empty() || !queue_.empty()) {
    if (batch_.empty()) {
      batch_.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    finish_batch();
    if (timer_) timer_.cancel();
  }
  store_->close();
  open_ = false;
}

two_phase::log_health sim_log::health() const noexcept {
  if (!open_) return two_phase::log_health::closed;
  if (poisoned_) return two_phase::log_health::poisoned;
  if (hub_.healed) disk_.heal();
  if (!can_grow_ && (hub_.healed || hub_.loop.time() > growth_tried_ + 1s) && !dead_) try_to_grow();
  return can_grow_ ? two_phase::log_health::ready : two_phase::log_health::cannot_grow;
}

two_phase::log_statistics sim_log::statistics() const {
  return store_->statistics().batches(batches_).records(records_);
}

} // namespace sim
