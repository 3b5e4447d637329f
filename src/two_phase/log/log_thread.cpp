// SPDX-License-Identifier: BSL-1.0
#include "log_thread.hpp"

#include <fmt/format.h>

#include <signal.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {
namespace {

// How often a log that cannot grow tries again: who asked for nothing new because of it gives no other occasion.
constexpr std::chrono::seconds growth_retry{1};

// Below a sync's time: a caller that forces again at once is not kept waiting for a thread that has to wake up first.
constexpr std::chrono::microseconds look_before_sleep{50};

/// A thread that no signal of the process is delivered to: handlers run on the program's own threads.
template <class Function>
std::thread start_without_signals(Function function) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread thread(std::move(function));
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
}

} // namespace

log_thread::log_thread(std::unique_ptr<log_store> store, std::size_t max_batch)
    : store_(std::move(store)), max_batch_(max_batch) {}

log_thread::~log_thread() { close(); }

log_contents log_thread::open() {
  {
    const std::lock_guard lock(mutex_);
    if (state_ != state::unopened) throw std::logic_error("a decision log is opened once: make a new object");
    state_ = state::closed;
  }
  log_contents contents = store_->open();
  try {
    can_grow_ = store_->prepare_growth();
    growth_tried_ = std::chrono::steady_clock::now();
    const std::lock_guard lock(mutex_);
    statistics_ = store_->statistics();
    thread_ = start_without_signals([this] { run(); });
    state_ = state::open;
  } catch (...) {
    store_->close();
    throw;
  }
  return contents;
}

void log_thread::force(std::span<const log_record> records, decision_log::done_callback done) {
  if (records.empty()) throw std::invalid_argument("decision_log::force needs at least one record");
  if (!done) throw std::invalid_argument("decision_log::force needs a callback");
  add(kind::force, records, std::move(done));
}

void log_thread::append(const log_record& record) { add(kind::append, {&record, 1}, {}); }

void log_thread::compact(std::span<const log_record> live, decision_log::done_callback done) {
  if (!done) throw std::invalid_argument("decision_log::compact needs a callback");
  add(kind::compact, live, std::move(done));
}

void log_thread::add(kind what, std::span<const log_record> records, decision_log::done_callback done) {
  const std::size_t size = store_->size_of(records);
  if (what != kind::compact && size > store_->largest_batch())
    throw std::invalid_argument(fmt::format("{} records of {} bytes do not fit into a segment of the decision log, "
                                            "which holds {}: make the segments larger",
                                            records.size(), size, store_->largest_batch()));
  request added{what, {records.begin(), records.end()}, std::move(done)};
  {
    const std::lock_guard lock(mutex_);
    if (state_ != state::open) throw std::logic_error("the decision log is not open");
    if (const std::size_t forces = forces_; what == kind::compact && forces > 0)
      throw std::logic_error(fmt::format("decision_log::compact while {} forces have not called back: their records "
                                         "could get lost",
                                         forces));
    queue_.push_back(std::move(added));
    if (what == kind::force) ++forces_;
    if (what == kind::append && ++appends_ < max_batch_) return;
    ++arrivals_;
  }
  work_.notify_one();
}

void log_thread::close() {
  {
    const std::lock_guard lock(mutex_);
    if (thread_.get_id() == std::this_thread::get_id())
      throw std::logic_error("a decision log cannot be closed in a callback of its own");
    if (state_ != state::open) return;
    state_ = state::closing;
    ++arrivals_;
  }
  work_.notify_one();
  thread_.join();
  store_->close();
  const std::lock_guard lock(mutex_);
  state_ = state::closed;
}

log_health log_thread::health() const noexcept {
  const std::lock_guard lock(mutex_);
  if (state_ != state::open) return log_health::closed;
  if (poisoned_) return log_health::poisoned;
  return can_grow_ ? log_health::ready : log_health::cannot_grow;
}

log_statistics log_thread::statistics() const {
  const std::lock_guard lock(mutex_);
  return statistics_;
}

/// Whether there is anything to do; not if the log closes and all is done.
bool log_thread::wait_for_work(std::unique_lock<std::mutex>& lock) {
  const auto has_work = [this] {
    return state_ == state::closing || queue_.size() > appends_ || appends_ >= max_batch_;
  };
  const auto begin = std::chrono::steady_clock::now();
  if (!has_work() && work_comes_soon_) look_for_work(lock);
  while (!has_work()) {
    if (can_grow_ || poisoned_) {
      work_.wait(lock);
    } else {
      work_.wait_until(lock, growth_tried_ + growth_retry);
      if (!has_work()) prepare_growth(lock);
    }
  }
  work_comes_soon_ = std::chrono::steady_clock::now() - begin < look_before_sleep;
  return !queue_.empty();
}

void log_thread::look_for_work(std::unique_lock<std::mutex>& lock) {
  const std::size_t seen = arrivals_;
  const auto end = std::chrono::steady_clock::now() + look_before_sleep;
  lock.unlock();
  while (arrivals_ == seen && std::chrono::steady_clock::now() < end)
    std::this_thread::yield();
  lock.lock();
}

/// A compaction is a batch of its own.
std::vector<log_thread::request> log_thread::take_batch() {
  std::vector<request> batch;
  for (std::size_t bytes = 0; !queue_.empty() && batch.size() < max_batch_;) {
    request& next = queue_.front();
    const bool alone = next.what == kind::compact;
    bytes += alone ? 0 : store_->size_of(next.records);
    if (!batch.empty() && (alone || bytes > store_->largest_batch())) break;
    if (next.what == kind::append) --appends_;
    batch.push_back(std::move(next));
    queue_.pop_front();
    if (alone) break;
  }
  return batch;
}

void log_thread::run() noexcept {
  std::unique_lock lock(mutex_);
  while (wait_for_work(lock)) {
    std::vector<request> batch = take_batch();
    const bool poisoned = poisoned_;
    lock.unlock();
    const log_result result =
        poisoned ? log_result(log_failure::definite, log_errc::poisoned,
                              "nothing was written: an earlier write to the decision log failed and may have happened; "
                              "open the log again")
                 : perform(batch);
    lock.lock();
    finish(batch, result);
    lock.unlock();
    call_back(batch, result);
    batch.clear(); // what the callbacks hold may use the log
    lock.lock();
    prepare_growth(lock);
  }
}

void log_thread::prepare_growth(std::unique_lock<std::mutex>& lock) {
  const auto now = std::chrono::steady_clock::now();
  if (poisoned_ || (!can_grow_ && now < growth_tried_ + growth_retry)) return;
  growth_tried_ = now;
  lock.unlock();
  const bool can_grow = store_->prepare_growth();
  lock.lock();
  can_grow_ = can_grow;
}

log_result log_thread::perform(std::span<request> batch) {
  try {
    if (batch.front().what == kind::compact) return store_->compact(batch.front().records);
    std::vector<log_record> records;
    for (request& each : batch)
      std::ranges::move(each.records, std::back_inserter(records));
    return store_->write(records);
  } catch (const std::exception& error) {
    return {log_failure::ambiguous, std::make_error_code(std::errc::not_enough_memory), error.what()};
  }
}

void log_thread::finish(std::span<const request> batch, const log_result& result) {
  if (result.failure() == log_failure::ambiguous) poisoned_ = true;
  std::uint64_t batches = statistics_.batches();
  std::uint64_t records = statistics_.records();
  if (result.succeeded() && batch.front().what != kind::compact) {
    ++batches;
    for (const request& each : batch)
      records += each.records.size();
  }
  statistics_ = store_->statistics().batches(batches).records(records);
}

void log_thread::call_back(std::span<request> batch, const log_result& result) noexcept {
  for (request& each : batch) {
    if (each.what == kind::force) --forces_;
    if (each.done) each.done(result);
  }
}

} // namespace two_phase::detail
RONDO_END_NAMESPACE
