// SPDX-License-Identifier: BSL-1.0
#include "transaction_state.hpp"

#include <rondo/timeout.hpp>

#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace two_phase {
namespace {

using state_ptr = std::shared_ptr<detail::service_transaction_state>;

awaitable<wait_status> wait_for_event(state_ptr state, transaction_event what, std::size_t told) {
  thread_event changed;
  for (;;) {
    if (const auto known = state->answer(what, told, changed)) co_return *known;
    co_await changed.wait();
  }
}

awaitable<wait_status> wait_in_time(state_ptr state, transaction_event what, time_limit limit) {
  const auto told = state->failures_told(what);
  thread_event changed;
  if (const auto known = state->answer(what, told, changed)) co_return *known;
  try {
    co_return co_await wait_for(wait_for_event(state, what, told), limit);
  } catch (const timeout_error&) {
  }
  co_return wait_status::timed_out;
}

} // namespace

service_transaction::service_transaction() noexcept = default;
service_transaction::service_transaction(service_transaction&& other) noexcept = default;
service_transaction& service_transaction::operator=(service_transaction&& other) noexcept = default;
service_transaction::~service_transaction() = default;

service_transaction::service_transaction(state_ptr state) noexcept : state_(std::move(state)) {}

detail::service_transaction_state& service_transaction::state(const char* call) const {
  if (state_) return *state_;
  throw std::logic_error(std::string("rondo: ") + call + " of a service_transaction that is empty or was moved from");
}

const branch_id& service_transaction::id() const { return state("id()").id; }
bool service_transaction::recovered() const { return state("recovered()").recovered; }
bool service_transaction::in_doubt() const { return state("in_doubt()").in_doubt(); }
std::string service_transaction::reason() const { return state("reason()").reason(); }
std::exception_ptr service_transaction::error() const { return state("error()").error(); }
event_loop service_transaction::loop() const { return state("async_wait()").home; }

awaitable<wait_status> service_transaction::wait_on(state_ptr state, transaction_event what, time_limit limit) {
  return wait_in_time(std::move(state), what, limit);
}

awaitable<wait_status> service_transaction::wait(transaction_event what, time_limit limit) const {
  state("wait()");
  return wait_in_time(state_, what, limit);
}

awaitable<wait_status> service_transaction::wait(transaction_event what) const {
  return wait(what, state("wait()").limits[static_cast<std::size_t>(what)]);
}

wait_status service_transaction::blocking_wait(transaction_event what, time_limit limit,
                                               const std::stop_token& stop) const {
  state("blocking_wait()");
  const auto kept = state_;
  const auto told = kept->failures_told(what);
  const auto begin = clock::now();
  thread_event changed;
  for (;;) {
    if (const auto known = kept->answer(what, told, changed)) return *known;
    const auto passed = clock::now() - begin;
    const auto rest = !limit ? limit : time_limit(*limit > passed ? *limit - passed : clock::duration::zero());
    if (!changed.blocking_wait(rest, stop)) return wait_status::timed_out;
  }
}

wait_status service_transaction::blocking_wait(transaction_event what, const std::stop_token& stop) const {
  return blocking_wait(what, state("blocking_wait()").limits[static_cast<std::size_t>(what)], stop);
}

} // namespace two_phase
RONDO_END_NAMESPACE
