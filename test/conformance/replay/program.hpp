// Scenario programs as they are after reading: names are resolved, and every statement is complete.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "value.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace conformance {

/// What is wrong with a program: "PATH: MESSAGE".
class invalid_program : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

// clang-format off
enum class op : unsigned char {
  log, call, raise, return_, repeat, try_, reraise,
  spawn, await, cancel, cancel_self, uncancel, cancelling, state, on_done,
  sleep, call_soon, call_later, call_at,
  gather, gather_start, wait, wait_for, shield, shield_start, as_completed,
  timeout, timeout_at, reschedule, expired, group, gspawn, gcancel,
  acquire, release, with, locked, ev_wait, ev_set, ev_clear, c_wait, c_notify, c_notify_all, b_wait, b_reset, b_abort,
  put, get, put_nowait, get_nowait, task_done, q_join, q_shutdown, qsize,
  f_set, f_exc, f_cancel, v_set, v_get,
};
// clang-format on

enum class object_type : unsigned char {
  event,
  lock,
  semaphore,
  bounded_semaphore,
  condition,
  barrier,
  queue,
  lifo_queue,
  priority_queue,
  future,
  context_var,
};

struct object {
  std::string name;
  object_type type = object_type::event;
  std::int64_t number = 0;         // value, parties or maxsize
  std::optional<std::size_t> lock; // of a condition
  value initial;                   // of a context_var
};

/// What a statement waits for or looks at. `index` counts handles, objects or coroutines.
struct source {
  enum class kind : unsigned char { handle, future, coroutine };
  kind what = kind::handle;
  std::size_t index = 0;
};

enum class waits_until : unsigned char { first_completed, first_exception, all_completed };

struct statement;
using block = std::vector<statement>;

struct handler;

/// Which members are used depends on `op`; the others keep their defaults.
struct statement {
  conformance::op op = op::log;
  std::string text;                   // of log; the name of an error; the tag of a callback; the name of a spawned task
  std::optional<std::string> message; // of a cancel
  value literal;
  std::optional<std::int64_t> number; // ms, rounds, n
  std::size_t index = 0;              // the object, the coroutine, or the handle that is bound
  std::size_t coroutine = 0;          // of a spawn
  std::vector<source> sources;
  bool flag = false;         // return_exceptions; immediate; whether a spawned task has a name
  std::optional<bool> eager; // of a spawn
  waits_until until = waits_until::all_completed;
  block body;
  block finally;
  std::vector<handler> handlers;
};

struct handler {
  std::string kind;
  block body;
};

struct coroutine {
  std::string name;
  block body;
};

struct program {
  std::vector<object> objects;
  std::vector<coroutine> coroutines;
  std::vector<std::string> handles;
  std::size_t main = 0;
  bool eager = false;
};

/// How a statement's name stands in a trace, and whether `begin` comes before its end.
struct op_info {
  std::string_view name;
  bool begins;
};
op_info info(op o) noexcept;

/// Reads a program. Throws `invalid_program`.
program parse_program(std::string_view json);

} // namespace conformance
