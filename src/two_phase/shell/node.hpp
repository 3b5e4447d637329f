// node: what the shells of coordinators and participants have in common.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "hook_runner.hpp"
#include "log_writer.hpp"

#include <rondo/two_phase/observer.hpp>
#include <rondo/two_phase/timeouts.hpp>
#include <rondo/two_phase/transport.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

/// A number that one thread changes and any may read.
class counter {
public:
  counter& operator++() noexcept { return add(1); }
  counter& operator--() noexcept { return add(~std::uint64_t{0}); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
  counter& add(std::uint64_t n) noexcept {
    value_.store(value() + n, std::memory_order_relaxed);
    return *this;
  }

  std::atomic<std::uint64_t> value_ = 0;
};

/// A state machine's surroundings: a loop, a log, perhaps a transport, and people who want to know.
///
/// From the loop's point of view it lives from `begin_life` to `die`. Timers, answers and messages that come later find
/// nobody.
class node : public message_receiver, public log_owner, public hook_owner, public std::enable_shared_from_this<node> {
public:
  using fail_points = std::function<void(std::string_view)>;

  const participant_name& name() const noexcept { return name_; }
  /// Throws: `std::logic_error` before `start`.
  event_loop loop(const char* call) const;

  /// Ends it without a word to anybody, as a crash does. From any thread; blocks until it has happened.
  void kill() noexcept;

  void on_rejected(std::string_view why) override;
  void on_log_failure(const log_result& result) override;

protected:
  node(participant_name name, decision_log& log, transport* net, std::uint64_t compact_above,
       const std::optional<event_loop>& hooks_on, const std::optional<std::uint64_t>& seed, observer& watcher,
       fail_points points);
  ~node() = default;

  /// Throws: `std::logic_error` if it was called before.
  void begin_life(const char* what);
  bool was_started() const noexcept { return loop_.has_value(); }
  bool alive() const noexcept { return alive_.load(std::memory_order_relaxed); }
  /// Drops timers and the like. Called once, on the loop or when it has ended.
  virtual void drop_all() noexcept = 0;
  void die() noexcept;
  /// After a wait in `start`. Throws: `std::system_error` if it was destroyed meanwhile.
  void check_alive() const;

  awaitable<log_contents> open_log();

  std::uint64_t chance() { return random_(); }
  void reached(std::string_view point) const {
    if (fail_points_) fail_points_(point);
  }

  void say(notice what) noexcept;
  void say_alarm(const alarm& what) noexcept;
  void say_hook_failed(const hook_finished& how, const std::exception_ptr& error);

  /// Calls a function of the observer; what that throws is reported.
  template <class F>
  void observe(F f) noexcept {
    try {
      f(observer_);
    } catch (...) {
      report_observer();
    }
  }

  const participant_name name_;
  log_writer log_;
  transport* const transport_;
  hook_runner hooks_;
  counter hook_failures_;
  counter rejected_;
  counter alarms_;

private:
  void report_observer() noexcept;

  observer& observer_;
  const fail_points fail_points_;
  std::mt19937_64 random_;
  std::atomic<bool> alive_ = false;
  std::optional<event_loop> loop_; // set once, by `start`
};

/// Throws unless an administrator's decision is one.
void check_resolution(decision how);

/// Seconds since 1970, for people who read a log.
std::uint64_t wall_time();

} // namespace two_phase::detail
RONDO_END_NAMESPACE
