// Runs a scenario program on rondo's virtual clock and writes its trace.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "objects.hpp"
#include "program.hpp"

#include <rondo/as_completed.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/task.hpp>
#include <rondo/task_group.hpp>
#include <rondo/timeout.hpp>

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace conformance {

/// The lines of the trace, without line ends.
std::vector<std::string> run_program(const program& p);

/// What a task knows of the blocks that it is in. Calls share it, other tasks do not.
struct task_frame {
  std::vector<rondo::timeout_scope> timeouts;
  std::vector<rondo::task_group*> groups;
  std::vector<std::exception_ptr> handled;
};

/// How a block ended: at its last statement, or with a `return`.
struct flow {
  bool returned = false;
  value result;
};

class machine {
public:
  machine(const program& p, rondo::event_loop loop);
  machine(const machine&) = delete;
  machine& operator=(const machine&) = delete;

  rondo::awaitable<value> run_main() { return run_task(program_.main); }

  /// A line of the trace, of the current task.
  void write(std::string_view path, std::string_view text);
  /// What is done from now on leaves no trace.
  void end_trace(std::string_view last_word);
  void report(const rondo::exception_context& c);

  std::vector<std::string> take_trace() { return std::move(trace_); }

private:
  /// A thing that was bound: `task` is empty for a gather or a shield.
  struct handle {
    rondo::future<value> future;
    rondo::any_task task;
  };

  // Coroutines and blocks.
  rondo::awaitable<value> run_task(std::size_t coroutine);
  /// What a combinator is given: it may make a task of it, or await it in the creator's.
  rondo::awaitable<value> run_source(std::size_t coroutine, task_frame& creators_frame, rondo::any_task creator);
  rondo::awaitable<value> run_coroutine(std::size_t coroutine, task_frame& f);
  rondo::awaitable<flow> run_block(task_frame& f, const block& b, std::string path);
  rondo::awaitable<void> call_coroutine(task_frame& f, const statement& s, std::string path);
  rondo::awaitable<flow> repeat(task_frame& f, const statement& s, std::string path);
  rondo::awaitable<flow> try_block(task_frame& f, const statement& s, std::string path);
  rondo::awaitable<flow> timeout_block(task_frame& f, const statement& s, std::string path);
  rondo::awaitable<flow> group_block(task_frame& f, const statement& s, std::string path);
  rondo::awaitable<flow> with_block(task_frame& f, const statement& s, std::string path);

  // What suspends: with its lines, and the text behind "ok".
  rondo::awaitable<void> wait_and_write(task_frame& f, const statement& s, std::string path);
  rondo::awaitable<std::string> wait_for_end(task_frame& f, const statement& s, std::string path);
  rondo::awaitable<std::string> wait_for_object(const statement& s);
  rondo::awaitable<std::string> wait_for_several(const statement& s);
  rondo::awaitable<std::string> wait_for_each(task_frame& f, const statement& s, std::string path);
  rondo::awaitable<value> wait_in_time(task_frame& f, const statement& s);
  rondo::awaitable<void> acquire(std::size_t index);

  // What does not suspend: with its line, and the text behind "ok". A callback has no frame.
  void call_and_write(task_frame* f, const statement& s, const std::string& path);
  std::string call(task_frame* f, const statement& s, const std::string& path);
  std::string call_task(task_frame& f, const statement& s, const std::string& path);
  std::string call_scope(task_frame& f, const statement& s);
  std::string call_object(const statement& s);
  template <class Queue>
  std::string call_queue(Queue& q, const statement& s);
  void run_callback(const statement& s, const std::string& path);
  static std::string state_of(const rondo::future<value>& f);

  // Names and sources.
  const handle& look_up(const source& s) const;
  void require_bound(const std::vector<source>& sources) const;
  rondo::future<value> future_of(const source& s);
  /// Nothing for a coroutine. All are looked up before the first of those starts: eagerly, it could bind a name anew.
  std::vector<std::optional<rondo::future<value>>> futures_of(const std::vector<source>& sources);
  std::string name_of(const source& s) const;
  void bind(std::size_t index, rondo::future<value> f);
  rondo::awaitable<value> start_source(const source& s, task_frame& f);
  rondo::future<value> gather(task_frame& f, const statement& s);
  template <class Results>
  rondo::future<value> gather_as(task_frame& f, const statement& s);
  rondo::future<value> shield(task_frame& f, const statement& s);

  static rondo::time_limit limit_of(const statement& s);
  static std::optional<rondo::clock::time_point> deadline_of(const statement& s);

  const program& program_;
  rondo::event_loop loop_;
  std::vector<std::optional<handle>> handles_;
  object_set objects_;
  std::deque<rondo::completions<rondo::future<value>>> started_; // by as_completed
  std::vector<std::string> trace_;
  bool ended_ = false;
};

} // namespace conformance
