// coordinator: begins transactions, decides them, and sees to it that the decision is carried out.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/calls.hpp>
#include <rondo/two_phase/coordinator_core.hpp>
#include <rondo/two_phase/decision_log.hpp>
#include <rondo/two_phase/observer.hpp>
#include <rondo/two_phase/resource.hpp>
#include <rondo/two_phase/timeouts.hpp>
#include <rondo/two_phase/transaction.hpp>
#include <rondo/two_phase/transport.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

/// How a coordinator works: `coordinator_options().prepare_timeout(2s).max_in_flight(100)`.
class RONDO_EXPORT coordinator_options {
public:
  /// For all votes of a transaction, from `commit` on; 20 s unless told.
  coordinator_options& prepare_timeout(clock::duration value) { return prepare_timeout_ = value, *this; }
  /// For the answer of the only branch of a transaction that is committed in one phase; 20 s unless told. Then the
  /// outcome is unknown.
  coordinator_options& one_phase_timeout(clock::duration value) { return one_phase_timeout_ = value, *this; }
  /// From `begin` to `commit`; 60 s unless told.
  coordinator_options& lifetime(clock::duration value) { return lifetime_ = value, *this; }
  /// After which time a participant that has not carried out a commit is reported; 30 s unless told.
  coordinator_options& stuck_after(clock::duration value) { return stuck_after_ = value, *this; }
  /// Between copies of PREPARE: 1 s to 10 s unless told.
  coordinator_options& prepare_retry(const backoff& value) { return prepare_retry_ = value, *this; }
  /// Between copies of COMMIT, which are sent for ever, and of ROLLBACK: 50 ms to 30 s unless told. Also between
  /// attempts of a hook of a resource of the coordinator's own.
  coordinator_options& phase2_retry(const backoff& value) { return phase2_retry_ = value, *this; }
  /// How often the resources are asked for branches that nobody will decide; every 60 s unless told.
  coordinator_options& sweep_interval(clock::duration value) { return sweep_interval_ = value, *this; }
  /// Transactions that may be in flight, phase 2 included; 10 000 unless told. More are refused.
  coordinator_options& max_in_flight(std::size_t value) { return max_in_flight_ = value, *this; }
  /// The largest payload of a branch, in bytes; 1 000 000 unless told. It must fit the frames of the transport.
  coordinator_options& max_payload(std::size_t bytes) { return max_payload_ = bytes, *this; }
  /// The log is compacted when it has more than so many bytes, and four times what is needed; 4 MiB unless told.
  coordinator_options& compact_above(std::uint64_t bytes) { return compact_above_ = bytes, *this; }
  /// Whether aborted transactions are noted in the log, for people to read; no unless told.
  coordinator_options& log_aborts(bool value) { return log_aborts_ = value, *this; }
  /// Who is told what happens. It must outlive the coordinator.
  coordinator_options& watched_by(observer& value) { return observer_ = &value, *this; }
  /// The loop on which the hooks of its resources run; its own unless told.
  coordinator_options& hooks_on(const event_loop& value) { return hooks_on_ = value, *this; }
  /// What delays are drawn from: with the same seed the same run gives the same delays. From the system unless told.
  coordinator_options& seed(std::uint64_t value) { return seed_ = value, *this; }
  /// For tests: called at begin, prepare_sent, vote_k, before_force, after_sync, commit_sent_k, ack_k, before_end and
  /// after_end of each transaction.
  coordinator_options& fail_points(std::function<void(std::string_view)> f) {
    return fail_points_ = std::move(f), *this;
  }

  clock::duration prepare_timeout() const noexcept { return prepare_timeout_; }
  clock::duration one_phase_timeout() const noexcept { return one_phase_timeout_; }
  clock::duration lifetime() const noexcept { return lifetime_; }
  clock::duration stuck_after() const noexcept { return stuck_after_; }
  const backoff& prepare_retry() const noexcept { return prepare_retry_; }
  const backoff& phase2_retry() const noexcept { return phase2_retry_; }
  clock::duration sweep_interval() const noexcept { return sweep_interval_; }
  std::size_t max_in_flight() const noexcept { return max_in_flight_; }
  std::size_t max_payload() const noexcept { return max_payload_; }
  std::uint64_t compact_above() const noexcept { return compact_above_; }
  bool log_aborts() const noexcept { return log_aborts_; }
  observer& watcher() const { return observer_ ? *observer_ : default_observer(); }
  const std::optional<event_loop>& hooks_on() const noexcept { return hooks_on_; }
  const std::optional<std::uint64_t>& seed() const noexcept { return seed_; }
  const std::function<void(std::string_view)>& fail_points() const noexcept { return fail_points_; }

private:
  clock::duration prepare_timeout_ = default_prepare_timeout;
  clock::duration one_phase_timeout_ = default_prepare_timeout;
  clock::duration lifetime_ = default_lifetime;
  clock::duration stuck_after_ = std::chrono::seconds(30);
  backoff prepare_retry_ = backoff(std::chrono::seconds(1), std::chrono::seconds(10));
  backoff phase2_retry_ = backoff(std::chrono::milliseconds(50), std::chrono::seconds(30));
  clock::duration sweep_interval_ = std::chrono::seconds(60);
  std::size_t max_in_flight_ = 10'000;
  std::size_t max_payload_ = 1'000'000;
  std::uint64_t compact_above_ = std::uint64_t{4} << 20;
  bool log_aborts_ = false;
  observer* observer_ = nullptr;
  std::optional<event_loop> hooks_on_;
  std::optional<std::uint64_t> seed_;
  std::function<void(std::string_view)> fail_points_;
};

/// Numbers since a coordinator started.
struct RONDO_EXPORT coordinator_statistics {
  std::uint64_t begun = 0;
  std::uint64_t refused = 0; ///< that could not begin
  std::uint64_t committed = 0;
  std::uint64_t aborted = 0;
  std::uint64_t unknown = 0;
  std::uint64_t closed = 0;
  std::uint64_t in_flight = 0; ///< at present, those that were recovered included
  std::uint64_t hook_failures = 0;
  std::uint64_t rejected = 0; ///< messages
  std::uint64_t alarms = 0;
};

/// A transaction in flight, for people.
class RONDO_EXPORT transaction_info {
public:
  transaction_info(coordinator_core::info core, clock::duration age) : core_(std::move(core)), age_(age) {}

  const txid& id() const noexcept { return core_.id(); }
  coordinator_core::phase phase() const noexcept { return core_.phase(); }
  /// Those whose vote or acknowledgement is missing.
  const std::vector<participant_name>& missing() const noexcept { return core_.missing(); }
  /// How often messages were sent again in this phase.
  std::uint32_t attempts() const noexcept { return core_.attempts(); }
  /// Since `begin`; of one that was recovered, since the start.
  clock::duration age() const noexcept { return age_; }

private:
  coordinator_core::info core_;
  clock::duration age_;
};

namespace detail {
class coordinator_shell;
}

/// A coordinator of two-phase commit with presumed abort.
///
///     file_log log("/var/lib/shop/decisions");
///     coordinator shop(participant_name("shop"), log, network);
///     shop.add_resource(participant_name("orders"), orders);
///     co_await shop.start();
///     co_await with_transaction(shop, [&](transaction& tx) {
///       tx.enlist(participant_name("orders"), order);
///       tx.enlist(participant_name("payments"), invoice);
///     });
///     co_await shop.stop();
///
/// It belongs to the loop on which `start` was awaited. A decision is in the log before anybody hears of it, and is then
/// carried out whatever happens: by this object, or after a crash by the next one on the same log. While a participant is
/// in doubt it holds its locks; see docs/two-phase-commit.md for what that means, and for `unknown`.
///
/// Everything that it is given must outlive it. If it is destroyed without `stop`, that is a crash: what was not told is
/// `unknown`, and the log decides at the next start.
///
/// Thread safety: after `start`, all members on any thread, with or without a loop. `add_resource` before it.
/// Cancellation of all waits but `stop`'s: they end with their outcome, and the cancellation is delivered at the next wait.
class RONDO_EXPORT coordinator {
public:
  /// For transactions of its own resources only. Participants are told `name` as the place to answer to.
  /// Throws: `std::invalid_argument` for an empty name.
  coordinator(participant_name name, decision_log& log, const coordinator_options& options = {});
  coordinator(participant_name name, decision_log& log, two_phase::transport& net,
              const coordinator_options& options = {});
  coordinator(const coordinator&) = delete;
  coordinator& operator=(const coordinator&) = delete;
  ~coordinator();

  /// A resource that has no participant and no log of its own: the coordinator calls its hooks. The name must be the same
  /// after every start, since commits that a crash interrupted ask for it.
  /// Throws: `std::invalid_argument` for an empty name or one that is taken, `std::logic_error` after `start`.
  void add_resource(participant_name name, resource& what);

  /// Opens the log and the transport, and begins to carry out what the log says is not finished.
  ///
  /// Throws: `log_corrupt`, `log_error`; what the transport throws; `std::system_error` with `errc::log_unavailable` if
  /// the log did not take the first record, or is another's; `std::logic_error` if it was called before. It is over then.
  awaitable<void> start();

  /// Begins a transaction.
  ///
  /// Throws: `std::system_error` with `errc::overloaded`, `stopping`, `log_unavailable` (the disk is full) or
  /// `log_poisoned` (a write failed and may have happened); `std::logic_error` before `start`.
  awaitable<transaction> begin(transaction_options options = {});

  /// What became of a transaction whose commit said `unknown`, or was lost with the process; `unknown` if that cannot be
  /// told at present, or any more. Throws: `std::logic_error` before `start`.
  awaitable<decision> query(txid id);

  /// The transactions in flight.
  awaitable<std::vector<transaction_info>> list();

  /// An administrator says that a branch whose participant will never answer was ended by hand. COMMIT is not repeated
  /// for it any more. `who` goes to the log.
  ///
  /// Returns when that is durable. Throws: `std::system_error` with `errc::unknown_transaction`, `wrong_state` (the
  /// transaction is not decided, or the branch has answered), `log_refused` or `log_poisoned`; `std::invalid_argument`
  /// unless the decision is committed or aborted.
  awaitable<void> resolve_heuristically(branch_id branch, decision how, std::string who);

  /// Tells a participant that what an administrator decided there was noted and need not be remembered.
  awaitable<void> forget(branch_id branch, participant_name participant);

  /// Begins nothing more, rolls back what is not decided, and waits until what is decided is carried out; what is not
  /// after `drain` is left to the next start. Then closes the transport and the log. A second call does nothing.
  ///
  /// Cancellation: ends the wait for what is decided; the rest is done.
  awaitable<void> stop(time_limit drain = default_drain);

  /// `start` and `stop`, for `with`.
  awaitable<void> aenter() { return start(); }
  awaitable<void> aexit() { return stop(); }

  template <class Token>
  auto async_begin(const transaction_options& options, Token&& token) {
    return detail::initiate_on<transaction>(
        loop(), [this, options] { return begin(options); }, std::forward<Token>(token));
  }
  template <class Token>
  auto async_query(const txid& id, Token&& token) {
    return detail::initiate_on<decision>(loop(), [this, id] { return query(id); }, std::forward<Token>(token));
  }
  template <class Token>
  auto async_list(Token&& token) {
    return detail::initiate_on<std::vector<transaction_info>>(
        loop(), [this] { return list(); }, std::forward<Token>(token));
  }
  template <class Token>
  auto async_resolve_heuristically(const branch_id& branch, decision how, std::string who, Token&& token) {
    return detail::initiate_on<void>(
        loop(), [this, branch, how, who = std::move(who)] { return resolve_heuristically(branch, how, who); },
        std::forward<Token>(token));
  }
  template <class Token>
  auto async_forget(const branch_id& branch, participant_name participant, Token&& token) {
    return detail::initiate_on<void>(
        loop(), [this, branch, participant = std::move(participant)] { return forget(branch, participant); },
        std::forward<Token>(token));
  }
  template <class Token>
  auto async_stop(time_limit drain, Token&& token) {
    return detail::initiate_on<void>(loop(), [this, drain] { return stop(drain); }, std::forward<Token>(token));
  }

  const participant_name& name() const noexcept;
  /// The loop that it belongs to. Throws: `std::logic_error` before `start`.
  event_loop loop() const;
  coordinator_statistics statistics() const;

private:
  std::shared_ptr<detail::coordinator_shell> shell_;
};

} // namespace two_phase
RONDO_END_NAMESPACE
