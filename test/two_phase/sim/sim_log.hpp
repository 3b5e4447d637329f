// A decision log on a simulated disk: the store of file_log, without its thread.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "disk.hpp"
#include "oracle.hpp"

#include <two_phase/log/file_store.hpp>

#include <rondo/two_phase/decision_log.hpp>

#include <deque>
#include <memory>

namespace sim {

/// It works in time on the loop: requests that wait are one write, which takes a while; its effect and its answer come
/// at the end of that. A crash in between may find any part of it on the disk.
class sim_log final : public two_phase::decision_log {
public:
  sim_log(hub& h, oracle& judge, process& owner, sim_disk& disk, random_stream random);
  ~sim_log() override;

  /// Makes the log of a new disk.
  static void make(sim_disk& disk, const two_phase::log_uuid& id, std::size_t segment_size);

  /// No write is under way; one that stalls may take longer than a transaction.
  bool rests() const { return batch_.empty(); }
  /// Takes nothing and answers nothing any more.
  void die();
  /// After `die`: what was under way is on the disk in part. The disk is off then.
  void lose_power(const power_loss& how);

  using decision_log::force;

  two_phase::log_contents open() override;
  void force(std::span<const two_phase::log_record> records, done_callback done) override;
  void append(const two_phase::log_record& record) override;
  void compact(std::span<const two_phase::log_record> live, done_callback done) override;
  void close() override;
  bool durable() const noexcept override { return true; }
  bool uses_thread() const noexcept override { return false; }
  two_phase::log_health health() const noexcept override;
  two_phase::log_statistics statistics() const override;
  std::string description() const override { return "a simulated log"; }

private:
  struct request {
    std::vector<two_phase::log_record> records;
    done_callback done; // empty: an append
    bool compaction = false;
  };

  void check_open() const;
  void start_batch();
  void finish_batch();
  void choose_trouble();
  two_phase::log_result perform();
  void call_back(const two_phase::log_result& result);
  void tell_durable(const two_phase::log_record& record);
  void try_to_grow() const;

  hub& hub_;
  oracle& judge_;
  process& owner_;
  sim_disk& disk_;
  mutable random_stream random_;
  std::unique_ptr<two_phase::detail::file_store> store_;
  std::deque<request> queue_;
  std::vector<request> batch_; // that is being written
  std::size_t forces_ = 0;     // not answered
  rondo::callback_handle timer_;
  bool open_ = false;
  bool dead_ = false;
  bool poisoned_ = false;
  mutable bool can_grow_ = true;
  mutable rondo::clock::time_point growth_tried_;
  std::uint64_t batches_ = 0;
  std::uint64_t records_ = 0;
};

} // namespace sim
