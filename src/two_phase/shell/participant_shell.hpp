// participant_shell: drives a participant_core on a loop.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "node.hpp"

#include <rondo/event.hpp>
#include <rondo/two_phase/participant.hpp>

#include <map>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

/// As the coordinator's shell: one queue of events, actions in the order that the state machine gives them.
class participant_shell final : public node {
public:
  participant_shell(participant_name name, resource& what, decision_log& log, transport& net,
                    const participant_options& options);

  awaitable<void> start();
  std::vector<participant_core::info> list() const { return core_.list(); }
  std::vector<participant_core::info> in_doubt() const;
  awaitable<void> resolve(branch_id branch, decision how, std::string who);
  awaitable<void> forget(branch_id branch);
  awaitable<void> stop(time_limit drain);
  participant_statistics statistics() const;

  void on_message(message what, std::uint64_t delivery) override;
  void on_written(const write_id& write, log_outcome outcome) override;
  std::vector<log_record> live_records() const override { return core_.live_records(); }
  void on_hook_finished(const hook_finished& how, const std::exception_ptr& error) override;

private:
  void post(participant_event event);
  void process_waiting();
  void perform_all(std::vector<action>& actions);

  void perform(const send& what);
  void perform(force& what);
  void perform(append& what);
  void perform(const arm& what);
  void perform(const acknowledge& what);
  void perform(const alarm& what);
  void perform(const resolved& what);
  void perform(run_hook& what);
  void perform(const list_in_doubt& what);
  void perform(const roll_back_orphan& what);
  void perform(const reattach&) {} // `start` has done it
  void perform(const started&) {}
  void perform(const granted&) {}
  void perform(const refused&) {}
  void perform(const completed&) {}
  void perform(const closed&) {}

  bool acceptable(const message& what);
  awaitable<void> reattach_all(std::vector<action>& actions);
  awaitable<void> answer_of(branch_id branch, participant_event request);
  void end_of_hook(const hook_finished& how);
  void run_orphan_rollback(const branch_id& branch);
  void schedule_sweep();
  void wake_if_idle();
  bool idle() const noexcept { return hooks_.idle() && !log_.busy(); }
  awaitable<void> close_all();
  void drop_all() noexcept override;

  const participant_options options_;
  participant_core core_;
  resource& resource_;
  log_uuid log_id_;
  std::vector<participant_event> events_; // that came while another was being processed
  std::vector<action> actions_;           // of the event that is being processed
  bool processing_ = false;

  std::map<timer_id, callback_handle> timers_;
  std::map<branch_id, callback_handle> prepare_limits_;
  std::map<branch_id, any_task> orphans_;
  std::multimap<branch_id, future<std::error_code>> resolving_;
  any_task listing_;
  callback_handle sweep_timer_;
  bool unreadable_ = false;
  bool stopping_ = false;
  event idle_;
  event stopped_;

  counter prepared_, refused_, committed_, rolled_back_;
};

} // namespace two_phase::detail
RONDO_END_NAMESPACE
