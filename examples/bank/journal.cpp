// SPDX-License-Identifier: BSL-1.0
#include "journal.hpp"

#include <rondo/concurrent_future.hpp>
#include <rondo/threads.hpp>

#include <stdexcept>
#include <utility>

namespace tp = rondo::two_phase;

namespace bank {

namespace {

/// The log calls back on its own thread; the loop hears of it through a concurrent_future.
class answer {
public:
  // A task that is cancelled must not cancel what the log's thread is about to complete.
  answer() { future_.set_running_or_notify_cancel(); }

  tp::decision_log::done_callback callback() const {
    return [future = future_](const tp::log_result& result) { future.set_result(result); };
  }
  rondo::future<tp::log_result> on_loop() const { return rondo::wrap_future(future_); }

private:
  rondo::concurrent_future<tp::log_result> future_;
};

} // namespace

journal::journal(std::string directory, std::uint64_t compact_above, snapshot take)
    : log_(std::move(directory), tp::file_log_options().segment_size(std::size_t(4) << 20)),
      compact_above_(compact_above), compact_at_(compact_above), snapshot_(std::move(take)) {
  may_write_.set();
}

rondo::awaitable<tp::log_contents> journal::open() {
  failed_ = rondo::get_running_loop().create_future();
  co_return co_await rondo::blocking([this] { return log_.open(); });
}

rondo::task<void> journal::write(tp::log_record record, std::function<void()> apply) {
  // Eager, so that the order of the calls is the order in the log.
  return rondo::create_task(write_now(std::move(record), std::move(apply)),
                            rondo::task_options().name("journal").eager(true));
}

rondo::awaitable<void> journal::write_now(tp::log_record record, std::function<void()> apply) {
  const tp::log_result written = co_await force(std::move(record));
  --under_way_;
  check(written);
  if (apply) apply();
  if (log_.statistics().bytes() > compact_at_) may_write_.clear();
  if (!may_write_.is_set() && under_way_ == 0) co_await compact();
}

rondo::awaitable<tp::log_result> journal::force(tp::log_record record) {
  const answer written;
  {
    const auto turn = co_await turn_.scoped();
    co_await may_write_.wait();
    ++under_way_;
    log_.force(record, written.callback());
  }
  const rondo::future<tp::log_result> result = written.on_loop();
  co_return co_await result.get();
}

rondo::awaitable<void> journal::compact() {
  std::exception_ptr error;
  try {
    co_await replace_by_snapshot();
  } catch (const std::exception&) {
    error = std::current_exception();
  }
  if (error) fail(error);
  compact_at_ = log_.statistics().bytes() + compact_above_;
  may_write_.set();
}

rondo::awaitable<void> journal::replace_by_snapshot() {
  const records live = co_await snapshot_();
  const answer compacted;
  log_.compact(live, compacted.callback());
  const rondo::future<tp::log_result> result = compacted.on_loop();
  check(co_await result.get());
}

void journal::check(const tp::log_result& result) {
  if (!result.succeeded()) fail(std::make_exception_ptr(std::runtime_error(result.reason())));
}

void journal::fail(const std::exception_ptr& error) {
  if (!failed_.done()) failed_.set_exception(error);
  std::rethrow_exception(error);
}

rondo::awaitable<void> journal::close() {
  co_await rondo::blocking([this] { log_.close(); });
}

} // namespace bank
