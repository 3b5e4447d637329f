// SPDX-License-Identifier: BSL-1.0
#include "participant_shell.hpp"

RONDO_BEGIN_NAMESPACE
namespace two_phase {

using infos = std::vector<participant_core::info>;

participant::participant(participant_name name, resource& what, decision_log& log, transport& net,
                         const participant_options& options)
    : shell_(std::make_shared<detail::participant_shell>(std::move(name), what, log, net, options)) {}

participant::~participant() { shell_->kill(); }

awaitable<void> participant::start() { return shell_->start(); }

namespace {

awaitable<infos> list_now(std::shared_ptr<detail::participant_shell> shell) { co_return shell->list(); }
awaitable<infos> in_doubt_now(std::shared_ptr<detail::participant_shell> shell) { co_return shell->in_doubt(); }

} // namespace

awaitable<infos> participant::list() {
  return detail::call_on<infos>(shell_->loop("list"), [shell = shell_] { return list_now(shell); });
}

awaitable<infos> participant::in_doubt() {
  return detail::call_on<infos>(shell_->loop("in_doubt"), [shell = shell_] { return in_doubt_now(shell); });
}

awaitable<void> participant::resolve_heuristically(branch_id branch, decision how, std::string who) {
  detail::check_resolution(how);
  return detail::call_on<void>(
      shell_->loop("resolve_heuristically"),
      [shell = shell_, branch, how, who = std::move(who)] { return shell->resolve(branch, how, who); });
}

awaitable<void> participant::forget(branch_id branch) {
  return detail::call_on<void>(shell_->loop("forget"), [shell = shell_, branch] { return shell->forget(branch); });
}

awaitable<void> participant::stop(time_limit drain) {
  return detail::call_on<void>(shell_->loop("stop"), [shell = shell_, drain] { return shell->stop(drain); });
}

const participant_name& participant::name() const noexcept { return shell_->name(); }

event_loop participant::loop() const { return shell_->loop("loop"); }

participant_statistics participant::statistics() const { return shell_->statistics(); }

} // namespace two_phase
RONDO_END_NAMESPACE
