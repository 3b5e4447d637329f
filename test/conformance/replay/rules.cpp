// SPDX-License-Identifier: BSL-1.0
#include "rules.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace conformance {

namespace {

// clang-format off
constexpr std::array rules = {
    rule{"log", "s", false, true}, rule{"call", "c"}, rule{"raise", "s"}, rule{"return", "v"}, rule{"repeat", "nB"}, rule{"try", "X"},
    rule{"reraise", ""},
    rule{"spawn", "hcO"}, rule{"await", "r", true}, rule{"cancel", "rm", false, true}, rule{"cancel_self", "m"}, rule{"uncancel", ""},
    rule{"cancelling", "k"}, rule{"state", "r", false, true}, rule{"on_done", "rs"},
    rule{"sleep", "n", true}, rule{"call_soon", "sY"}, rule{"call_later", "nsY"}, rule{"call_at", "nsY"},
    rule{"gather", "LO", true}, rule{"gather_start", "hLO"}, rule{"wait", "WO", true}, rule{"wait_for", "SM", true},
    rule{"shield", "S", true}, rule{"shield_start", "hS"}, rule{"as_completed", "LM", true},
    rule{"timeout", "MB", true}, rule{"timeout_at", "MB", true}, rule{"reschedule", "M"}, rule{"expired", ""},
    rule{"group", "B", true}, rule{"gspawn", "hc"}, rule{"gcancel", ""},
    rule{"acquire", "l", true}, rule{"release", "l", false, true}, rule{"with", "lB", true}, rule{"locked", "l", false, true},
    rule{"ev_wait", "e", true}, rule{"ev_set", "e", false, true}, rule{"ev_clear", "e", false, true},
    rule{"c_wait", "C", true}, rule{"c_notify", "Cn"}, rule{"c_notify_all", "C"},
    rule{"b_wait", "b", true}, rule{"b_reset", "b", true}, rule{"b_abort", "b", true},
    rule{"put", "qv", true}, rule{"get", "q", true}, rule{"put_nowait", "qv", false, true}, rule{"get_nowait", "q", false, true},
    rule{"task_done", "q", false, true}, rule{"q_join", "q", true}, rule{"q_shutdown", "qf", false, true}, rule{"qsize", "q", false, true},
    rule{"f_set", "Fv", false, true}, rule{"f_exc", "Fs", false, true}, rule{"f_cancel", "Fm", false, true},
    rule{"v_set", "Vv", false, true}, rule{"v_get", "V", false, true},
};
// clang-format on
static_assert(rules.size() == static_cast<std::size_t>(op::v_get) + 1);

constexpr std::array<std::string_view, 11> type_names = {"event",          "lock",    "semaphore",  "bounded_semaphore",
                                                         "condition",      "barrier", "queue",      "lifo_queue",
                                                         "priority_queue", "future",  "context_var"};

} // namespace

bool accepts(char letter, object_type t) noexcept {
  switch (letter) {
  case 'e':
    return t == object_type::event;
  case 'l':
    return t >= object_type::lock && t <= object_type::condition;
  case 'C':
    return t == object_type::condition;
  case 'b':
    return t == object_type::barrier;
  case 'q':
    return t >= object_type::queue && t <= object_type::priority_queue;
  case 'F':
    return t == object_type::future;
  case 'V':
    return t == object_type::context_var;
  default:
    return false;
  }
}

const rule& rule_of(op o) noexcept { return rules[static_cast<std::size_t>(o)]; }

std::optional<op> op_named(std::string_view name) noexcept {
  const auto* const place = std::find_if(rules.begin(), rules.end(), [&](const rule& r) { return r.name == name; });
  if (place == rules.end()) return std::nullopt;
  return static_cast<op>(place - rules.begin());
}

std::string_view name_of(object_type t) noexcept { return type_names[static_cast<std::size_t>(t)]; }

std::optional<object_type> type_named(std::string_view name) noexcept {
  const auto* const place = std::find(type_names.begin(), type_names.end(), name);
  if (place == type_names.end()) return std::nullopt;
  return static_cast<object_type>(place - type_names.begin());
}

op_info info(op o) noexcept {
  const rule& r = rule_of(o);
  return {r.name, r.begins};
}

} // namespace conformance
