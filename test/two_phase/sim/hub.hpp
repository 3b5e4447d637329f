// What all parts of a run share.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "coverage.hpp"
#include "scenario.hpp"
#include "trace.hpp"

#include <rondo/event.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/task.hpp>

#include <optional>
#include <string>
#include <vector>

namespace sim {

/// A process, as faults see it.
class process {
public:
  virtual const std::string& name() const = 0;
  /// Notes a fault that hits a branch, in the state that the process has it in.
  virtual void hit(fault what, const two_phase::branch_id& branch) = 0;
  /// Notes a fault that hits everything that the process has.
  virtual void hit_everything(fault what) = 0;
  /// It does nothing any more, and is gone in the next pass.
  virtual void crash(fault why) = 0;

protected:
  ~process() = default;
};

struct hub {
  hub(const scenario& s, coverage& c, bool prints) : plan(s), covered(c), log(prints) {}

  const scenario& plan;
  coverage& covered;
  trace log;
  rondo::event_loop loop = rondo::get_running_loop();
  std::vector<process*> processes;
  bool healed = false;
  rondo::event all_is_well; // set when it is healed
  std::uint64_t faults = 0; // that have happened

  /// Whether a fault is switched on and may happen now.
  bool may(fault which) const { return !healed && plan.has(which); }
  /// Notes that a fault happens, without a state that it hits.
  void happens(fault which, std::string_view who) {
    ++faults;
    log.note(to_string(which), who);
  }
};

/// The result of something on this loop that need not wait; nothing if it waits, or throws.
template <class T>
std::optional<T> at_once(rondo::awaitable<T> what) {
  auto task = rondo::create_task(std::move(what), rondo::task_options().eager(true));
  if (!task.done()) task.cancel();
  if (!task.done() || task.cancelled() || task.exception()) return std::nullopt;
  return task.result();
}

} // namespace sim
