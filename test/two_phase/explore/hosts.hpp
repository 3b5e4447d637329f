// The processes of the model: a core with its log, its hooks and the resource behind them, and what has ever happened
// there.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/coordinator_core.hpp>
#include <rondo/two_phase/participant_core.hpp>

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace explore {

namespace two_phase = rondo::two_phase;

/// What users must be told if nothing fails (N1 and N2).
enum class promise : std::uint8_t { nothing, committed, refused };

/// What the first participant says in a run that must be refused.
inline constexpr const char* refusal = "no stock";

/// What may happen in a run.
struct settings {
  std::size_t participants = 2;
  std::size_t transactions = 1;
  std::uint8_t coordinator_crashes = 0;
  std::uint8_t participant_crashes = 0; // of each
  std::uint8_t coordinator_log_faults = 0;
  std::uint8_t participant_log_faults = 0; // of each
  std::uint8_t heuristics = 0;             // administrators' decisions, of each process
  std::uint8_t compactions = 0;            // of each process
  std::uint8_t sweeps = 0;                 // of each participant's resource
  bool votes_no = true;
  bool read_only = false;
  bool hooks_fail = false;
  bool deadlines = true;
  bool broker = false;      // messages are kept until they are acknowledged
  bool strangers = false;   // inquiries about transactions that the coordinator cannot have begun
  bool one_phase = false;   // one participant, which can commit in one phase
  bool only_damage = false; // look past broken rules of order, until something is really wrong
  bool crash_between =
      false; // the coordinator crashes after the begin of the first transaction and before the second's
  bool plain =
      false; // without the reductions of network.hpp: a mutant may remember without end what arrives without end
  bool keep_labels =
      true; // steps of different kinds that do the same are not taken for one: traces and what happened stay true
  promise promised = promise::nothing;

  bool has_faults() const { return coordinator_crashes + participant_crashes + coordinator_log_faults > 0; }
};

constexpr std::size_t most_transactions = 8;

const two_phase::participant_name& coordinator_name();
const two_phase::participant_name& participant_name_of(std::size_t index);
two_phase::log_uuid uuid_of(std::uint8_t number);

/// A message on its way.
struct letter {
  two_phase::participant_name to;
  two_phase::message what;

  friend auto operator<=>(const letter&, const letter&) = default;
};

/// A log: what is durable, and what would be lost, from some place on, in a crash.
struct log_model {
  struct waiting {
    two_phase::log_record record;
    std::optional<two_phase::write_id> write; // of a `force`
  };

  std::vector<two_phase::log_record> durable;
  std::vector<waiting> queue;

  bool forcing() const;
  /// Makes the first records of the queue durable.
  void sync(std::size_t count);
};

/// The work of one branch in a resource whose hooks can be repeated.
struct resource_model {
  bool prepared = false;
  std::uint8_t commits = 0; // how often the effect was applied
  bool undone = false;      // rolled back after it was durably prepared
};

/// What has ever happened with one transaction at one process; what is durable or visible outside survives a crash.
struct branch_history {
  std::uint32_t number = 0;
  resource_model resource;
  bool voted_yes = false; // yes or read-only
  bool prepared_durable = false;
  bool committed_durable = false;
  bool by_administrator = false;
  bool contradicted = false; // COMMIT came for a branch that was rolled back
};

struct transaction_history {
  two_phase::decision told = two_phase::decision::unknown;
  bool told_anything = false;
  bool commit_durable = false;
  bool ended = false;
  std::uint8_t yes = 0;         // branches in the durable commit record
  std::uint8_t commit_sent = 0; // branches
  std::uint8_t abort_sent = 0;
  std::uint8_t by_administrator = 0;
};

/// What the other processes' invariants need to know; bits are branches.
struct summary {
  struct per_transaction {
    std::uint8_t committed = 0;
    std::uint8_t undone = 0;
    std::uint8_t voted_yes = 0;
    std::uint8_t by_administrator = 0;
    std::uint8_t contradicted = 0;
    std::uint8_t yes = 0;
    two_phase::decision told = two_phase::decision::unknown;
    bool told_anything = false;

    friend bool operator==(const per_transaction&, const per_transaction&) = default;
  };
  std::array<per_transaction, most_transactions> transactions{};

  friend bool operator==(const summary&, const summary&) = default;
};

/// Transactions get small numbers in the order in which they appear.
class transaction_numbers {
public:
  std::size_t of(const two_phase::txid& id);
  std::size_t size() const { return known_.size(); }

private:
  std::vector<two_phase::txid> known_;
};

/// What one event did.
template <class Host>
struct happening {
  Host next;
  std::string label;
  std::vector<letter> sent{};
  std::vector<two_phase::txid> ended{};
  std::vector<std::uint64_t> acknowledged{};
  const char* violation = nullptr;
};

/// In log_steps.hpp.
template <class Host>
void add_log_steps(const Host& from, std::vector<happening<Host>>& steps);

class participant_host {
public:
  using step = happening<participant_host>;

  participant_host(const settings& options, std::size_t index);

  std::vector<step> local_steps(const settings& options) const;
  step deliver(const two_phase::message& what, std::uint64_t delivery) const;
  std::string fingerprint() const;
  bool quiet() const;
  summary summarize(transaction_numbers& numbers) const;

private:
  template <class Host>
  friend void add_log_steps(const Host& from, std::vector<happening<Host>>& steps);

  struct running_hook {
    two_phase::hook_kind kind;
    two_phase::branch_id branch;
  };

  static void apply(step& into, const two_phase::participant_event& event);
  static void check_message(step& into, const two_phase::message& sent);
  static void check_acknowledged(step& into, std::uint64_t delivery);
  static void take(step& into, const two_phase::action& action, bool inquiry);
  static void finish_hook(step& into, std::size_t which, two_phase::hook_result result);
  static void take_effect(step& into, const running_hook& hook, two_phase::hook_result result);
  static void sync(step& into, std::size_t count);
  void timer_steps(std::vector<step>& steps) const;
  void sweep_steps(std::vector<step>& steps) const;
  void hook_steps(const settings& options, std::vector<step>& steps) const;
  void crash_steps(std::vector<step>& steps) const;
  void administrator_steps(std::vector<step>& steps) const;
  step begin(std::string label) const;

  std::size_t index_;
  two_phase::participant_core core_;
  log_model log_;
  std::vector<running_hook> hooks_;
  std::map<two_phase::branch_id, branch_history> history_;
  std::map<std::uint64_t, two_phase::message> unacknowledged_;
  std::vector<two_phase::branch_id> orphans_; // that the resource is about to roll back
  bool listing_ = false;
  bool poisoned_ = false;
  bool refuses_; // its prepare hook never says yes
  std::uint8_t crashes_;
  std::uint8_t log_faults_;
  std::uint8_t heuristics_;
  std::uint8_t compactions_;
  std::uint8_t sweeps_;
};

class coordinator_host {
public:
  using step = happening<coordinator_host>;

  explicit coordinator_host(const settings& options);

  std::vector<step> local_steps(const settings& options) const;
  step deliver(const two_phase::message& what, std::uint64_t delivery) const;
  std::string fingerprint() const;
  bool quiet() const;
  summary summarize(transaction_numbers& numbers) const;

private:
  template <class Host>
  friend void add_log_steps(const Host& from, std::vector<happening<Host>>& steps);

  static void apply(step& into, const two_phase::coordinator_event& event);
  static void check_message(step& into, const two_phase::message& sent);
  static void check_result(step& into, const two_phase::completed& told);
  static void check_queries(step& into);
  static void sync(step& into, std::size_t count);
  static void enlist_and_commit(step& into, const settings& options, const two_phase::txid& id);
  void begin_steps(const settings& options, std::vector<step>& steps) const;
  void timer_steps(const settings& options, std::vector<step>& steps) const;
  void crash_steps(std::vector<step>& steps) const;
  void administrator_steps(std::vector<step>& steps) const;
  step begin(std::string label) const;

  two_phase::coordinator_core core_;
  log_model log_;
  std::map<two_phase::txid, transaction_history> history_;
  std::uint64_t epoch_ = 0; // of the last start
  std::uint8_t begun_ = 0;
  promise promised_;
  bool crash_between_;
  bool opened_ = false;
  bool poisoned_ = false;
  std::uint8_t crashes_;
  std::uint8_t log_faults_;
  std::uint8_t heuristics_;
  std::uint8_t compactions_;
};

const char* name_of(two_phase::hook_kind hook);

/// Actions whose handling is the same everywhere.
void queue_record(log_model& log, const two_phase::force& what);
void queue_record(log_model& log, const two_phase::append& what);
/// What tells the queues of two logs apart, as text. Records that nobody waits for matter only if the log will be read.
std::string describe_queue(const log_model& log, bool lazy_ones_too);

/// What tells a log apart for a process that may read it: the queue, and what a core becomes that reads what is
/// durable.
template <class Core>
std::string describe(const log_model& log, const two_phase::log_uuid& id, Core reader) {
  reader.step(two_phase::log_opened(id, log.durable));
  const auto bytes = reader.fingerprint();
  return describe_queue(log, true).append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

} // namespace explore
