// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/observer.hpp>

#include "../../diagnostics.hpp"

RONDO_BEGIN_NAMESPACE
namespace two_phase {

std::string_view to_string(notice_kind kind) noexcept {
  switch (kind) {
  case notice_kind::started:
    return "started";
  case notice_kind::log_cut:
    return "log_cut";
  case notice_kind::log_not_durable:
    return "log_not_durable";
  case notice_kind::hook_failed:
    return "hook_failed";
  case notice_kind::message_rejected:
    return "message_rejected";
  case notice_kind::log_refused:
    return "log_refused";
  case notice_kind::unknown_resource:
    return "unknown_resource";
  case notice_kind::alarm:
    return "alarm";
  }
  return {};
}

std::string_view to_string(alarm_kind kind) noexcept {
  switch (kind) {
  case alarm_kind::log_poisoned:
    return "the log is poisoned, only a restart helps";
  case alarm_kind::log_unreadable:
    return "the log cannot be used";
  case alarm_kind::not_mine:
    return "in doubt, and the coordinator does not know the branch";
  case alarm_kind::heuristic_damage:
    return "an administrator decided otherwise than the coordinator";
  case alarm_kind::heuristic_hazard:
    return "a participant lost its log and may have decided otherwise";
  case alarm_kind::stuck:
    return "a participant does not acknowledge a commit";
  case alarm_kind::contradiction:
    return "a decision contradicts one that was carried out";
  }
  return {};
}

observer::~observer() = default;

void observer::on_notice(const notice& what) {
  const bool usual = what.kind() == notice_kind::started || what.kind() == notice_kind::log_not_durable;
  if (!usual) rondo::detail::log(what.text());
}

void observer::on_completed(const txid&, const commit_result&, clock::duration) {}
void observer::on_closed(const txid&, decision, clock::duration) {}
void observer::on_branch_ended(const branch_id&, decision) {}

observer& default_observer() {
  static observer instance;
  return instance;
}

} // namespace two_phase
RONDO_END_NAMESPACE
