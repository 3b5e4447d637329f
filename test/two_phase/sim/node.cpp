// What coordinators and participants have in common; see node_kinds.cpp for the rest.
// SPDX-License-Identifier: BSL-1.0
#include "node.hpp"

#include <rondo/sleep.hpp>

#include <cerrno>
#include <stdexcept>

namespace sim {
using namespace std::chrono_literals;
using two_phase::branch_id;
using two_phase::message_kind;

namespace {

two_phase::log_uuid uuid_of(random_stream random) {
  two_phase::log_uuid::bytes_type bytes;
  for (auto& each : bytes)
    each = static_cast<std::byte>(random.next() & 0xFF);
  return two_phase::log_uuid(bytes);
}

} // namespace

node::node(hub& h, oracle& judge, network& net, std::string name, std::size_t index)
    : hub_(h), judge_(judge), net_(net), random_(h.plan.stream(100 + index)), disk_(h.plan.stream(200 + index)),
      name_(std::move(name)), index_(index) {
  sim_log::make(disk_, uuid_of(h.plan.stream(300 + index)), h.plan.segment_size);
  disk_.on_fault = [this](fault which) { disk_failed(which); };
  choose_fail_point();
}

bank& node::add_bank(std::size_t index) {
  const auto which = banks_.size();
  if (vaults_.size() <= which) vaults_.emplace_back();
  auto& made = all_banks_.emplace_back(hub_, judge_, *this, vaults_[which], index,
                                       hub_.plan.stream(10'000 + 1000 * index + lives_));
  banks_.push_back(&made);
  return made;
}

// ---- life

void node::start() {
  if (state_ != life::down) return;
  state_ = life::starting;
  dead_ = poisoned_ = false;
  ++lives_;
  hub_.log.note("starts", name_, 0, 0, lives_);
  if (hub_.may(fault::sync_error) && random_.chance(30)) disk_.fail_sync(EIO);
  if (hub_.may(fault::write_error) && random_.chance(30)) disk_.fail_write(EIO);
  log_ = std::make_unique<sim_log>(hub_, judge_, *this, disk_, hub_.plan.stream(20'000 + 1000 * index_ + lives_));
  transport_ = std::make_unique<sim_transport>(net_, index_);
  make_shell();
  rondo::create_task(run_start(lives_), rondo::task_options().name("start " + name_));
  schedule_early_crash();
}

void node::schedule_early_crash() {
  if (lives_ == 1) return;
  const auto soon = [&] { return random_.up_to(random_.chance(500) ? 0ms : 30ms); };
  if (hub_.may(fault::crash) && random_.chance(80))
    hub_.loop.call_later(soon(), [this, number = lives_] {
      if (number == lives_ && !hub_.healed) crash(fault::crash);
    });
  if (hub_.may(fault::crash_in_recovery) && random_.chance(300))
    hub_.loop.call_later(soon(), [this, number = lives_] {
      if (number == lives_ && state_ == life::starting && !hub_.healed) crash(fault::crash_in_recovery);
    });
}

rondo::awaitable<void> node::run_start(std::uint64_t number) {
  if (number != lives_) co_return;
  std::string error;
  try {
    co_await start_shell();
  } catch (const std::exception& e) {
    error = e.what();
  }
  if (number != lives_ || dead_) co_return;
  if (error.empty()) {
    state_ = life::up;
    hub_.log.note("is up", name_);
    co_return;
  }
  if (hub_.faults == 0) judge_.violated("a start failed although nothing else did: " + error);
  hub_.log.note("could not start", name_, 0, 0, 0, error);
  dead_ = true;
  end_life(std::nullopt);
}

/// In the pass that comes it is gone; what it still does until then nobody sees.
void node::crash(std::optional<fault> why) {
  if (dead_ || state_ == life::down) return;
  dead_ = true;
  ++hub_.faults;
  hub_.log.note("crashes", name_, 0, 0, 0, why ? to_string(*why) : "to start again");
  log_->die();
  transport_->die();
  for (auto* each : banks_)
    each->die();
  hub_.loop.call_soon([this, why, number = lives_] {
    if (number == lives_ && state_ != life::down) end_life(why);
  });
}

void node::end_life(std::optional<fault> why) {
  if (why) hit_everything(*why);
  last_states_ = all_states();
  drop_shell();
  gone();
  state_ = life::down;
  for (auto* each : banks_)
    each->close();
  banks_.clear();
  log_->die();
  log_->lose_power({hub_.may(fault::lost_write), hub_.may(fault::torn_write), hub_.may(fault::bit_flip)});
  log_.reset();
  transport_.reset();
  choose_fail_point();
  start_later();
}

void node::start_later() {
  const auto delay = hub_.healed ? duration(100ms) : random_.up_to(random_.chance(700) ? 5s : 90s);
  hub_.loop.call_later(delay, [this, number = lives_] {
    if (number == lives_) start();
  });
}

void node::stop_for_a_while() {
  if (state_ != life::up || dead_) return;
  hit_everything(fault::stop);
  hub_.happens(fault::stop, name_);
  state_ = life::stopping;
  rondo::create_task(run_stop(lives_), rondo::task_options().name("stop " + name_));
}

rondo::awaitable<void> node::run_stop(std::uint64_t number) {
  const auto drain = random_.up_to(random_.chance(500) ? 1s : 20s);
  co_await stop_shell(drain);
  if (number != lives_ || dead_ || state_ != life::stopping) co_return;
  hub_.log.note("is stopped", name_);
  dead_ = true;
  end_life(std::nullopt);
}

rondo::awaitable<void> node::stop_for_good() {
  co_await stop_shell(1s);
  drop_shell();
  state_ = life::down;
  log_.reset();
  transport_.reset();
}

void node::abandon() {
  drop_shell();
  state_ = life::down;
  ++lives_; // what is still scheduled finds nobody
  log_.reset();
  transport_.reset();
}

two_phase::log_contents node::read_log() {
  two_phase::detail::file_store store("disk", two_phase::file_log_options().files(disk_));
  return store.open();
}

// ---- faults

void node::choose_fail_point() {
  const bool crashes = hub_.may(fault::crash_at_point) && random_.chance(lives_ < 6 ? 600 : 100);
  points_left_ = crashes ? random_.between(1, random_.chance(300) ? 4 : 60) : 0;
}

std::function<void(std::string_view)> node::fail_points() {
  return [this](std::string_view point) {
    hub_.log.note("at", name_, 0, 0, 0, point);
    if (points_left_ > 0 && --points_left_ == 0 && hub_.may(fault::crash_at_point)) crash(fault::crash_at_point);
  };
}

void node::disk_failed(fault which) {
  if (dead_ || state_ == life::down) return;
  hub_.happens(which, name_);
  hit_everything(which);
}

void node::hit(fault what, const branch_id& branch) {
  if (state_ == life::down) return;
  // One that stops or has lost its log takes nothing from the broker any more, whatever its states.
  if (what == fault::connection_loss && (state_ == life::stopping || poisoned_)) return;
  if (state_ == life::starting) return hub_.covered.hit(state::starting(index_ < hub_.plan.coordinators), what);
  if (const auto in = state_of(branch)) hub_.covered.hit(*in, what);
}

void node::hit_everything(fault what) {
  // What is gone had the states that were noted last.
  if (state_ != life::down) last_states_ = all_states();
  for (const auto& each : last_states_)
    hub_.covered.hit(each, what);
}

std::vector<state> node::all_states() const {
  if (state_ == life::starting) return {state::starting(index_ < hub_.plan.coordinators)};
  return states();
}

void node::on_notice(const two_phase::notice& what) {
  judge_.noticed(what);
  if (what.alarm() != two_phase::alarm_kind::log_poisoned) return;
  poisoned_ = true;
  poisoned();
  // Only a restart helps.
  hub_.loop.call_later(random_.up_to(20s), [this, number = lives_] {
    if (number == lives_) crash(std::nullopt);
  });
}

bool node::is_done_with(const message& what) const {
  using enum two_phase::participant_core::phase;
  const auto now = state_of(what.branch());
  const auto in = [&](auto... phases) { return now && ((now->index() == state(phases).index()) || ...); };
  if (what.kind() == message_kind::prepare) return !in(preparing, forcing_prepared);
  if (what.kind() == message_kind::commit) return !in(prepared, committing, forcing_committed);
  if (what.kind() == message_kind::commit_one_phase) return !in(one_phase, forcing_committed, forcing_aborted);
  return true;
}

} // namespace sim
