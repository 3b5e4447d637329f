// How a coordinator starts, what it is asked, and how it stops.
// SPDX-License-Identifier: BSL-1.0
#include "coordinator_shell.hpp"

#include <rondo/finally.hpp>
#include <rondo/timeout.hpp>

#include <fmt/format.h>

#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

coordinator_shell::coordinator_shell(participant_name name, decision_log& log, transport* net,
                                     const coordinator_options& options)
    : node(name, log, net, options.compact_above(), options.hooks_on(), options.seed(), options.watcher(),
           options.fail_points()),
      options_(options),
      core_(std::move(name),
            coordinator_core_options().max_in_flight(options.max_in_flight()).log_aborts(options.log_aborts())),
      locals_(*this, hooks_) {}

void coordinator_shell::add_resource(participant_name name, resource& what) {
  if (was_started()) throw std::logic_error("rondo: resources are added before the coordinator starts");
  locals_.add(std::move(name), what);
}

awaitable<void> coordinator_shell::start() {
  const auto self = shared_from_this();
  begin_life("coordinator");
  std::exception_ptr error;
  try {
    log_contents contents = co_await open_log();
    check_alive();
    log_id_ = contents.id();
    if (transport_) co_await transport_->open(name_, *this);
    starting_ = get_running_loop().create_future<bool>();
    post(log_opened(log_id_, contents.records()));
    steady_wait<bool> wait(*starting_, nullptr);
    const bool works = co_await std::move(wait);
    check_alive();
    if (!works)
      throw std::system_error(
          make_error_code(errc::log_unavailable),
          fmt::format("rondo: coordinator '{}' cannot work with {}", name_.text(), log_.log().description()));
  } catch (...) {
    error = std::current_exception();
  }
  if (!error) {
    schedule_sweeps();
    co_return;
  }
  auto nothing = [] {};
  auto close = [this] { return close_all(); };
  co_await finally(nothing, close);
  std::rethrow_exception(error);
}

void coordinator_shell::schedule_sweeps() {
  for (const auto& [name, what] : locals_.all())
    post(sweep_due(name.text()));
  if (!alive() || locals_.all().empty()) return;
  sweep_timer_ = loop("sweep").call_later(options_.sweep_interval(), [this] { schedule_sweeps(); }, context());
}

awaitable<transaction> coordinator_shell::begin(transaction_options options) {
  const auto self = std::static_pointer_cast<coordinator_shell>(shared_from_this());
  const auto home = loop("begin");
  const auto health = log_.log().health();
  if (!alive() || stopping_ || health == log_health::cannot_grow) {
    ++refused_;
    throw std::system_error(make_error_code(alive() && !stopping_ ? errc::log_unavailable : errc::stopping),
                            fmt::format("rondo: coordinator '{}' begins no transaction", name_.text()));
  }
  auto state = std::make_shared<transaction_state>(self, home);
  if (options.timeout()) {
    const auto now = home.time();
    const bool far = *options.timeout() > clock::time_point::max() - now;
    state->deadline = far ? clock::time_point::max() : now + *options.timeout();
  }
  const auto request = next_request_++;
  beginning_.emplace(request, state);
  post(begin_requested(request));
  // Inside a hook that runs in a step of this coordinator the turn of the request comes later.
  while (!state->granted && !state->refused && alive()) {
    const auto turn = home.create_future<>();
    home.call_soon([turn] { turn.set_result(); });
    steady_wait<void> wait(turn, nullptr);
    co_await std::move(wait);
  }
  if (!state->granted)
    throw std::system_error(make_error_code(state->refused.value_or(errc::stopping)),
                            fmt::format("rondo: coordinator '{}' begins no transaction", name_.text()));
  co_return transaction(std::move(state));
}

void coordinator_shell::check_branch(const participant_name& participant, std::size_t payload_size) const {
  if (participant.empty()) throw std::invalid_argument("rondo: a branch needs the name of a participant");
  if (payload_size > options_.max_payload())
    throw std::invalid_argument(fmt::format("rondo: the payload for '{}' has {} bytes; max_payload is {}",
                                            participant.text(), payload_size, options_.max_payload()));
  if (!transport_ && !locals_.find(participant))
    throw std::invalid_argument(
        fmt::format("rondo: '{}' is no resource of coordinator '{}', which has no transport to reach others",
                    participant.text(), name_.text()));
}

bool coordinator_shell::one_phase_capable(const participant_name& participant) const {
  const auto* local = locals_.find(participant);
  return local && local->one_phase_capable();
}

std::vector<transaction_info> coordinator_shell::list() const {
  std::vector<transaction_info> result;
  const auto now = loop("list").time();
  for (auto& each : core_.list()) {
    const auto state = transactions_.find(each.id());
    const auto age = state == transactions_.end() ? clock::duration() : now - state->second->begun;
    result.emplace_back(std::move(each), age);
  }
  return result;
}

awaitable<void> coordinator_shell::resolve(branch_id branch, decision how, std::string who) {
  const auto self = shared_from_this();
  const auto answer = loop("resolve_heuristically").create_future<std::error_code>();
  resolving_.emplace(branch, answer);
  post(resolve_requested(branch, how, std::move(who), wall_time()));
  if (!alive() && !answer.done()) throw std::system_error(make_error_code(errc::stopping));
  steady_wait<std::error_code> wait(answer, nullptr);
  const std::error_code code = co_await std::move(wait);
  if (code) throw std::system_error(code, "rondo: " + branch.to_gid());
}

void coordinator_shell::forget(const branch_id& branch, participant_name participant) {
  post(forget_requested(branch, std::move(participant)));
}

awaitable<void> coordinator_shell::stop(time_limit drain) {
  const auto self = shared_from_this();
  (void)loop("stop");
  if (!alive()) co_return;
  if (stopping_) co_return co_await stopped_.wait();
  stopping_ = true;
  post(stop_requested());
  wake_if_idle();
  auto wait = [this, drain]() -> awaitable<void> {
    try {
      co_await wait_for(idle_.wait(), drain);
    } catch (const timeout_error&) { // the next start carries out the rest
    }
  };
  auto close = [this] { return close_all(); };
  co_await finally(wait, close);
}

/// The log last: what it decides until then is told.
awaitable<void> coordinator_shell::close_all() {
  const auto self = shared_from_this();
  co_await hooks_.end();
  co_await end_tasks(locals_.listings());
  // Once it is dead, what it was given may be gone.
  if (alive() && transport_) co_await transport_->close(std::chrono::seconds(1));
  if (alive()) co_await log_.close();
  die();
  stopped_.set();
}

void coordinator_shell::drop_all() noexcept {
  if (sweep_timer_) sweep_timer_.cancel();
  locals_.drop_all();
  events_.clear();
  end_waits();
  idle_.set();
}

/// Whoever waits for a decision that this object will not make any more is told so.
void coordinator_shell::end_waits() noexcept {
  for (const auto& [id, tx] : std::exchange(transactions_, {})) {
    for (auto& timer : tx->timers)
      if (timer) timer.cancel();
    tx->tell(commit_result(decision::unknown, errc::stopping, "the coordinator ended before it was decided"));
    tx->close(wait_status::timed_out);
  }
  beginning_.clear();
  for (const auto& [branch, answer] : std::exchange(resolving_, {}))
    if (!answer.done()) answer.set_result(make_error_code(errc::stopping));
  if (starting_ && !starting_->done()) starting_->set_result(false);
}

coordinator_statistics coordinator_shell::statistics() const {
  coordinator_statistics now;
  now.begun = begun_.value();
  now.refused = refused_.value();
  now.committed = committed_.value();
  now.aborted = aborted_.value();
  now.unknown = unknown_.value();
  now.closed = closed_.value();
  now.in_flight = in_flight_.value();
  now.hook_failures = hook_failures_.value();
  now.rejected = rejected_.value();
  now.alarms = alarms_.value();
  return now;
}

} // namespace two_phase::detail
RONDO_END_NAMESPACE
