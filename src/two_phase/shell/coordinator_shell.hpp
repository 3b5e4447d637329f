// coordinator_shell: drives a coordinator_core on a loop.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "local_resources.hpp"
#include "node.hpp"
#include "transaction_state.hpp"

#include <rondo/two_phase/coordinator.hpp>

#include <map>
#include <set>
#include <unordered_map>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

/// Events go in one after the other; what an action leads to at once, such as the vote of a hook that does not wait, is an
/// event behind those that are there.
///
///     users, transport, log, timers, hooks --post--> queue --> coordinator_core --actions--> perform
class coordinator_shell final : public node, public local_owner {
public:
  coordinator_shell(participant_name name, decision_log& log, transport* net, const coordinator_options& options);

  void add_resource(participant_name name, resource& what);
  awaitable<void> start();
  awaitable<transaction> begin(transaction_options options);
  decision query(const txid& id) const { return core_.query(id); }
  std::vector<transaction_info> list() const;
  awaitable<void> resolve(branch_id branch, decision how, std::string who);
  void forget(const branch_id& branch, participant_name participant);
  awaitable<void> stop(time_limit drain);
  coordinator_statistics statistics() const;

  // For transactions.
  void check_branch(const participant_name& participant, std::size_t payload_size) const;
  bool one_phase_capable(const participant_name& participant) const;
  void request_commit(transaction_state& tx);
  void request_rollback(const txid& id, errc code, std::string reason);

  void on_message(message what, std::uint64_t delivery) override;
  void on_written(const write_id& write, log_outcome outcome) override;
  std::vector<log_record> live_records() const override { return core_.live_records(); }
  void on_hook_finished(const hook_finished& how, const std::exception_ptr& error) override;
  void on_local_answer(message what) override;
  void on_local_listed(const std::string& resource, std::vector<branch_id> branches) override;
  void on_local_failed(const hook_finished& how, const std::exception_ptr& error) override;
  void on_local_idle() override;
  clock::duration local_retry_delay(std::uint32_t attempt) override;

private:
  struct hash_of_place {
    std::size_t operator()(const txid& id) const noexcept { return id.seq() * 31 + id.epoch(); }
  };
  using transactions = std::unordered_map<txid, std::shared_ptr<transaction_state>, hash_of_place>;

  void post(coordinator_event event);
  void process(const coordinator_event& event);

  void perform(send& what);
  void perform(force& what);
  void perform(append& what);
  void perform(const arm& what);
  void perform(const acknowledge& what);
  void perform(const alarm& what);
  void perform(const started& what);
  void perform(const granted& what);
  void perform(const refused& what);
  void perform(const resolved& what);
  void perform(const completed& what);
  void perform(const closed& what);
  void perform(const run_hook&) {}
  void perform(const reattach&) {}
  void perform(const list_in_doubt& what);
  void perform(const roll_back_orphan& what);

  void report_unknown(const participant_name& to, const message& what);
  clock::duration delay_of(const arm& what, const transaction_state& tx);
  transaction_state& state_of(const txid& id);
  void schedule_sweeps();
  void wake_if_idle();
  bool idle() const noexcept { return transactions_.empty() && locals_.idle(); }
  awaitable<void> close_all();
  void drop_all() noexcept override;
  void end_waits() noexcept;

  const coordinator_options options_;
  coordinator_core core_;
  local_resources locals_;
  log_uuid log_id_;
  std::vector<coordinator_event> events_; // that came while another was being processed
  std::vector<action> actions_;           // of the event that is being processed
  bool processing_ = false;

  std::uint64_t next_request_ = 1;
  std::unordered_map<std::uint64_t, std::shared_ptr<transaction_state>> beginning_;
  transactions transactions_;
  std::multimap<branch_id, future<std::error_code>> resolving_;
  std::set<participant_name> reported_names_;
  callback_handle sweep_timer_;
  std::optional<future<bool>> starting_;
  event idle_; // nothing is in flight; looked at by `stop`
  bool stopping_ = false;
  event stopped_;

  counter begun_, refused_, committed_, aborted_, unknown_, closed_, in_flight_;
};

} // namespace two_phase::detail
RONDO_END_NAMESPACE
