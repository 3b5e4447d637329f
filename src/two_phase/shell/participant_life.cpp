// How a participant starts, what it is asked, and how it stops.
// SPDX-License-Identifier: BSL-1.0
#include "participant_shell.hpp"

#include <rondo/finally.hpp>
#include <rondo/timeout.hpp>

#include <fmt/format.h>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

participant_shell::participant_shell(participant_name name, resource& what, decision_log& log, transport& net,
                                     const participant_options& options)
    : node(name, log, &net, options.compact_above(), options.hooks_on(), options.seed(), options.watcher(),
           options.fail_points()),
      options_(options), core_(std::move(name)), resource_(what) {}

awaitable<void> participant_shell::start() {
  const auto self = shared_from_this();
  begin_life("participant");
  std::exception_ptr error;
  try {
    log_contents contents = co_await open_log();
    check_alive();
    log_id_ = contents.id();
    auto actions = core_.step(log_opened(contents.id(), contents.records()));
    co_await reattach_all(actions);
    check_alive();
    co_await transport_->open(name_, *this);
    processing_ = true; // messages that arrive are taken when this is done
    perform_all(actions);
    process_waiting();
    if (unreadable_)
      throw std::system_error(
          make_error_code(errc::log_unavailable),
          fmt::format("rondo: participant '{}' cannot work with {}", name_.text(), log_.log().description()));
    say(notice(notice_kind::started, name_,
               fmt::format("{}: started, {} branches in doubt, log {}", name_.text(), in_doubt().size(),
                           log_.log().description())));
  } catch (...) {
    error = std::current_exception();
  }
  if (!error) {
    schedule_sweep();
    co_return;
  }
  auto nothing = [] {};
  auto close = [this] { return close_all(); };
  co_await finally(nothing, close);
  std::rethrow_exception(error);
}

awaitable<void> participant_shell::reattach_all(std::vector<action>& actions) {
  for (auto& each : actions) {
    auto* held = std::get_if<reattach>(&each);
    if (held && alive()) co_await resource_.reattach(held->branch, std::move(held->token));
  }
}

void participant_shell::schedule_sweep() {
  if (!alive() || stopping_) return;
  post(sweep_due(name_.text()));
  sweep_timer_ = loop("sweep").call_later(options_.sweep_interval(), [this] { schedule_sweep(); }, context());
}

std::vector<participant_core::info> participant_shell::in_doubt() const {
  auto branches = core_.list();
  std::erase_if(branches, [](const auto& each) {
    return each.phase() != participant_core::phase::prepared && each.phase() != participant_core::phase::resolving;
  });
  return branches;
}

awaitable<void> participant_shell::answer_of(branch_id branch, participant_event request) {
  const auto self = shared_from_this();
  const auto answer = loop("resolve_heuristically").create_future<std::error_code>();
  resolving_.emplace(branch, answer);
  post(std::move(request));
  if (!alive() && !answer.done()) throw std::system_error(make_error_code(errc::stopping));
  steady_wait<std::error_code> wait(answer, nullptr);
  const std::error_code code = co_await std::move(wait);
  if (code) throw std::system_error(code, "rondo: " + branch.to_gid());
}

awaitable<void> participant_shell::resolve(branch_id branch, decision how, std::string who) {
  return answer_of(branch, resolve_requested(branch, how, std::move(who), wall_time()));
}

awaitable<void> participant_shell::forget(branch_id branch) { return answer_of(branch, forget_requested(branch)); }

awaitable<void> participant_shell::stop(time_limit drain) {
  const auto self = shared_from_this();
  (void)loop("stop");
  if (!alive()) co_return;
  if (stopping_) co_return co_await stopped_.wait();
  stopping_ = true;
  wake_if_idle();
  auto wait = [this, drain]() -> awaitable<void> {
    try {
      co_await wait_for(idle_.wait(), drain);
    } catch (const timeout_error&) { // the next start goes on with the rest
    }
  };
  auto close = [this] { return close_all(); };
  co_await finally(wait, close);
}

awaitable<void> participant_shell::close_all() {
  const auto self = shared_from_this();
  co_await hooks_.end();
  std::vector<any_task> sweeping{listing_};
  for (const auto& [branch, task] : orphans_)
    sweeping.push_back(task);
  co_await end_tasks(std::move(sweeping));
  // Once it is dead, what it was given may be gone.
  if (alive()) co_await transport_->close(std::chrono::seconds(1));
  if (alive()) co_await log_.close();
  die();
  stopped_.set();
}

void participant_shell::drop_all() noexcept {
  if (sweep_timer_) sweep_timer_.cancel();
  for (auto& [id, timer] : std::exchange(timers_, {}))
    timer.cancel();
  for (auto& [branch, limit] : std::exchange(prepare_limits_, {}))
    limit.cancel();
  for (const auto& [branch, task] : std::exchange(orphans_, {}))
    task.cancel();
  if (listing_) listing_.cancel();
  events_.clear();
  idle_.set();
  for (const auto& [branch, answer] : std::exchange(resolving_, {}))
    if (!answer.done()) answer.set_result(make_error_code(errc::stopping));
}

participant_statistics participant_shell::statistics() const {
  participant_statistics now;
  now.prepared = prepared_.value();
  now.refused = refused_.value();
  now.committed = committed_.value();
  now.rolled_back = rolled_back_.value();
  now.hook_failures = hook_failures_.value();
  now.rejected = rejected_.value();
  now.alarms = alarms_.value();
  return now;
}

} // namespace two_phase::detail
RONDO_END_NAMESPACE
