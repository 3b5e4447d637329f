// SPDX-License-Identifier: BSL-1.0
#include "local_resources.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

void local_resources::add(participant_name name, resource& what) {
  if (name.empty()) throw std::invalid_argument("rondo: a resource needs a name");
  const auto [place, is_new] = resources_.emplace(std::move(name), &what);
  if (!is_new) throw std::invalid_argument(fmt::format("rondo: there is a resource '{}' already", place->first.text()));
}

resource* local_resources::find(const participant_name& name) const noexcept {
  const auto found = resources_.find(name);
  return found == resources_.end() ? nullptr : found->second;
}

void local_resources::deliver(resource& to, message what) {
  const auto& id = what.branch();
  const auto found = work_.find(id);
  if (found != work_.end()) {
    // A copy; or the rollback of what is still preparing.
    if (what.kind() != message_kind::rollback || found->second.hook != hook_kind::prepare) return;
    found->second.doomed = true;
    hooks_.cancel(id);
    return;
  }
  switch (what.kind()) {
  case message_kind::prepare:
    return start(to, hook_kind::prepare, id, what.payload());
  case message_kind::commit_one_phase:
    return start(to, hook_kind::commit_one_phase, id, what.payload());
  case message_kind::commit:
    return start(to, hook_kind::commit, id);
  case message_kind::rollback:
    return start(to, hook_kind::rollback, id);
  default: // a resource has no heuristic decisions to forget
    return;
  }
}

void local_resources::start(resource& what, hook_kind hook, const branch_id& branch, std::vector<std::byte> payload) {
  run(*work_.emplace(branch, work{&what, hook, std::move(payload), 0, false, {}}).first);
}

void local_resources::run(entry& e) {
  // Only a hook that may run again needs its payload again.
  const bool once = e.second.hook == hook_kind::prepare;
  hooks_.start({e.second.what, e.second.hook, e.first, once ? std::move(e.second.payload) : e.second.payload});
}

void local_resources::on_hook_finished(const hook_finished& how, const std::exception_ptr& error) {
  const auto found = work_.find(how.branch);
  if (found == work_.end()) return;
  if (how.hook == hook_kind::prepare) return prepared(*found, how);
  if (how.result == hook_result::failed) {
    owner_.on_local_failed(how, error);
    return retry_later(*found);
  }
  const auto answer = [&](message_kind kind) { return message(kind, how.branch); };
  switch (how.hook) {
  case hook_kind::commit:
    return finish(how.branch, answer(message_kind::ack).ack(ack_kind::committed));
  case hook_kind::rollback:
    return finish(how.branch, answer(message_kind::ack).ack(ack_kind::rolled_back));
  default:
    return finish(how.branch, answer(message_kind::done)
                                  .decision(how.result == hook_result::done ? decision::committed : decision::aborted)
                                  .reason(how.reason));
  }
}

void local_resources::prepared(entry& e, const hook_finished& how) {
  const auto id = e.first;
  if (e.second.doomed && how.result == hook_result::yes) {
    e.second.hook = hook_kind::rollback;
    return run(e);
  }
  if (e.second.doomed) return finish(id, message(message_kind::ack, id).ack(ack_kind::rolled_back));
  const auto value = how.result == hook_result::yes         ? vote::yes
                     : how.result == hook_result::read_only ? vote::read_only
                                                            : vote::no;
  finish(id, message(message_kind::vote, id).vote(value).reason(how.reason));
}

void local_resources::finish(const branch_id& branch, message answer) {
  const auto* what = work_.at(branch).what;
  answer.sender(std::ranges::find(resources_, what, &resources::value_type::second)->first);
  work_.erase(branch);
  owner_.on_local_answer(std::move(answer));
  if (work_.empty()) owner_.on_local_idle();
}

void local_resources::retry_later(entry& e) {
  const auto delay = owner_.local_retry_delay(e.second.attempts++);
  e.second.retry = get_running_loop().call_later(delay, [this, &e] { run(e); }, context());
}

void local_resources::list_in_doubt(const std::string& name) {
  auto* what = find(participant_name(name));
  if (!what || listings_.contains(name)) return;
  auto list = [this, what, name, alive = alive_]() -> awaitable<void> {
    std::vector<branch_id> branches;
    try {
      branches = co_await what->in_doubt();
    } catch (const std::exception& e) { // the next sweep asks again
      if (*alive)
        owner_.on_local_failed(hook_finished(hook_kind::rollback, branch_id(), hook_result::failed, {}, e.what()),
                               std::current_exception());
    }
    if (!*alive) co_return;
    listings_.erase(name);
    owner_.on_local_listed(name, std::move(branches));
  };
  const auto listing = create_task(std::move(list), task_options().name("in_doubt of " + name).background(true));
  listings_.insert_or_assign(name, listing);
}

void local_resources::roll_back_orphan(const std::string& name, const branch_id& branch) {
  auto* what = find(participant_name(name));
  if (what && !work_.contains(branch)) start(*what, hook_kind::rollback, branch);
}

std::vector<any_task> local_resources::listings() const {
  std::vector<any_task> running;
  for (const auto& [name, listing] : listings_)
    running.push_back(listing);
  return running;
}

void local_resources::drop_all() noexcept {
  *alive_ = false;
  for (auto& [branch, each] : work_)
    if (each.retry) each.retry.cancel();
  work_.clear();
  for (const auto& [name, listing] : std::exchange(listings_, {}))
    listing.cancel();
}

} // namespace two_phase::detail
RONDO_END_NAMESPACE
