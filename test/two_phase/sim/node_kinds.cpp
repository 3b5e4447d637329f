// SPDX-License-Identifier: BSL-1.0
#include "node.hpp"

#include <algorithm>

namespace sim {
using two_phase::branch_id;
using two_phase::participant_name;

// ---- coordinators

coordinator_node::coordinator_node(hub& h, oracle& judge, network& net, std::size_t index)
    : node(h, judge, net, fmt::format("c{}", index), index), number_(index) {}

std::string coordinator_node::local_name(std::size_t coordinator, std::size_t local) {
  return fmt::format("c{}.l{}", coordinator, local);
}

void coordinator_node::make_shell() {
  const auto& plan = hub_.plan;
  two_phase::coordinator_options options;
  options.prepare_timeout(plan.prepare_timeout)
      .one_phase_timeout(plan.prepare_timeout)
      .lifetime(plan.lifetime)
      .sweep_interval(plan.sweep)
      .compact_above(plan.compact_above)
      .max_in_flight(plan.max_in_flight)
      .log_aborts(plan.log_aborts)
      .watched_by(*this)
      .seed(random_.next())
      .fail_points(fail_points());
  coordinator_ = std::make_unique<two_phase::coordinator>(own_name(), *log_, *transport_, options);
  for (std::size_t i = 0; i < plan.locals; ++i)
    coordinator_->add_resource(participant_name(local_name(number_, i)),
                               add_bank(plan.participants + number_ * plan.locals + i));
}

void coordinator_node::on_completed(const txid& id, const two_phase::commit_result& result, rondo::clock::duration) {
  judge_.told(id, result);
}

void coordinator_node::on_closed(const txid& id, decision how, rondo::clock::duration) { judge_.closed(id, how); }

std::optional<state> coordinator_node::state_of(const branch_id& branch) const {
  if (!coordinator_ || !has_shell()) return std::nullopt;
  const auto all = at_once(coordinator_->list());
  if (!all) return std::nullopt;
  for (const auto& each : *all)
    if (each.id() == branch.transaction()) return state(each.phase());
  return std::nullopt;
}

std::vector<state> coordinator_node::states() const {
  std::vector<state> result;
  const auto all = coordinator_ ? at_once(coordinator_->list()) : std::nullopt;
  if (!all) return result;
  for (const auto& each : *all)
    result.emplace_back(each.phase());
  return result;
}

bool coordinator_node::is_quiet() const {
  if (!is_well() || !disk_rests()) return false;
  const auto all = at_once(coordinator_->list());
  return all && all->empty();
}

std::string coordinator_node::describe() const {
  if (!is_well()) return name() + " is not well";
  std::string text;
  const auto all = at_once(coordinator_->list()).value();
  for (const auto& each : all)
    text += fmt::format(" tx {} is {};", judge_.number(each.id()), to_string(each.phase()));
  return text.empty() ? text : name() + ":" + text;
}

// ---- participants

participant_node::participant_node(hub& h, oracle& judge, network& net, std::size_t index)
    : node(h, judge, net, fmt::format("p{}", index), h.plan.coordinators + index), number_(index) {}

void participant_node::make_shell() {
  const auto& plan = hub_.plan;
  two_phase::participant_options options;
  options.prepare_timeout(plan.prepare_timeout)
      .sweep_interval(plan.sweep)
      .compact_above(plan.compact_above)
      .watched_by(*this)
      .seed(random_.next())
      .fail_points(fail_points());
  participant_ = std::make_unique<two_phase::participant>(own_name(), add_bank(number_), *log_, *transport_, options);
}

void participant_node::on_branch_ended(const branch_id& branch, decision how) {
  const auto* facts = judge_.find(branch);
  if (!facts || judge_.find(branch.transaction())->by_hand) return;
  if (how == decision::committed && facts->applied == 0 && facts->plan.what == work::update)
    judge_.violated("an observer is told of a commit that has not happened");
}

std::optional<state> participant_node::state_of(const branch_id& branch) const {
  if (!participant_ || !has_shell()) return std::nullopt;
  const auto all = at_once(participant_->list());
  if (!all) return std::nullopt;
  for (const auto& each : *all)
    if (each.id() == branch) return state(each.phase());
  return std::nullopt;
}

std::vector<state> participant_node::states() const {
  std::vector<state> result;
  const auto all = participant_ ? at_once(participant_->list()) : std::nullopt;
  if (!all) return result;
  for (const auto& each : *all)
    result.emplace_back(each.phase());
  return result;
}

namespace {

/// Nothing more will happen to a branch in these states.
bool is_over(two_phase::participant_core::phase phase) {
  using enum two_phase::participant_core::phase;
  return phase == committed || phase == aborted || phase == refused || phase == read_only;
}

} // namespace

bool participant_node::is_quiet() const {
  if (!is_well() || !disk_rests() || !safe(0).prepared.empty()) return false;
  const auto all = at_once(participant_->list());
  return all && std::ranges::all_of(*all, [](const auto& each) { return is_over(each.phase()); });
}

std::string participant_node::describe() const {
  if (!is_well()) return name() + " is not well";
  std::string text;
  const auto all = at_once(participant_->list());
  for (const auto& each : *all)
    if (!is_over(each.phase()))
      text += fmt::format(" branch {}.{} is {};", judge_.number(each.id().transaction()), each.id().branch(),
                          to_string(each.phase()));
  for (const auto& [id, amount] : safe(0).prepared)
    text += fmt::format(" {}.{} is prepared in the bank;", judge_.number(id.transaction()), id.branch());
  return text.empty() ? text : name() + ":" + text;
}

} // namespace sim
