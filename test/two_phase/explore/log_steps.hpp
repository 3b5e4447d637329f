// What can happen in the log of a process, be it a coordinator or a participant: a compaction, and every end of a force.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "hosts.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace explore {

template <class Host>
void add_log_steps(const Host& from, std::vector<happening<Host>>& steps) {
  if (from.compactions_ > 0 && !from.log_.forcing()) {
    steps.push_back(from.begin("compacts its log"));
    auto& host = steps.back().next;
    host.log_.durable = from.core_.live_records();
    host.log_.queue.clear();
    --host.compactions_;
  }
  const auto first = std::ranges::find_if(from.log_.queue, [](const auto& each) { return each.write.has_value(); });
  if (first == from.log_.queue.end()) return;
  const auto before = static_cast<std::size_t>(first - from.log_.queue.begin());
  const auto type = to_string(first->record.type());
  const auto try_outcome = [&](two_phase::log_outcome outcome, bool present, const char* name) {
    steps.push_back(from.begin(fmt::format("force of {} ends: {}", type, name)));
    auto& into = steps.back();
    if (present) {
      Host::sync(into, before + 1);
    } else {
      auto& queue = into.next.log_.queue;
      queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(before));
    }
    if (outcome != two_phase::log_outcome::ok) --into.next.log_faults_;
    Host::apply(into, two_phase::log_written(*first->write, outcome));
  };
  try_outcome(two_phase::log_outcome::ok, true, "ok");
  if (from.log_faults_ == 0) return;
  try_outcome(two_phase::log_outcome::definite, false, "definitely not written");
  try_outcome(two_phase::log_outcome::ambiguous, false, "ambiguous, not there");
  try_outcome(two_phase::log_outcome::ambiguous, true, "ambiguous, there");
}

} // namespace explore
