// transaction_state: a transaction as its handle and its coordinator see it.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/event.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/two_phase/transaction.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

class coordinator_shell;

/// A branch that the handle has noted; the coordinator hears of it with the commit.
struct enlisted_branch {
  participant_name participant;
  std::vector<std::byte> payload;
  bool one_phase_capable;
};

/// Shared by the handle and the coordinator, so that either may go first.
class transaction_state : public std::enable_shared_from_this<transaction_state> {
public:
  transaction_state(std::shared_ptr<coordinator_shell> owner, const event_loop& loop)
      : shell(std::move(owner)), home(loop), answered(loop.create_future<commit_result>()) {}

  branch_id enlist(const participant_name& participant, std::vector<std::byte> payload, const branch_options& options);
  awaitable<commit_result> commit();
  awaitable<commit_result> roll_back(errc code, std::string reason);
  awaitable<wait_status> wait_for_close(time_limit limit);
  std::optional<commit_result> result() const;
  /// The handle goes before `commit`.
  void abandon() noexcept;

  // Fixed before the handle exists.
  const std::shared_ptr<coordinator_shell> shell;
  const event_loop home;
  txid id;

  // The handle's, until it asks for the decision; then the loop's.
  std::vector<enlisted_branch> branches;
  bool asked = false;

  // The coordinator's, on its loop.
  void tell(const commit_result& what);
  void close(wait_status how);

  static constexpr std::size_t timer_kinds = 7;
  std::array<callback_handle, timer_kinds> timers; // by timer_kind
  clock::time_point begun;
  std::optional<clock::time_point> deadline;
  std::optional<errc> refused; // there is no such transaction
  bool granted = false;

private:
  future<commit_result> answered;
  event closed_;
  wait_status how_closed_ = wait_status::timed_out;
  mutable std::mutex mutex_; // `result` may be asked for on any thread
  std::optional<commit_result> told_;
};

} // namespace two_phase::detail
RONDO_END_NAMESPACE
