// SPDX-License-Identifier: BSL-1.0
#include "transaction_state.hpp"

#include <system_error>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

template <class F>
void service_transaction_state::change(F f) {
  thread_event seen_by_waiters;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    f();
    std::swap(seen_by_waiters, changed_);
  }
  seen_by_waiters.set();
}

void service_transaction_state::voted(vote value, std::string reason, std::exception_ptr error) {
  change([&] {
    vote_ = value;
    reason_ = std::move(reason);
    if (error) error_ = std::move(error);
    if (value == vote::yes) return;
    decision_ = value == vote::no ? decision::aborted : decision::committed;
    carried_out_ = true;
  });
}

void service_transaction_state::decided(decision how) {
  change([&] { decision_ = how; });
}

void service_transaction_state::hook_failed(decision how, std::exception_ptr error) {
  change([&] {
    ++(how == decision::committed ? commit_ : rollback_).failed;
    error_ = std::move(error);
  });
}

void service_transaction_state::carried_out() {
  change([&] { carried_out_ = true; });
}

void service_transaction_state::closed() {
  change([&] { closed_ = true; });
}

void service_transaction_state::end() noexcept {
  change([&] { ended_ = true; });
}

bool service_transaction_state::in_doubt() const {
  const std::lock_guard lock(mutex_);
  return vote_ == vote::yes && !decision_;
}

std::string service_transaction_state::reason() const {
  const std::lock_guard lock(mutex_);
  return reason_;
}

std::exception_ptr service_transaction_state::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

auto service_transaction_state::attempts_of(transaction_event what) noexcept -> attempts* {
  if (what == transaction_event::commit) return &commit_;
  return what == transaction_event::rollback ? &rollback_ : nullptr;
}

std::size_t service_transaction_state::failures_told(transaction_event what) const {
  const std::lock_guard lock(mutex_);
  if (what == transaction_event::commit) return commit_.told;
  return what == transaction_event::rollback ? rollback_.told : 0;
}

/// Whether the event has succeeded, once that cannot change any more.
std::optional<bool> service_transaction_state::known(transaction_event what) const noexcept {
  const bool commit = decision_ == decision::committed;
  switch (what) {
  case transaction_event::prepare: // if it is rolled back before it has voted, it never will
    return vote_ || decision_ ? std::optional(vote_ && vote_ != vote::no) : std::nullopt;
  case transaction_event::outcome:
    return decision_ ? std::optional(commit) : std::nullopt;
  case transaction_event::commit:
    return decision_ && (carried_out_ || !commit) ? std::optional(commit) : std::nullopt;
  case transaction_event::rollback:
    return decision_ && (carried_out_ || commit) ? std::optional(!commit) : std::nullopt;
  case transaction_event::close:
    return closed_ ? std::optional(commit) : std::nullopt;
  }
  return std::nullopt;
}

std::optional<wait_status> service_transaction_state::answer(transaction_event what, std::size_t told,
                                                             thread_event& changed) {
  const std::lock_guard lock(mutex_);
  if (const auto success = known(what)) return *success ? wait_status::succeeded : wait_status::failed;
  if (auto* hook = attempts_of(what); hook && hook->failed > told) {
    hook->told = hook->failed;
    return wait_status::failed;
  }
  if (ended_)
    throw std::system_error(make_error_code(errc::stopping), "rondo: the service of transaction " + id.to_gid() +
                                                                 " was stopped or destroyed before its end");
  changed = changed_;
  return std::nullopt;
}

} // namespace two_phase::detail

RONDO_END_NAMESPACE
