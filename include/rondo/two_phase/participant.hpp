// participant: hosts a resource behind a transport, with a log of its own.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/calls.hpp>
#include <rondo/two_phase/decision_log.hpp>
#include <rondo/two_phase/observer.hpp>
#include <rondo/two_phase/participant_core.hpp>
#include <rondo/two_phase/resource.hpp>
#include <rondo/two_phase/timeouts.hpp>
#include <rondo/two_phase/transport.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

/// How a participant works.
class RONDO_EXPORT participant_options {
public:
  /// For the prepare hook; 20 s unless told. Then it is cancelled, and the vote is no.
  participant_options& prepare_timeout(clock::duration value) { return prepare_timeout_ = value, *this; }
  /// Between questions to the coordinator of a branch in doubt, which are asked for ever: 1 s to 30 s unless told.
  participant_options& inquiry(const backoff& value) { return inquiry_ = value, *this; }
  /// Between attempts of a hook that failed: 50 ms to 30 s unless told.
  participant_options& hook_retry(const backoff& value) { return hook_retry_ = value, *this; }
  /// How often the resource is asked for branches that nobody will decide; every 60 s unless told.
  participant_options& sweep_interval(clock::duration value) { return sweep_interval_ = value, *this; }
  /// The largest payload that it takes, in bytes; 1 000 000 unless told.
  participant_options& max_payload(std::size_t bytes) { return max_payload_ = bytes, *this; }
  /// The log is compacted when it has more than so many bytes, and four times what is needed; 4 MiB unless told.
  participant_options& compact_above(std::uint64_t bytes) { return compact_above_ = bytes, *this; }
  /// Who is told what happens. It must outlive the participant.
  participant_options& watched_by(observer& value) { return observer_ = &value, *this; }
  /// The loop on which the hooks run; its own unless told.
  participant_options& hooks_on(const event_loop& value) { return hooks_on_ = value, *this; }
  /// What delays are drawn from; see `coordinator_options::seed`.
  participant_options& seed(std::uint64_t value) { return seed_ = value, *this; }
  /// For tests: called at before_prepare, after_prepare, before_prepared_force, after_prepared_force, after_vote,
  /// before_commit, after_commit, before_committed_force, after_committed_force and after_ack of each branch.
  participant_options& fail_points(std::function<void(std::string_view)> f) {
    return fail_points_ = std::move(f), *this;
  }

  clock::duration prepare_timeout() const noexcept { return prepare_timeout_; }
  const backoff& inquiry() const noexcept { return inquiry_; }
  const backoff& hook_retry() const noexcept { return hook_retry_; }
  clock::duration sweep_interval() const noexcept { return sweep_interval_; }
  std::size_t max_payload() const noexcept { return max_payload_; }
  std::uint64_t compact_above() const noexcept { return compact_above_; }
  observer& watcher() const { return observer_ ? *observer_ : default_observer(); }
  const std::optional<event_loop>& hooks_on() const noexcept { return hooks_on_; }
  const std::optional<std::uint64_t>& seed() const noexcept { return seed_; }
  const std::function<void(std::string_view)>& fail_points() const noexcept { return fail_points_; }

private:
  clock::duration prepare_timeout_ = default_prepare_timeout;
  backoff inquiry_ = backoff(std::chrono::seconds(1), std::chrono::seconds(30));
  backoff hook_retry_ = backoff(std::chrono::milliseconds(50), std::chrono::seconds(30));
  clock::duration sweep_interval_ = std::chrono::seconds(60);
  std::size_t max_payload_ = 1'000'000;
  std::uint64_t compact_above_ = std::uint64_t{4} << 20;
  observer* observer_ = nullptr;
  std::optional<event_loop> hooks_on_;
  std::optional<std::uint64_t> seed_;
  std::function<void(std::string_view)> fail_points_;
};

/// Numbers since a participant started.
struct RONDO_EXPORT participant_statistics {
  std::uint64_t prepared = 0; ///< voted yes
  std::uint64_t refused = 0;  ///< voted no
  std::uint64_t committed = 0;
  std::uint64_t rolled_back = 0;
  std::uint64_t hook_failures = 0;
  std::uint64_t rejected = 0; ///< messages
  std::uint64_t alarms = 0;
};

namespace detail {
class participant_shell;
}

/// Takes part in the transactions of coordinators anywhere: calls the hooks of a resource as they say.
///
///     participant accounts(participant_name("accounts"), store, log, network);
///     co_await accounts.start();
///
/// It votes yes only when that is durable, and from then on waits for its coordinator, for ever if need be: it asks, and
/// never guesses. Only `resolve_heuristically` ends that.
///
/// It belongs to the loop on which `start` was awaited; everything that it is given must outlive it. If it is destroyed
/// without `stop`, that is a crash, from which the next one on the same log recovers. Its hooks are cancelled.
///
/// Thread safety: after `start`, all members on any thread, with or without a loop.
class RONDO_EXPORT participant {
public:
  /// Coordinators reach it as `name`. Throws: `std::invalid_argument` for an empty name.
  participant(participant_name name, resource& what, decision_log& log, transport& net,
              const participant_options& options = {});
  participant(const participant&) = delete;
  participant& operator=(const participant&) = delete;
  ~participant();

  /// Opens the log and the transport, hands branches in doubt to `resource::reattach`, and asks their coordinators.
  ///
  /// Throws: `log_corrupt`, `log_error`; what the transport and `reattach` throw; `std::system_error` with
  /// `errc::log_unavailable` if the log is a coordinator's; `std::logic_error` if it was called before. It is over then.
  awaitable<void> start();

  /// All branches that it remembers.
  awaitable<std::vector<participant_core::info>> list();

  /// Those that voted yes and wait for the decision.
  awaitable<std::vector<participant_core::info>> in_doubt();

  /// An administrator decides for a branch in doubt whose coordinator will not come back in time. The decision stands,
  /// and if the coordinator decides otherwise that is reported as damage. `who` goes to the log.
  ///
  /// Returns when the hook has carried it out. Throws: `std::system_error` with `errc::unknown_transaction`,
  /// `wrong_state` (not in doubt), `log_refused` or `log_poisoned`; `std::invalid_argument` unless the decision is
  /// committed or aborted.
  awaitable<void> resolve_heuristically(branch_id branch, decision how, std::string who);

  /// An administrator has noted how a heuristic decision ended: it need not be remembered any more.
  /// Throws: as `resolve_heuristically`; `wrong_state` as long as the coordinator's decision is not in the log.
  awaitable<void> forget(branch_id branch);

  /// Takes no more messages, waits for hooks and writes that are under way, at most for `drain`, and closes the transport
  /// and the log. Branches in doubt stay so; after the next start it asks. A second call does nothing.
  awaitable<void> stop(time_limit drain = default_drain);

  /// `start` and `stop`, for `with`.
  awaitable<void> aenter() { return start(); }
  awaitable<void> aexit() { return stop(); }

  template <class Token>
  auto async_list(Token&& token) {
    return detail::initiate_on<std::vector<participant_core::info>>(
        loop(), [this] { return list(); }, std::forward<Token>(token));
  }
  template <class Token>
  auto async_in_doubt(Token&& token) {
    return detail::initiate_on<std::vector<participant_core::info>>(
        loop(), [this] { return in_doubt(); }, std::forward<Token>(token));
  }
  template <class Token>
  auto async_resolve_heuristically(const branch_id& branch, decision how, std::string who, Token&& token) {
    return detail::initiate_on<void>(
        loop(), [this, branch, how, who = std::move(who)] { return resolve_heuristically(branch, how, who); },
        std::forward<Token>(token));
  }
  template <class Token>
  auto async_forget(const branch_id& branch, Token&& token) {
    return detail::initiate_on<void>(loop(), [this, branch] { return forget(branch); }, std::forward<Token>(token));
  }
  template <class Token>
  auto async_stop(time_limit drain, Token&& token) {
    return detail::initiate_on<void>(loop(), [this, drain] { return stop(drain); }, std::forward<Token>(token));
  }

  const participant_name& name() const noexcept;
  /// The loop that it belongs to. Throws: `std::logic_error` before `start`.
  event_loop loop() const;
  participant_statistics statistics() const;

private:
  std::shared_ptr<detail::participant_shell> shell_;
};

} // namespace two_phase
RONDO_END_NAMESPACE
