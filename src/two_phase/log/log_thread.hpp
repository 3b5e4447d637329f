// The thread that writes a log: takes all requests that wait, writes them as one batch, calls back.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "store.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

class log_thread {
public:
  log_thread(std::unique_ptr<log_store> store, std::size_t max_batch);
  ~log_thread();

  log_contents open();
  void force(std::span<const log_record> records, decision_log::done_callback done);
  void append(const log_record& record);
  void compact(std::span<const log_record> live, decision_log::done_callback done);
  void close();

  log_health health() const noexcept;
  log_statistics statistics() const;
  std::string description() const { return store_->description(); }

private:
  enum class kind : std::uint8_t { force, append, compact };

  struct request {
    kind what;
    std::vector<log_record> records;
    decision_log::done_callback done; // empty for append
  };

  enum class state : std::uint8_t { unopened, open, closing, closed };

  void add(kind what, std::span<const log_record> records, decision_log::done_callback done);
  void run() noexcept;
  bool wait_for_work(std::unique_lock<std::mutex>& lock);
  void look_for_work(std::unique_lock<std::mutex>& lock);
  std::vector<request> take_batch();
  log_result perform(std::span<request> batch);
  void prepare_growth(std::unique_lock<std::mutex>& lock);
  void call_back(std::span<request> batch, const log_result& result) noexcept;
  void finish(std::span<const request> batch, const log_result& result);

  const std::unique_ptr<log_store> store_;
  const std::size_t max_batch_;

  mutable std::mutex mutex_;
  std::condition_variable work_;
  // Under mutex_:
  state state_ = state::unopened;
  bool poisoned_ = false;
  bool can_grow_ = false;
  std::deque<request> queue_;
  std::size_t appends_ = 0; // in the queue
  log_statistics statistics_;
  std::thread thread_;

  // The thread's own:
  std::chrono::steady_clock::time_point growth_tried_;
  bool work_comes_soon_ = false; // the last time it had to wait for it

  // Become more under mutex_ only:
  std::atomic<std::size_t> forces_ = 0;   // that have not called back
  std::atomic<std::size_t> arrivals_ = 0; // of what the thread waits for
};

} // namespace two_phase::detail
RONDO_END_NAMESPACE
