// The hooks of a service: calls the user's, and notes how they end.
// SPDX-License-Identifier: BSL-1.0
#include "host.hpp"

#include "../shell/hook_runner.hpp"

#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {
namespace {

prepare_answer refusal() { return prepare_answer::no("too many transactions wait to be taken by the service"); }

} // namespace

std::shared_ptr<resource> service_host::hooks() {
  if (given_hooks_) return given_hooks_;
  const std::lock_guard lock(mutex_);
  if (!shared_ && derived_) return {std::shared_ptr<void>(), derived_}; // owns nothing
  if (auto owner = owner_.lock()) return {std::move(owner), derived_};
  throw std::logic_error("rondo: the service '" + name_.text() + "' is destroyed");
}

awaitable<prepare_answer> service_host::prepare(branch_id branch, std::vector<std::byte> payload) {
  return run_prepare(shared_from_this(), branch, std::move(payload));
}

awaitable<prepare_answer> service_host::run_prepare(self_ptr self, branch_id branch, std::vector<std::byte> payload) {
  const auto state = self->arrive(branch, false);
  if (!state) co_return refusal();
  std::optional<prepare_answer> answer;
  try {
    const auto user = self->hooks();
    answer = co_await user->prepare(branch, std::move(payload));
  } catch (...) {
    const auto error = std::current_exception();
    state->voted(vote::no, text_of(error), error);
    self->close(state);
    throw;
  }
  if (answer->vote() != vote::yes) { // a yes counts when it is durable
    state->voted(answer->vote(), answer->reason());
    self->close(state);
  }
  co_return std::move(*answer);
}

awaitable<void> service_host::commit(branch_id branch) {
  return run_decision(shared_from_this(), branch, decision::committed);
}

awaitable<void> service_host::rollback(branch_id branch) {
  return run_decision(shared_from_this(), branch, decision::aborted);
}

awaitable<void> service_host::run_decision(self_ptr self, branch_id branch, decision how) {
  const auto state = self->find(branch); // none for leftovers that a sweep has found
  if (state) state->decided(how);
  try {
    const auto user = self->hooks();
    if (how == decision::committed)
      co_await user->commit(branch);
    else
      co_await user->rollback(branch);
  } catch (...) {
    if (state) state->hook_failed(how, std::current_exception());
    throw;
  }
  if (!state) co_return;
  state->carried_out();
  // A commit is closed when it is durable; that a rollback is not remembered does no harm.
  if (how == decision::aborted) self->close(state);
}

bool service_host::one_phase_capable() const noexcept { return given_hooks_ && given_hooks_->one_phase_capable(); }

awaitable<prepare_answer> service_host::commit_one_phase(branch_id branch, std::vector<std::byte> payload) {
  return run_one_phase(shared_from_this(), branch, std::move(payload));
}

awaitable<prepare_answer> service_host::run_one_phase(self_ptr self, branch_id branch, std::vector<std::byte> payload) {
  const auto state = self->arrive(branch, false);
  if (!state) co_return refusal();
  std::optional<prepare_answer> answer;
  try {
    const auto user = self->hooks();
    answer = co_await user->commit_one_phase(branch, std::move(payload));
  } catch (...) {
    state->hook_failed(decision::committed, std::current_exception());
    throw;
  }
  state->voted(answer->vote(), answer->reason());
  if (answer->vote() == vote::yes) {
    state->decided(decision::committed);
    state->carried_out();
  }
  co_return std::move(*answer);
}

awaitable<std::vector<branch_id>> service_host::in_doubt() { return run_in_doubt(shared_from_this()); }

awaitable<std::vector<branch_id>> service_host::run_in_doubt(self_ptr self) {
  const auto user = self->hooks();
  co_return co_await user->in_doubt();
}

awaitable<void> service_host::reattach(branch_id branch, std::vector<std::byte> token) {
  return run_reattach(shared_from_this(), branch, std::move(token));
}

awaitable<void> service_host::run_reattach(self_ptr self, branch_id branch, std::vector<std::byte> token) {
  const auto user = self->hooks();
  co_await user->reattach(branch, std::move(token));
  self->arrive(branch, true);
}

} // namespace two_phase::detail
RONDO_END_NAMESPACE
