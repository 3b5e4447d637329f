// Runners: recycled coroutines that drive tasks, and the executor under which a task's coroutine runs.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "loop_core.hpp"

#include <rondo/detail/shield.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/execution.hpp>

#include <atomic>
#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// One coroutine which runs one task after another: making one costs several times what a task costs.
///
/// Its memory is counted by the copies of its executor, because frames that the context destroys at its end still hold
/// some. A runner takes a new task only if the count is what it was when the runner was new: nobody may meet another
/// task under an executor that he kept.
class task_runner final : public list_hook {
public:
  explicit task_runner(loop_core& loop) : core(&loop) {}
  task_runner(const task_runner&) = delete;
  task_runner& operator=(const task_runner&) = delete;

  static task_runner* create(loop_core& core);

  /// Drives the task up to its first suspension.
  void begin(task_state_base& t) noexcept;

  /// Goes on with the parked coroutine, inside a slice.
  void resume_idle();

  /// Ends an idle runner; its frames are destroyed through the executor.
  void retire() noexcept;

  /// Drops the parked idle wait: the loop ends.
  void drop_idle() noexcept { idle.reset(); }

  bool reusable() const noexcept { return references.load(std::memory_order_acquire) == baseline; }

  void add_reference() noexcept { references.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  /// Whether a resumption begins a slice and nothing else.
  bool quiet() const noexcept { return std::bit_cast<std::uint32_t>(now) == 0; }
  void begin_slice() noexcept { now.running = true, ++slices; }

  /// Delivers a cancellation to the plain operation in which the task is suspended; see the .cpp.
  enum class probe_result { done, again, marked };
  probe_result probe(task_state_base& t, bool& post_marker) noexcept;
  void emit_total() noexcept;
  probe_result trigger_level(task_state_base& t) noexcept;
  void end_level() noexcept;

  /// The scope whose cancellation is pending no longer counts; a `cancel()` that the level trigger delivers does.
  void end_level_of_scope() noexcept {
    if (!level_real) end_level();
  }

  /// Takes away the scopes of a task that has ended: a coroutine that is not the task's own has left them here.
  void abandon_scopes() noexcept;

  const ref<loop_core> core;
  task_state_base* task = nullptr;
  scope_link* scopes = nullptr;    // of the task, the innermost one
  const void* coroutine = nullptr; // the identity of the runner's own coroutine
  std::optional<parked_coroutine> idle;
  std::atomic<int> references{1}; // executor copies, and one of the loop's
  int baseline = -1;              // `references` at the first idle; never equal until then

  struct activity {        // one word, so that one comparison tells that there is none
    bool running = false;  // inside a slice
    bool emitting = false; // a cancellation, to a plain operation
    bool suspect = false;  // emitted; a slice before the marker means that the operation had completed
    bool none = false;
  };
  activity now;

  // Cancellation of plain operations. The order is that of the least memory: a sleeping task has a runner, too.
  int live_filters = 0; // 0: the user replaced the cancellation state
  boost::asio::cancellation_signal signal;
  boost::asio::cancellation_state state; // valid while live_filters > 0
  unsigned slices = 0;
  unsigned probe_stamp = 0;
  unsigned level_stamp = 0; // `slices` when the level was set
  int outrun = 0;
  bool level = false;           // the filters let the cancellation stay set
  bool level_set = false;       // it is set
  bool level_real = false;      // for a `cancel()`, not only for a scope
  bool resumed_in_emit = false; // the coroutine ran inside an emit, and may be suspended in something else
  bool probing = false;
  bool marked = false;

private:
  ~task_runner() = default;
};

/// One resumption of a coroutine: while it lives, the runner's task is the current one.
///
/// `finish()` starts the delivery of a cancellation that came meanwhile; it is left out where user code has thrown.
class slice {
public:
  /// `own`: the coroutine is the task's own, which keeps the runner alive; for any other one the slice does.
  slice(task_runner* runner, bool own) noexcept
      : state_(this_thread()), runner_(runner), previous_runner_(state_.runner), previous_core_(state_.core),
        own_(own) {
    if (!runner_) return;
    if (!own_) runner_->add_reference();
    state_.runner = runner_;
    state_.core = runner_->core.get();
    if (runner_->now.running) return;
    if (runner_->now.emitting) {
      runner_->resumed_in_emit = true;
      return;
    }
    outermost_ = true;
    runner_->begin_slice();
    if (runner_->now.suspect) {
      runner_->now.suspect = false;
      if (runner_->task) runner_->task->real_cancel = runner_->task->must_cancel = true;
    }
  }
  slice(const slice&) = delete;
  slice& operator=(const slice&) = delete;

  ~slice() {
    state_.runner = previous_runner_;
    state_.core = previous_core_;
    if (!runner_) return;
    if (outermost_) runner_->now.running = false; // user code threw
    if (!own_) runner_->release();
  }

  void finish() noexcept {
    if (!outermost_) return;
    outermost_ = false;
    finish(*runner_);
  }

  static void finish(task_runner& r) noexcept {
    r.now.running = false;
    task_state_base* t = r.task;
    if (!t || t->waiting) return;
    t->since = r.core->batch_time();
    if (t->must_cancel) r.core->add_probe(*t);
  }

private:
  thread_state& state_; // a slice begins and ends on one thread
  task_runner* const runner_;
  task_runner* const previous_runner_;
  loop_core* const previous_core_;
  const bool own_;
  bool outermost_ = false;
};

/// The executor of a task's coroutine: the loop's, with the task's identity. Small enough for `any_io_executor` to hold
/// without an allocation.
class task_executor {
public:
  explicit task_executor(task_runner& r) noexcept : runner_(&r) { runner_->add_reference(); }
  task_executor(const task_executor& other) noexcept : task_executor(other.runner_, other.bits_) {}
  task_executor(task_executor&& other) noexcept : task_executor(other.runner_, other.bits_) {}
  task_executor& operator=(const task_executor&) = delete;
  ~task_executor() {
    if (bits_ & tracked) runner_->core->external_work_ends();
    runner_->release();
  }

  boost::asio::execution_context& query(boost::asio::execution::context_t) const noexcept {
    return runner_->core->context();
  }
  static constexpr boost::asio::execution::mapping_t query(boost::asio::execution::mapping_t) noexcept {
    return boost::asio::execution::mapping.thread;
  }
  boost::asio::execution::blocking_t query(boost::asio::execution::blocking_t) const noexcept {
    if (bits_ & never_blocking) return boost::asio::execution::blocking.never;
    return boost::asio::execution::blocking.possibly;
  }
  boost::asio::execution::relationship_t query(boost::asio::execution::relationship_t) const noexcept {
    if (bits_ & continuation) return boost::asio::execution::relationship.continuation;
    return boost::asio::execution::relationship.fork;
  }
  boost::asio::execution::outstanding_work_t query(boost::asio::execution::outstanding_work_t) const noexcept {
    if (bits_ & tracked) return boost::asio::execution::outstanding_work.tracked;
    return boost::asio::execution::outstanding_work.untracked;
  }

  task_executor require(boost::asio::execution::blocking_t::never_t) const noexcept { return with(never_blocking); }
  task_executor require(boost::asio::execution::blocking_t::possibly_t) const noexcept {
    return without(never_blocking);
  }
  task_executor require(boost::asio::execution::relationship_t::continuation_t) const noexcept {
    return with(continuation);
  }
  task_executor require(boost::asio::execution::relationship_t::fork_t) const noexcept { return without(continuation); }
  task_executor require(boost::asio::execution::outstanding_work_t::tracked_t) const noexcept { return with(tracked); }
  task_executor require(boost::asio::execution::outstanding_work_t::untracked_t) const noexcept {
    return without(tracked);
  }

  template <class F>
  void execute(F&& f) const;

  friend bool operator==(const task_executor& a, const task_executor& b) noexcept {
    return a.runner_ == b.runner_ && a.bits_ == b.bits_;
  }
  friend bool operator!=(const task_executor& a, const task_executor& b) noexcept { return !(a == b); }

private:
  enum bits : unsigned char { never_blocking = 1, continuation = 2, tracked = 4 };

  task_executor(task_runner* r, unsigned char b) noexcept : runner_(r), bits_(b) {
    runner_->add_reference();
    if (bits_ & tracked) runner_->core->external_work_begins();
  }

  task_executor with(bits b) const noexcept { return task_executor(runner_, static_cast<unsigned char>(bits_ | b)); }
  task_executor without(bits b) const noexcept {
    return task_executor(runner_, static_cast<unsigned char>(bits_ & ~b));
  }

  template <class F>
  struct step;

  task_runner* runner_;
  unsigned char bits_ = 0;
};

/// A resumption that comes from a plain Asio operation, as a slice of the task.
template <class F>
struct task_executor::step {
  task_executor keep;
  F f;

  void operator()() {
    slice s(keep.runner_, true); // `keep` holds the runner
    std::move(f)();
    s.finish();
  }
};

template <class F>
void task_executor::execute(F&& f) const {
  loop_core& core = *runner_->core;
  const auto& inner = bits_ & never_blocking ? core.posting_executor() : core.dispatching_executor();
  if (!inner) return; // the context is gone: f dies here
  inner.execute(step<std::decay_t<F>>{task_executor(runner_, 0), std::forward<F>(f)});
}

/// Cancels a task also if tasks that await each other in a circle keep it from ending by itself.
void cancel_in_any_case(task_state_base& task, const std::string& message) noexcept;

static_assert(sizeof(task_executor) <= 16 && std::is_nothrow_move_constructible_v<task_executor>,
              "any_io_executor must hold it without an allocation");

} // namespace detail
RONDO_END_NAMESPACE
