// SPDX-License-Identifier: BSL-1.0
#include "coordinator_shell.hpp"

RONDO_BEGIN_NAMESPACE
namespace two_phase {

coordinator::coordinator(participant_name name, decision_log& log, const coordinator_options& options)
    : shell_(std::make_shared<detail::coordinator_shell>(std::move(name), log, nullptr, options)) {}

coordinator::coordinator(participant_name name, decision_log& log, two_phase::transport& net,
                         const coordinator_options& options)
    : shell_(std::make_shared<detail::coordinator_shell>(std::move(name), log, &net, options)) {}

coordinator::~coordinator() { shell_->kill(); }

void coordinator::add_resource(participant_name name, resource& what) { shell_->add_resource(std::move(name), what); }

awaitable<void> coordinator::start() { return shell_->start(); }

awaitable<transaction> coordinator::begin(transaction_options options) {
  return detail::call_on<transaction>(shell_->loop("begin"),
                                      [shell = shell_, options] { return shell->begin(options); });
}

namespace {

awaitable<decision> query_now(std::shared_ptr<detail::coordinator_shell> shell, txid id) { co_return shell->query(id); }

awaitable<std::vector<transaction_info>> list_now(std::shared_ptr<detail::coordinator_shell> shell) {
  co_return shell->list();
}

awaitable<void> forget_now(std::shared_ptr<detail::coordinator_shell> shell, branch_id branch,
                           participant_name participant) {
  shell->forget(branch, std::move(participant));
  co_return;
}

} // namespace

awaitable<decision> coordinator::query(txid id) {
  return detail::call_on<decision>(shell_->loop("query"), [shell = shell_, id] { return query_now(shell, id); });
}

awaitable<std::vector<transaction_info>> coordinator::list() {
  return detail::call_on<std::vector<transaction_info>>(shell_->loop("list"),
                                                        [shell = shell_] { return list_now(shell); });
}

awaitable<void> coordinator::resolve_heuristically(branch_id branch, decision how, std::string who) {
  detail::check_resolution(how);
  return detail::call_on<void>(
      shell_->loop("resolve_heuristically"),
      [shell = shell_, branch, how, who = std::move(who)] { return shell->resolve(branch, how, who); });
}

awaitable<void> coordinator::forget(branch_id branch, participant_name participant) {
  return detail::call_on<void>(shell_->loop("forget"), [shell = shell_, branch, participant = std::move(participant)] {
    return forget_now(shell, branch, participant);
  });
}

awaitable<void> coordinator::stop(time_limit drain) {
  return detail::call_on<void>(shell_->loop("stop"), [shell = shell_, drain] { return shell->stop(drain); });
}

const participant_name& coordinator::name() const noexcept { return shell_->name(); }

event_loop coordinator::loop() const { return shell_->loop("loop"); }

coordinator_statistics coordinator::statistics() const { return shell_->statistics(); }

} // namespace two_phase
RONDO_END_NAMESPACE
