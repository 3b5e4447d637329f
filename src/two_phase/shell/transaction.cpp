// SPDX-License-Identifier: BSL-1.0
#include "coordinator_shell.hpp"

#include <rondo/timeout.hpp>
#include <rondo/two_phase/transaction.hpp>

#include <fmt/format.h>

#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace two_phase {
namespace detail {

branch_id transaction_state::enlist(const participant_name& participant, std::vector<std::byte> payload,
                                    const branch_options& options) {
  if (asked)
    throw std::logic_error(
        fmt::format("rondo: transaction {}: a branch cannot be enlisted after commit() or rollback()", id.to_string()));
  shell->check_branch(participant, payload.size());
  const auto number = static_cast<std::uint32_t>(branches.size());
  branches.push_back(
      {participant, std::move(payload), options.one_phase_capable() || shell->one_phase_capable(participant)});
  return branch_id(id, number);
}

awaitable<commit_result> transaction_state::commit() {
  const auto self = shared_from_this();
  shell->request_commit(*this);
  steady_wait<commit_result> wait(
      answered, [self] { self->shell->request_rollback(self->id, errc::cancelled, "the commit was cancelled"); });
  co_return co_await std::move(wait);
}

awaitable<commit_result> transaction_state::roll_back(errc code, std::string reason) {
  const auto self = shared_from_this();
  shell->request_rollback(id, code, std::move(reason));
  steady_wait<commit_result> wait(answered, nullptr);
  co_return co_await std::move(wait);
}

awaitable<wait_status> transaction_state::wait_for_close(time_limit limit) {
  const auto self = shared_from_this();
  try {
    co_await wait_for(closed_.wait(), limit);
  } catch (const timeout_error&) {
    co_return wait_status::timed_out;
  }
  co_return how_closed_;
}

std::optional<commit_result> transaction_state::result() const {
  const std::lock_guard lock(mutex_);
  return told_;
}

void transaction_state::abandon() noexcept {
  if (asked) return;
  asked = true;
  const auto give_up = [self = shared_from_this()] {
    self->shell->request_rollback(self->id, errc::rolled_back, "its object was destroyed before commit()");
  };
  try {
    if (rondo::detail::running_core_or_null() == &home.core())
      give_up();
    else
      home.call_soon_threadsafe(give_up);
  } catch (...) { // the loop is closed, and its transactions with it; or its lifetime will end it
  }
}

void transaction_state::tell(const commit_result& what) {
  if (answered.done()) return;
  {
    const std::lock_guard lock(mutex_);
    told_ = what;
  }
  answered.set_result(what);
}

void transaction_state::close(wait_status how) {
  how_closed_ = how;
  closed_.set();
}

} // namespace detail

transaction::transaction() noexcept = default;
transaction::transaction(transaction&& other) noexcept = default;

transaction& transaction::operator=(transaction&& other) noexcept {
  if (this == &other) return *this;
  drop();
  state_ = std::move(other.state_);
  return *this;
}

transaction::~transaction() { drop(); }

void transaction::drop() noexcept {
  if (const auto state = std::exchange(state_, nullptr)) state->abandon();
}

detail::transaction_state& transaction::state(const char* call) const {
  if (!state_)
    throw std::logic_error(fmt::format("rondo: {} on a transaction object that is empty or was moved from", call));
  return *state_;
}

const txid& transaction::id() const { return state("id").id; }

event_loop transaction::loop() const { return state("async call").home; }

transaction::shared transaction::share() const { return shared((state("async call"), state_)); }

branch_id transaction::enlist(const participant_name& participant, std::vector<std::byte> payload,
                              const branch_options& options) {
  return state("enlist").enlist(participant, std::move(payload), options);
}

awaitable<commit_result> transaction::commit() { return share().commit(); }

awaitable<commit_result> transaction::rollback(std::string reason) { return share().rollback(std::move(reason)); }

awaitable<wait_status> transaction::wait_for_close(time_limit limit) { return share().wait_for_close(limit); }

std::optional<commit_result> transaction::result() const { return state("result").result(); }

awaitable<commit_result> transaction::shared::commit() const {
  if (std::exchange(state_->asked, true))
    throw std::logic_error(fmt::format(
        "rondo: transaction {}: commit() or rollback() was called before; one object is one transaction: begin another",
        state_->id.to_string()));
  return detail::call_on<commit_result>(state_->home, [state = state_] { return state->commit(); });
}

awaitable<commit_result> transaction::shared::rollback(std::string reason) const {
  state_->asked = true;
  return detail::call_on<commit_result>(state_->home, [state = state_, reason = std::move(reason)] {
    return state->roll_back(errc::rolled_back, reason);
  });
}

awaitable<wait_status> transaction::shared::wait_for_close(time_limit limit) const {
  if (!state_->asked)
    throw std::logic_error(
        fmt::format("rondo: transaction {}: wait_for_close() before commit() or rollback()", state_->id.to_string()));
  return detail::call_on<wait_status>(state_->home, [state = state_, limit] { return state->wait_for_close(limit); });
}

} // namespace two_phase
RONDO_END_NAMESPACE
