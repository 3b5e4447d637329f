// SPDX-License-Identifier: BSL-1.0
#include "log_writer.hpp"

#include <rondo/threads.hpp>

#include <algorithm>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

namespace {

/// An answer of the log; without a name it is that of a compaction.
struct answer {
  std::optional<write_id> write;
  log_result result;
};

log_outcome outcome_of(const log_result& result) noexcept {
  if (result.succeeded()) return log_outcome::ok;
  return result.failure() == log_failure::definite ? log_outcome::definite : log_outcome::ambiguous;
}

std::uint64_t size_of(const std::vector<log_record>& records) noexcept {
  std::uint64_t sum = 0;
  for (const auto& record : records)
    sum += record.body().size();
  return sum;
}

} // namespace

/// Where the log's thread leaves its answers. It outlives the writer: an answer may be on its way.
class log_writer::mailbox : public std::enable_shared_from_this<mailbox> {
public:
  mailbox(event_loop loop, log_writer& reader) : loop_(std::move(loop)), reader_(&reader) {}

  void put(answer a) noexcept {
    bool first;
    {
      const std::lock_guard lock(mutex_);
      first = answers_.empty();
      answers_.push_back(std::move(a));
    }
    if (!first) return; // whoever put the first has called the reader
    try {
      loop_.call_soon_threadsafe([self = shared_from_this()] { self->wake(); }, context());
    } catch (const std::runtime_error&) { // the loop was closed: nobody reads any more
    }
  }

  std::vector<answer> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(answers_, {});
  }

  void close() noexcept { reader_ = nullptr; }
  bool closed() const noexcept { return !reader_; }

private:
  void wake() {
    if (reader_) reader_->take_answers();
  }

  const event_loop loop_;
  log_writer* reader_; // used on the loop
  std::mutex mutex_;
  std::vector<answer> answers_;
};

awaitable<log_contents> log_writer::open(log_owner& owner) {
  owner_ = &owner;
  loop_ = get_running_loop();
  mailbox_ = std::make_shared<mailbox>(*loop_, *this);
  next_compaction_ = compact_above_;
  if (!log_.uses_thread()) co_return log_.open();
  auto open = [this] { return log_.open(); };
  co_return co_await blocking(open);
}

void log_writer::force(const write_id& write, log_record record) {
  if (compaction_wanted_)
    held_.push_back({write, std::move(record)});
  else
    write_now(write, record);
}

void log_writer::append(log_record record) {
  if (compaction_wanted_)
    held_.push_back({std::nullopt, std::move(record)});
  else
    append_now(record);
}

void log_writer::write_now(const write_id& write, const log_record& record) {
  count(+1);
  try {
    log_.force(record, [box = mailbox_, write](const log_result& result) { box->put({write, result}); });
  } catch (const std::exception& e) {
    refuse(write, e.what());
  }
}

/// The log throws for what it can never take, such as a record that is larger than a segment.
void log_writer::refuse(const write_id& write, const std::string& why) {
  mailbox_->put({write, log_result(log_failure::definite, std::make_error_code(std::errc::value_too_large), why)});
}

void log_writer::append_now(const log_record& record) {
  try {
    log_.append(record);
  } catch (const std::exception& e) { // its loss does no harm
    owner_->on_log_failure(
        log_result(log_failure::definite, std::make_error_code(std::errc::value_too_large), e.what()));
  }
}

void log_writer::take_answers() {
  const auto box = mailbox_; // who hears of it may destroy the writer
  for (const auto& [write, result] : box->take()) {
    count(-1);
    if (!result.succeeded()) owner_->on_log_failure(result);
    if (!box->closed() && write) owner_->on_written(*write, outcome_of(result));
    if (!box->closed()) after_answer(write.has_value(), result);
    if (box->closed()) return;
  }
  compact_if_due();
}

/// A compaction, or a record that was only appended, may have poisoned the log, which then refuses what follows: a
/// definite end of each of those writes. The owner hears of the poison behind the last of them.
void log_writer::after_answer(bool was_write, const log_result& result) {
  // Trying again at once would be all that it does while the disk is full.
  if (!was_write && !result.succeeded()) next_compaction_ = log_.statistics().bytes() + compact_above_;
  const bool ambiguous = result.failure() == log_failure::ambiguous;
  if (!refusals_left_ && ((!was_write && ambiguous) || result.code() == log_errc::poisoned))
    refusals_left_ = under_way_;
  else if (refusals_left_)
    --*refusals_left_;
  if (refusals_left_ == 0) owner_->on_written(write_id(record_type::end, branch_id()), log_outcome::ambiguous);
}

void log_writer::compact_if_due() {
  if (!compaction_wanted_) {
    if (log_.health() == log_health::poisoned) return;
    compaction_wanted_ = log_.statistics().bytes() > next_compaction_;
  }
  if (compaction_wanted_ && under_way_ == 0) compact();
}

void log_writer::compact() {
  const auto live = owner_->live_records();
  const auto needed = size_of(live);
  // Where most of it is still needed, it has to grow first.
  const bool worth_it = log_.statistics().bytes() > 4 * needed;
  next_compaction_ = std::max(compact_above_, 8 * needed);
  compaction_wanted_ = false;
  if (worth_it) {
    count(+1);
    try {
      log_.compact(live, [box = mailbox_](const log_result& result) { box->put({std::nullopt, result}); });
    } catch (const std::exception& e) {
      mailbox_->put({std::nullopt,
                     log_result(log_failure::definite, std::make_error_code(std::errc::value_too_large), e.what())});
    }
  }
  release_held();
}

void log_writer::release_held() {
  for (const auto& [write, record] : std::exchange(held_, {})) {
    if (write)
      write_now(*write, record);
    else
      append_now(record);
  }
}

void log_writer::count(int change) {
  under_way_ += change;
  if (!log_.uses_thread()) return;
  if (under_way_ == 0)
    waiting_for_thread_.reset();
  else if (!waiting_for_thread_)
    waiting_for_thread_.emplace(loop_->core());
}

awaitable<void> log_writer::close() {
  compaction_wanted_ = false;
  release_held();
  if (log_.uses_thread()) {
    auto close = [this] { log_.close(); };
    co_await blocking(close);
  } else {
    log_.close();
  }
  if (owner_) take_answers();
  abandon();
}

void log_writer::abandon() noexcept {
  if (mailbox_) mailbox_->close();
  owner_ = nullptr;
  waiting_for_thread_.reset();
}

} // namespace two_phase::detail
RONDO_END_NAMESPACE
