// transaction_state: what a service knows of one transaction, and who waits for more.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/event_loop.hpp>
#include <rondo/thread_event.hpp>
#include <rondo/two_phase/service_transaction.hpp>

#include <array>
#include <mutex>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

/// The limits of waits that name none, by `transaction_event`.
using wait_limits = std::array<clock::duration, 5>;

/// Facts about one transaction, which only grow, until the service has ended.
///
/// Hooks report them, on the loop of the hooks; the service, on its own; waits read them anywhere.
class service_transaction_state {
public:
  service_transaction_state(const branch_id& the_id, const event_loop& the_home, const wait_limits& the_limits,
                            bool is_recovered)
      : id(the_id), home(the_home), limits(the_limits), recovered(is_recovered) {
    if (recovered) vote_ = vote::yes;
  }

  const branch_id id;
  const event_loop home; // the service's
  const wait_limits limits;
  const bool recovered;
  callback_handle watch; // used on that loop only

  void voted(vote value, std::string reason = {}, std::exception_ptr error = nullptr);
  /// A hook begins to carry this out.
  void decided(decision how);
  void hook_failed(decision how, std::exception_ptr error);
  void carried_out();
  void closed();
  /// The service has ended, and with it what can be known here.
  void end() noexcept;

  bool in_doubt() const;
  std::string reason() const;
  std::exception_ptr error() const;

  /// What a wait has to know to begin: failures that were told do not end it.
  std::size_t failures_told(transaction_event what) const;

  /// The end of a wait, or nothing and what will be set with the next change.
  /// Throws: `std::system_error` if there will be none.
  std::optional<wait_status> answer(transaction_event what, std::size_t told, thread_event& changed);

private:
  struct attempts {
    std::size_t failed = 0;
    std::size_t told = 0; // the largest number that a wait has ended with
  };

  template <class F>
  void change(F f);
  attempts* attempts_of(transaction_event what) noexcept;
  std::optional<bool> known(transaction_event what) const noexcept;

  mutable std::mutex mutex_;
  std::optional<vote> vote_;
  std::optional<decision> decision_; // committed or aborted
  bool carried_out_ = false;
  bool closed_ = false;
  bool ended_ = false;
  attempts commit_;
  attempts rollback_;
  std::string reason_;
  std::exception_ptr error_;
  thread_event changed_; // another one after each change, so that it wakes those who saw the state before
};

} // namespace two_phase::detail
RONDO_END_NAMESPACE
