// Processes: a coordinator or a participant with its disk and its banks, which crashes and starts again.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "bank.hpp"
#include "network.hpp"
#include "sim_log.hpp"

#include <rondo/two_phase/coordinator.hpp>
#include <rondo/two_phase/participant.hpp>

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace sim {

class node : public process, public two_phase::observer {
public:
  node(hub& h, oracle& judge, network& net, std::string name, std::size_t index);
  virtual ~node() = default;

  void start();
  /// It ends at the n-th fail point from now on.
  void crash_at_point(std::uint64_t n) { points_left_ = n; }
  /// Stops it as its user would, and starts it again later.
  void stop_for_a_while();
  rondo::awaitable<void> stop_for_good();
  /// The run is over, whatever state this is in.
  void abandon();
  bool is_up() const { return state_ == life::up; }
  /// Up, and will stay so if nothing fails.
  bool is_well() const { return is_up() && !dead_ && !poisoned_; }
  std::uint64_t lives() const { return lives_; }

  const std::string& name() const override { return name_; }
  void hit(fault what, const two_phase::branch_id& branch) override;
  void hit_everything(fault what) override;
  void crash(fault why) override { crash(std::optional(why)); }

  void on_notice(const two_phase::notice& what) override;

  const vault& safe(std::size_t which) const { return vaults_[which]; }
  virtual bool is_quiet() const = 0;
  virtual std::string describe() const = 0;
  /// Whether a message has had its effect, if it has one.
  bool is_done_with(const message& what) const;
  /// What a new process would read from the disk, after the end.
  two_phase::log_contents read_log();

protected:
  enum class life : std::uint8_t { down, starting, up, stopping };

  virtual void make_shell() = 0;
  virtual rondo::awaitable<void> start_shell() = 0;
  virtual rondo::awaitable<void> stop_shell(rondo::time_limit drain) = 0;
  virtual void drop_shell() = 0;
  virtual void gone() {}
  virtual void poisoned() {}
  virtual std::optional<state> state_of(const two_phase::branch_id& branch) const = 0;
  virtual std::vector<state> states() const = 0;

  bank& add_bank(std::size_t index);
  std::function<void(std::string_view)> fail_points();
  two_phase::participant_name own_name() const { return two_phase::participant_name(name_); }
  bool disk_rests() const { return !log_ || log_->rests(); }
  bool has_shell() const { return state_ != life::down; }

  hub& hub_;
  oracle& judge_;
  network& net_;
  random_stream random_;
  sim_disk disk_;
  std::unique_ptr<sim_log> log_;
  std::unique_ptr<sim_transport> transport_;
  std::vector<bank*> banks_; // of this life

private:
  void crash(std::optional<fault> why);
  void end_life(std::optional<fault> why);
  void start_later();
  rondo::awaitable<void> run_start(std::uint64_t number);
  rondo::awaitable<void> run_stop(std::uint64_t number);
  void schedule_early_crash();
  void choose_fail_point();
  std::vector<state> all_states() const;
  void disk_failed(fault which);

  std::string name_;
  std::size_t index_;
  std::deque<vault> vaults_;   // stay where they are
  std::deque<bank> all_banks_; // also of earlier lives: a cancelled hook may still unwind
  life state_ = life::down;
  bool dead_ = false;
  bool poisoned_ = false;
  std::uint64_t lives_ = 0;
  std::uint64_t points_left_ = 0; // until it crashes; 0: never
  std::vector<state> last_states_;
};

class coordinator_node final : public node {
public:
  coordinator_node(hub& h, oracle& judge, network& net, std::size_t index);
  ~coordinator_node() override { coordinator_.reset(); }

  /// Only while it is up.
  two_phase::coordinator& get() { return *coordinator_; }

  void on_completed(const txid& id, const two_phase::commit_result& result, rondo::clock::duration age) override;
  void on_closed(const txid& id, decision how, rondo::clock::duration age) override;
  bool is_quiet() const override;
  std::string describe() const override;

  static std::string local_name(std::size_t coordinator, std::size_t local);

private:
  void make_shell() override;
  rondo::awaitable<void> start_shell() override { return coordinator_->start(); }
  rondo::awaitable<void> stop_shell(rondo::time_limit drain) override { return coordinator_->stop(drain); }
  void drop_shell() override { coordinator_.reset(); }
  void gone() override { judge_.coordinator_gone(number_); }
  void poisoned() override { judge_.coordinator_poisoned(number_); }
  std::optional<state> state_of(const two_phase::branch_id& branch) const override;
  std::vector<state> states() const override;

  std::size_t number_;
  std::unique_ptr<two_phase::coordinator> coordinator_;
};

class participant_node final : public node {
public:
  participant_node(hub& h, oracle& judge, network& net, std::size_t index);
  ~participant_node() override { participant_.reset(); }

  two_phase::participant& get() { return *participant_; }

  void on_branch_ended(const two_phase::branch_id& branch, decision how) override;
  bool is_quiet() const override;
  std::string describe() const override;

private:
  void make_shell() override;
  rondo::awaitable<void> start_shell() override { return participant_->start(); }
  rondo::awaitable<void> stop_shell(rondo::time_limit drain) override { return participant_->stop(drain); }
  void drop_shell() override { participant_.reset(); }
  std::optional<state> state_of(const two_phase::branch_id& branch) const override;
  std::vector<state> states() const override;

  std::size_t number_;
  std::unique_ptr<two_phase::participant> participant_;
};

} // namespace sim
