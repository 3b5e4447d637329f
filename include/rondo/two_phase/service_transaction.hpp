// service_transaction: one transaction as a transactional_service sees it.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/calls.hpp>
#include <rondo/two_phase/timeouts.hpp>
#include <rondo/two_phase/types.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

/// What can be waited for in a transaction, and what `succeeded` and `failed` mean then.
enum class transaction_event : std::uint8_t {
  prepare,  ///< the hook said yes, and that is durable, or read_only; it said no, threw, or it is too late for a yes
  commit,   ///< the commit hook has done its work; it failed once more and will run again, or there will be no commit
  rollback, ///< nothing is left of the work; the rollback hook failed once more and will run again, or it was committed
  outcome,  ///< the decision for this branch is commit; it is rollback
  close,    ///< the branch has committed, and that is durable; it has rolled back
};

namespace detail {
class service_transaction_state;
class service_host;
} // namespace detail

/// The part that a service has in one transaction, from `transactional_service::next`.
///
/// A handle to watch it by: whatever is done with the handle, the transaction goes on as its coordinator decides. It
/// may be moved and destroyed in every phase, also while somebody waits, and after the service. It stands for one
/// transaction for ever; one that was moved from, or default-constructed, throws `std::logic_error`.
///
/// Who waits is woken at once, by success and by failure. A wait that ends with `timed_out` has changed nothing: it
/// never decides. A branch that is prepared then is still in doubt, and holds what it holds until its coordinator says
/// more. A hook that failed runs again, with growing delays; each of its failures ends a wait for `commit` or
/// `rollback` once, so that a loop of waits sees all of them. (A commit never becomes a rollback.)
///
/// All waits: Cancellation: ends the wait. Throws: `std::system_error` with `errc::stopping` when the service was
/// stopped or destroyed before the event; what is in doubt then goes on after the next start.
/// Thread safety: waits and observers on any thread, with or without a loop, many at once.
class RONDO_EXPORT service_transaction {
public:
  service_transaction() noexcept;
  service_transaction(service_transaction&& other) noexcept;
  service_transaction& operator=(service_transaction&& other) noexcept;
  ~service_transaction();

  explicit operator bool() const noexcept { return state_ != nullptr; }
  const branch_id& id() const;

  /// Whether it was prepared before the service was started: it is in doubt since then.
  bool recovered() const;
  /// Whether it is prepared and waits for the decision.
  bool in_doubt() const;
  /// Why the prepare hook refused; empty if it did not.
  std::string reason() const;
  /// What a hook threw last, or null.
  std::exception_ptr error() const;

  /// Waits on any loop, for as long as the service's options say, or for `limit`.
  awaitable<wait_status> wait(transaction_event what) const;
  awaitable<wait_status> wait(transaction_event what, time_limit limit) const;

  awaitable<wait_status> wait_for_prepare() const { return wait(transaction_event::prepare); }
  awaitable<wait_status> wait_for_prepare(time_limit limit) const { return wait(transaction_event::prepare, limit); }
  awaitable<wait_status> wait_for_commit() const { return wait(transaction_event::commit); }
  awaitable<wait_status> wait_for_commit(time_limit limit) const { return wait(transaction_event::commit, limit); }
  awaitable<wait_status> wait_for_rollback() const { return wait(transaction_event::rollback); }
  awaitable<wait_status> wait_for_rollback(time_limit limit) const { return wait(transaction_event::rollback, limit); }
  /// Commit or rollback, whichever comes first.
  awaitable<wait_status> wait_for_outcome() const { return wait(transaction_event::outcome); }
  awaitable<wait_status> wait_for_outcome(time_limit limit) const { return wait(transaction_event::outcome, limit); }
  /// The end, in the background or not.
  awaitable<wait_status> wait_for_close() const { return wait(transaction_event::close); }
  awaitable<wait_status> wait_for_close(time_limit limit) const { return wait(transaction_event::close, limit); }

  /// Blocks this thread; `timed_out` also when a stop is requested.
  /// Throws also: `std::runtime_error` if it would block a thread that runs a loop.
  wait_status blocking_wait(transaction_event what, const std::stop_token& stop = {}) const;
  wait_status blocking_wait(transaction_event what, time_limit limit, const std::stop_token& stop = {}) const;

  /// `wait` on the service's loop, with a completion token.
  template <class Token>
  auto async_wait(transaction_event what, time_limit limit, Token&& token) const {
    return detail::initiate_on<wait_status>(
        loop(), [kept = state_, what, limit] { return wait_on(kept, what, limit); }, std::forward<Token>(token));
  }

private:
  friend class detail::service_host;

  explicit service_transaction(std::shared_ptr<detail::service_transaction_state> state) noexcept;

  event_loop loop() const;
  static awaitable<wait_status> wait_on(std::shared_ptr<detail::service_transaction_state> state,
                                        transaction_event what, time_limit limit);
  detail::service_transaction_state& state(const char* call) const;

  std::shared_ptr<detail::service_transaction_state> state_;
};

} // namespace two_phase
RONDO_END_NAMESPACE
