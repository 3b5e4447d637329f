// coordinator_core: the state machine of a coordinator, without input and output, time and threads.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/orphan_sweep.hpp>

#include <map>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

class RONDO_EXPORT coordinator_core_options {
public:
  /// Transactions that may be in flight, phase 2 included; 10 000 unless told.
  coordinator_core_options& max_in_flight(std::size_t value) { return max_in_flight_ = value, *this; }
  /// How often ROLLBACK is sent again; 3 unless told. Who misses it asks.
  coordinator_core_options& rollback_retries(std::uint32_t value) { return rollback_retries_ = value, *this; }
  /// Whether aborted transactions are noted in the log, for people to read. No by default.
  coordinator_core_options& log_aborts(bool value) { return log_aborts_ = value, *this; }

  std::size_t max_in_flight() const noexcept { return max_in_flight_; }
  std::uint32_t rollback_retries() const noexcept { return rollback_retries_; }
  bool log_aborts() const noexcept { return log_aborts_; }

private:
  std::size_t max_in_flight_ = 10'000;
  std::uint32_t rollback_retries_ = 3;
  bool log_aborts_ = false;
};

/// Two-phase commit with presumed abort, seen from the coordinator.
///
/// A transaction is *active* until its user asks for the commit; *preparing* while votes are missing; *deciding* while
/// its commit record is being forced, when neither timers nor a cancellation count any more; *committing* until every
/// branch that voted yes has acknowledged; *aborting* while ROLLBACK is repeated a few times. What the coordinator does
/// not know is aborted, if it could have been its own. Time decides only that a transaction whose votes are late is
/// aborted, and that the answer to a one-phase commit is lost; a commit that was decided is repeated for ever.
///
/// Copies are independent; the same events give the same actions. Thread safety: one thread at a time.
class RONDO_EXPORT coordinator_core {
public:
  enum class phase : std::uint8_t { active, preparing, deciding, committing, aborting, one_phase };

  /// A transaction, for people.
  class info {
  public:
    info(const txid& id, coordinator_core::phase phase, std::vector<participant_name> missing, std::uint32_t attempts)
        : id_(id), phase_(phase), missing_(std::move(missing)), attempts_(attempts) {}

    const txid& id() const noexcept { return id_; }
    coordinator_core::phase phase() const noexcept { return phase_; }
    /// Those whose vote or acknowledgement is missing.
    const std::vector<participant_name>& missing() const noexcept { return missing_; }
    /// How often messages were sent again in this phase.
    std::uint32_t attempts() const noexcept { return attempts_; }

  private:
    txid id_;
    coordinator_core::phase phase_;
    std::vector<participant_name> missing_;
    std::uint32_t attempts_;
  };

  /// `name` is where participants send their answers.
  explicit coordinator_core(participant_name name, const coordinator_core_options& options = {});

  /// The only way in. The first event is `log_opened`, once; before it only messages may come.
  std::vector<action> step(const coordinator_event& event);
  /// The same into a vector, whose memory is used again.
  void step(const coordinator_event& event, std::vector<action>& actions);

  /// What decides later behaviour, as bytes: equal bytes, equal future.
  std::vector<std::byte> fingerprint() const;

  /// The records that a compacted log needs.
  std::vector<log_record> live_records() const;

  /// What became of a transaction whose `completed` said `log_poisoned` or was lost with the process: the log decides.
  ///
  /// `unknown` if that cannot be told at present, or any more: because the transaction ended and was forgotten, or
  /// because it may have been committed in one phase, of which only the resource of its branch knows.
  decision query(const txid& id) const;
  std::vector<info> list() const;

private:
  enum class status : std::uint8_t { starting, forcing_epoch, running, poisoned, unusable };
  /// Before the first COMMIT_1P of a start the log says that there are some: they leave no other record, so that
  /// without it a later start would take them for aborted.
  enum class note : std::uint8_t { missing, being_forced, durable };
  enum class progress : std::uint8_t { asked, yes, no, read_only, acknowledged };

  struct branch {
    participant_name participant;
    std::vector<std::byte> payload;
    log_uuid prepared_under;
    progress state = progress::asked;
    bool one_phase_capable = false;
    decision resolving = decision::unknown; // while an administrator's decision is being forced
    std::vector<std::byte> resolution;      // the body of its record, to be kept until the end
  };

  struct transaction {
    coordinator_core::phase phase = phase::active;
    std::uint32_t attempts = 0;
    decision outcome = decision::unknown; // what `closed` will say
    std::map<std::uint32_t, branch> branches;
  };

  /// The same order within one log, found with fewer comparisons.
  struct by_place {
    bool operator()(const txid& a, const txid& b) const noexcept {
      return a.place() != b.place() ? a.place() < b.place() : a.coordinator() < b.coordinator();
    }
  };

  using transactions = std::map<txid, transaction, by_place>;
  using entry = transactions::value_type;

  void on(const log_opened& event);
  void on(const log_written& event);
  void on(const received& event);
  void on(const timer_fired& event);
  void on(const begin_requested& event);
  void on(const enlist_requested& event);
  void on(const commit_requested& event);
  void on(const rollback_requested& event);
  void on(const resolve_requested& event);
  void on(const forget_requested& event);
  void on(const stop_requested& event);
  void on(const sweep_due& event);
  void on(const in_doubt_listed& event);

  void on_vote(const message& from);
  void on_ack(const message& from);
  void on_inquire(const message& from);
  void on_done(const message& from);

  errc why_not_running() const noexcept;
  bool replay(const log_entry& record);
  void start_running();
  void poison();

  void start_one_phase(entry& tx);
  void send_one_phase(entry& tx);
  void one_phase_noted(log_outcome outcome);
  void decide_if_all_voted(entry& tx);
  void commit_decided(entry& tx);
  void abort(entry& tx, errc code, std::string reason = {});
  void close_if_all_acknowledged(entry& tx);
  void close(entry& tx);
  void resolved_by_administrator(entry& tx, const branch_id& id, log_outcome outcome);

  bool ever_begun(const txid& id) const noexcept;
  outcome_kind answer_to(const branch_id& id) const;
  position low_water(const participant_name& participant) const;
  entry* find(const txid& id);
  branch* find_branch(entry& tx, std::uint32_t number);

  void send_to(const participant_name& to, message what);
  void send_prepares(entry& tx);
  void send_commits(entry& tx);
  void send_rollbacks(entry& tx);
  void send_commit(const entry& tx, std::uint32_t number, const branch& to);
  void send_rollback(const branch_id& to, const participant_name& participant);
  void arm_timer(timer_kind kind, const entry& tx);

  participant_name name_;
  coordinator_core_options options_;
  status status_ = status::starting;
  bool stopping_ = false;
  log_uuid log_;
  std::uint64_t epoch_ = 0;
  std::uint64_t next_seq_ = 1;
  transactions transactions_;
  note one_phase_note_ = note::missing;
  std::set<std::uint64_t> one_phase_epochs_; // earlier ones that have the note
  std::set<txid> committed_before_;          // found committed in the log at the start
  position forgotten_below_;                 // commit records below it may have been dropped before the start
  orphan_sweep sweep_;
  std::vector<action> out_; // of the step that runs
};

RONDO_EXPORT std::string_view to_string(coordinator_core::phase phase) noexcept;

} // namespace two_phase
RONDO_END_NAMESPACE
