// SPDX-License-Identifier: BSL-1.0
#include "node.hpp"

#include <fmt/format.h>

#include <chrono>
#include <future>
#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

namespace {

std::uint64_t seed_or_random(const std::optional<std::uint64_t>& seed) {
  if (seed) return *seed;
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

participant_name checked(participant_name name) {
  if (name.empty()) throw std::invalid_argument("rondo: a coordinator or participant needs a name");
  return name;
}

} // namespace

node::node(participant_name name, decision_log& log, transport* net, std::uint64_t compact_above,
           const std::optional<event_loop>& hooks_on, const std::optional<std::uint64_t>& seed, observer& watcher,
           fail_points points)
    : name_(checked(std::move(name))), log_(log, compact_above), transport_(net), hooks_(*this, hooks_on),
      observer_(watcher), fail_points_(std::move(points)), random_(seed_or_random(seed)) {}

event_loop node::loop(const char* call) const {
  if (!loop_) throw std::logic_error(fmt::format("rondo: {} of '{}' before start()", call, name_.text()));
  return *loop_;
}

void node::begin_life(const char* what) {
  if (loop_)
    throw std::logic_error(fmt::format("rondo: {} '{}' was started before: make a new one", what, name_.text()));
  loop_ = get_running_loop();
  alive_ = true;
}

awaitable<log_contents> node::open_log() {
  log_contents contents = co_await log_.open(*this);
  const auto& log = log_.log();
  if (!log.durable())
    say(notice(notice_kind::log_not_durable, name_,
               fmt::format("{}: its decisions do not survive the process: {}", name_.text(), log.description())));
  if (const auto& cut = contents.cut())
    say(notice(notice_kind::log_cut, name_,
               fmt::format("{}: a crash left {} bytes half written in {} at offset {}; they were cut off", name_.text(),
                           cut->size(), cut->file(), cut->offset())));
  co_return contents;
}

void node::check_alive() const {
  if (!alive())
    throw std::system_error(make_error_code(errc::stopping),
                            fmt::format("rondo: '{}' ended while it started", name_.text()));
}

void node::die() noexcept {
  if (!alive_.exchange(false)) return;
  hooks_.abandon();
  drop_all();
  if (transport_) transport_->abandon();
  log_.abandon();
}

void node::kill() noexcept {
  if (!alive() || !loop_) return;
  auto& core = loop_->core();
  if (rondo::detail::running_core_or_null() == &core || rondo::detail::at_rest(core)) return die();
  try {
    const auto dead = std::make_shared<std::promise<void>>();
    loop_->call_soon_threadsafe([self = shared_from_this(), dead] {
      self->die();
      dead->set_value();
    });
    // Nobody may run the executor of an attached loop any more: then there is nobody to be careful of.
    const auto done = dead->get_future();
    for (int i = 0; i < 100 && !rondo::detail::at_rest(core); ++i)
      if (done.wait_for(std::chrono::milliseconds(50)) == std::future_status::ready) return;
  } catch (...) { // the loop is closed
  }
  die();
}

void node::on_rejected(std::string_view why) {
  ++rejected_;
  say(notice(notice_kind::message_rejected, name_, fmt::format("{}: a message was rejected: {}", name_.text(), why)));
}

void node::on_log_failure(const log_result& result) {
  say(notice(notice_kind::log_refused, name_, fmt::format("{}: the log failed: {}", name_.text(), result.reason())));
}

void node::say(notice what) noexcept {
  observe([&](observer& o) { o.on_notice(what); });
}

void node::say_alarm(const alarm& what) noexcept {
  ++alarms_;
  const bool about_branch = what.branch != branch_id();
  say(notice(notice_kind::alarm, name_,
             fmt::format("{}: {}{}{}{}{}", name_.text(), to_string(what.kind), about_branch ? ": " : "",
                         about_branch ? what.branch.to_gid() : std::string(), what.text.empty() ? "" : ": ", what.text))
          .branch(what.branch)
          .alarm(what.kind));
}

void node::say_hook_failed(const hook_finished& how, const std::exception_ptr& error) {
  ++hook_failures_;
  say(notice(notice_kind::hook_failed, name_,
             fmt::format("{}: a hook of {} failed and runs again: {}", name_.text(), how.branch.to_gid(), how.reason))
          .branch(how.branch)
          .exception(error));
}

void node::report_observer() noexcept {
  if (loop_) rondo::detail::report(loop_->core(), "an observer of two-phase commit threw", std::current_exception());
}

void check_resolution(decision how) {
  if (how != decision::committed && how != decision::aborted)
    throw std::invalid_argument("rondo: an administrator decides for committed or for aborted");
}

std::uint64_t wall_time() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

} // namespace two_phase::detail
RONDO_END_NAMESPACE
