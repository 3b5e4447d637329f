// transaction: some branches that are all committed, or all rolled back.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/calls.hpp>
#include <rondo/two_phase/timeouts.hpp>
#include <rondo/two_phase/types.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

/// How one transaction differs from what its coordinator's options say.
class RONDO_EXPORT transaction_options {
public:
  /// From `begin` to the decision. Then it is rolled back, unless the decision is being written.
  transaction_options& timeout(time_limit value) & { return timeout_ = value, *this; }
  transaction_options&& timeout(time_limit value) && { return std::move(timeout(value)); }

  const time_limit& timeout() const noexcept { return timeout_; }

private:
  time_limit timeout_ = std::nullopt;
};

/// How one branch is enlisted.
class RONDO_EXPORT branch_options {
public:
  /// Whether the participant can commit it in one phase, if it is the only branch; see `resource::one_phase_capable`. The
  /// coordinator knows it of its own resources.
  branch_options& one_phase_capable(bool value) & { return one_phase_capable_ = value, *this; }
  branch_options&& one_phase_capable(bool value) && { return std::move(one_phase_capable(value)); }

  bool one_phase_capable() const noexcept { return one_phase_capable_; }

private:
  bool one_phase_capable_ = false;
};

namespace detail {
class coordinator_shell;
class transaction_state;
} // namespace detail

/// A transaction, from `coordinator::begin`: one object, one transaction.
///
/// The handle may be moved, and may be destroyed at any time: before `commit`, that rolls back; later, the decision is
/// made and carried out without it. A handle that was moved from, or default-constructed, throws `std::logic_error`.
///
/// Thread safety: a handle is used by one thread at a time, any one, with or without a loop.
class RONDO_EXPORT transaction {
public:
  transaction() noexcept;
  transaction(transaction&& other) noexcept;
  transaction& operator=(transaction&& other) noexcept;
  ~transaction();

  explicit operator bool() const noexcept { return state_ != nullptr; }
  const txid& id() const;

  /// Adds a branch: `payload` is handed to the prepare hook of the resource, or of the participant, of that name.
  ///
  /// Nothing is sent before `commit`. Gives the branch's identity, under which the resource will know it.
  /// Throws: `std::invalid_argument` for an empty name, for a payload above the coordinator's `max_payload`, and for a
  /// name that is no resource of a coordinator without a transport; `std::logic_error` after `commit` or `rollback`.
  branch_id enlist(const participant_name& participant, std::vector<std::byte> payload = {},
                   const branch_options& options = {});

  /// Asks all branches to prepare, decides, and returns once the decision is made: when it is committed, that is durable.
  /// It is then carried out in the background; see `wait_for_close`.
  ///
  /// Cancellation: until the decision is being written, the transaction is rolled back and the result is `aborted` with
  /// `errc::cancelled`; later nothing changes the outcome. Either way the outcome is returned, and the cancellation is
  /// delivered at the task's next wait.
  /// Throws: `std::logic_error` if `commit` or `rollback` was called before: one object, one transaction.
  awaitable<commit_result> commit();

  /// Rolls back, unless that is too late, and gives what became of it. `reason` is for people.
  /// Throws: `std::logic_error` on an empty handle. After `commit` it waits for that one's outcome.
  awaitable<commit_result> rollback(std::string reason = {});

  /// Waits until all participants have carried out the decision: `succeeded` if they have committed, `failed` if they
  /// have rolled back or an administrator decided otherwise, `timed_out` if that takes longer. It goes on then, also
  /// without this object.
  ///
  /// Throws: `std::logic_error` before `commit` or `rollback`. Cancellation: ends the wait.
  awaitable<wait_status> wait_for_close(time_limit limit = default_close_timeout);

  /// What was told, if it was.
  std::optional<commit_result> result() const;

  template <class Token>
  auto async_commit(Token&& token) {
    return detail::initiate_on<commit_result>(
        loop(), [kept = share()]() mutable { return kept.commit(); }, std::forward<Token>(token));
  }
  template <class Token>
  auto async_rollback(std::string reason, Token&& token) {
    return detail::initiate_on<commit_result>(
        loop(), [kept = share(), reason = std::move(reason)]() mutable { return kept.rollback(reason); },
        std::forward<Token>(token));
  }
  template <class Token>
  auto async_wait_for_close(time_limit limit, Token&& token) {
    return detail::initiate_on<wait_status>(
        loop(), [kept = share(), limit]() mutable { return kept.wait_for_close(limit); }, std::forward<Token>(token));
  }

private:
  friend class detail::coordinator_shell;

  /// Reaches the transaction from its loop, without the right to roll it back by being destroyed.
  class RONDO_EXPORT shared {
  public:
    explicit shared(std::shared_ptr<detail::transaction_state> state) noexcept : state_(std::move(state)) {}

    awaitable<commit_result> commit() const;
    awaitable<commit_result> rollback(std::string reason) const;
    awaitable<wait_status> wait_for_close(time_limit limit) const;

  private:
    std::shared_ptr<detail::transaction_state> state_;
  };

  explicit transaction(std::shared_ptr<detail::transaction_state> state) noexcept : state_(std::move(state)) {}

  event_loop loop() const;
  shared share() const;
  detail::transaction_state& state(const char* call) const;
  void drop() noexcept;

  std::shared_ptr<detail::transaction_state> state_;
};

} // namespace two_phase
RONDO_END_NAMESPACE
