// participant_core: the state machine of a participant with a log, without input and output, time and threads.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/orphan_sweep.hpp>

#include <map>
#include <optional>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

/// Two-phase commit with presumed abort, seen from a participant.
///
/// It votes yes only when PREPARED is durable, and from then on does only what its coordinator decides, whatever the
/// time: it asks, for ever, and never guesses. It acknowledges a commit only when COMMITTED is durable. Finished
/// branches are remembered until the coordinator's low-water mark has passed them; after that the mark refuses late
/// copies of PREPARE.
///
/// Copies are independent; the same events give the same actions. Thread safety: one thread at a time.
class RONDO_EXPORT participant_core {
public:
  enum class phase : std::uint8_t {
    preparing,         ///< the prepare hook runs
    forcing_prepared,  ///< PREPARED is being forced
    prepared,          ///< in doubt
    committing,        ///< the commit hook runs, or failed and will run again
    forcing_committed, ///< COMMITTED is being forced, or was refused and will be forced again
    committed,         ///< remembered
    rolling_back,      ///< the rollback hook runs, or failed and will run again
    aborted,           ///< remembered
    refused,           ///< voted no; remembered, not in the log
    read_only,         ///< voted so; remembered, not in the log
    one_phase,         ///< the hook commit_one_phase runs, or failed and will run again
    forcing_aborted,   ///< one phase: ABORTED is being forced, or was refused and will be forced again
    resolving,         ///< an administrator's decision is being forced
    heuristic,         ///< an administrator's decision is durable, and carried out when no hook runs
    forgetting,        ///< FORGET is being forced
  };

  /// A branch, for people.
  class info {
  public:
    info(const branch_id& id, participant_core::phase phase, participant_name coordinator, std::uint32_t attempts)
        : id_(id), phase_(phase), coordinator_(std::move(coordinator)), attempts_(attempts) {}

    const branch_id& id() const noexcept { return id_; }
    participant_core::phase phase() const noexcept { return phase_; }
    const participant_name& coordinator() const noexcept { return coordinator_; }
    /// How often it asked, or a hook failed, in this phase.
    std::uint32_t attempts() const noexcept { return attempts_; }

  private:
    branch_id id_;
    participant_core::phase phase_;
    participant_name coordinator_;
    std::uint32_t attempts_;
  };

  /// `name` is where coordinators send their messages.
  explicit participant_core(participant_name name);

  /// The only way in. The first event is `log_opened`, once; messages before it are lost.
  std::vector<action> step(const participant_event& event);
  /// The same into a vector, whose memory is used again.
  void step(const participant_event& event, std::vector<action>& actions);

  /// What decides later behaviour, as bytes: equal bytes, equal future.
  std::vector<std::byte> fingerprint() const;

  /// The records that a compacted log needs; without those of a `force` that is under way.
  std::vector<log_record> live_records() const;

  std::vector<info> list() const;

private:
  enum class status : std::uint8_t { starting, running, poisoned, unusable };

  struct branch {
    participant_core::phase phase = phase::preparing;
    participant_name coordinator;
    std::vector<std::byte> token;
    std::vector<std::byte> payload;       // until prepare or commit_one_phase has done its work
    bool durable = false;                 // PREPARED is in the log
    bool hook_running = false;            // and its end will be reported
    bool writing = false;                 // a `force` for it will be answered
    bool doomed = false;                  // rolled back by the coordinator before it was prepared
    bool single = false;                  // commit_one_phase: the answer is DONE
    bool carried_out = false;             // heuristic: the hook has done what the administrator wants
    bool decision_logged = false;         // heuristic: the coordinator's decision is in the log
    decision wanted = decision::unknown;  // by the administrator
    decision decided = decision::unknown; // by the coordinator, where `wanted` was first
    std::vector<std::byte> resolution;    // the body of the administrator's record
    std::string reason;                   // of a no
    std::vector<std::uint64_t> deliveries;
    std::uint32_t attempts = 0;
  };

  using branches = std::map<branch_id, branch>;
  using entry = branches::value_type;

  void on(const log_opened& event);
  void on(const log_written& event);
  void on(const received& event);
  void on(const timer_fired& event);
  void on(const hook_finished& event);
  void on(const resolve_requested& event);
  void on(const forget_requested& event);
  void on(const sweep_due& event);
  void on(const in_doubt_listed& event);

  void on_prepare(const received& event);
  void on_one_phase(const received& event);
  void on_commit(const received& event);
  void on_commit_of_unknown(const received& event);
  void on_rollback(const received& event);
  void on_outcome(const received& event);
  void on_forget(const received& event);
  void on_decision_after_administrator(entry& held, decision decided);
  void answer_after_administrator(entry& held);

  void prepare_finished(entry& held, const hook_finished& event);
  void commit_finished(entry& held);
  void rollback_finished(entry& held);
  void one_phase_finished(entry& held, const hook_finished& event);
  void one_phase_refused(entry& held);
  void prepared_written(entry& held, log_outcome outcome);
  void committed_written(entry& held, log_outcome outcome);
  void aborted_written(entry& held, log_outcome outcome);
  void heuristic_written(entry& held, log_outcome outcome);
  void forget_written(entry& held, log_outcome outcome);
  void poison();

  bool replay(const log_entry& record);
  void resume(entry& held);
  void note_low_water(const message& from);
  void drop_below_watermark(log_uuid coordinator); // a copy: it may be that of a branch that is dropped
  bool below_watermark(const txid& id) const;
  void refuse_swept(const branch_id& id);

  entry* find(const branch_id& id);
  static hook_kind hook_of(const branch& state) noexcept;
  void run_hook_of(entry& held);
  void start_commit(entry& held);
  void start_rollback(entry& held);
  void force_record(entry& held, record_type type, log_record record);
  void retry_later(entry& held);
  void inquire(entry& held);
  void send_to(const participant_name& to, message what);
  void send_vote(entry& held, vote value);
  void send_ack(const branch_id& id, const participant_name& to, ack_kind kind);
  void send_done(entry& held);
  void keep_delivery(entry& held, std::uint64_t delivery);
  void acknowledge_now(std::uint64_t delivery);
  void acknowledge_deliveries(entry& held);

  participant_name name_;
  status status_ = status::starting;
  log_uuid log_;
  branches branches_;
  std::map<log_uuid, position> watermarks_;
  std::map<log_uuid, position> logged_watermarks_;
  orphan_sweep sweep_;
  std::vector<action> out_; // of the step that runs
};

RONDO_EXPORT std::string_view to_string(participant_core::phase phase) noexcept;

} // namespace two_phase
RONDO_END_NAMESPACE
