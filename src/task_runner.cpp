// SPDX-License-Identifier: BSL-1.0
#include "task_runner.hpp"

#include <rondo/errors.hpp>

RONDO_BEGIN_NAMESPACE
namespace detail {

namespace {

/// Filters of the runner's cancellation state. Asio's own state stays set once it was triggered and makes every later
/// co_await throw; asyncio's cancellation is delivered once. So nothing stays set (in), and everything passes (out),
/// except in the level-triggered moment of `task_runner::probe`.
class in_filter {
public:
  explicit in_filter(task_runner& r) noexcept : runner_(&r) { ++runner_->live_filters; }
  in_filter(const in_filter& other) noexcept : runner_(other.runner_) { ++runner_->live_filters; }
  in_filter& operator=(const in_filter&) = delete;
  ~in_filter() { --runner_->live_filters; }

  boost::asio::cancellation_type_t operator()(boost::asio::cancellation_type_t type) const noexcept {
    return runner_->level ? type : boost::asio::cancellation_type::none;
  }

private:
  task_runner* runner_;
};

class out_filter {
public:
  explicit out_filter(task_runner& r) noexcept : runner_(&r) {}

  boost::asio::cancellation_type_t operator()(boost::asio::cancellation_type_t) const noexcept {
    return runner_->level ? boost::asio::cancellation_type::none : boost::asio::cancellation_type::all;
  }

private:
  task_runner* runner_;
};

/// Parks the runner's coroutine until it gets a task, and notes its identity.
class idle_op {
public:
  using rondo_wait = idle_op;

  explicit idle_op(task_runner& r) noexcept : runner_(&r) {}

  boost::asio::detail::async_operation_probe_result operator()(boost::asio::detail::async_operation_probe) &&;
  boost::asio::detail::completion_signature_probe_result<op_signature<void>> operator()(
      boost::asio::detail::completion_signature_probe) &&;

  static constexpr bool ready() noexcept { return false; }
  void suspend(coroutine_frame& frame) noexcept {
    runner_->idle.emplace(*frame.detach_thread());
    runner_->coroutine = runner_->idle->identity();
    runner_->core->runner_idles(*runner_);
  }
  void outcome() noexcept {}

private:
  task_runner* runner_;
};

/// Holds the engine's reference to a task while a runner drives it. The runner's frame may be destroyed in the middle of
/// a task when the context ends; the task is then left pending.
class driven_task {
public:
  explicit driven_task(task_runner& r) noexcept : runner_(r), task_(r.task, false) {}
  driven_task(const driven_task&) = delete;
  driven_task& operator=(const driven_task&) = delete;
  ~driven_task() {
    if (!task_) return;
    leave();
    task_->drop_body();
  }

  task_state_base& operator*() const noexcept { return *task_; }

  void returned() noexcept {
    task_->drop_body();
    end();
    // The message stays in the state: no exception carries it, so whoever asks gets one of his own.
    // No scope is left around the task, so a cancellation that is pending is a cancel().
    const bool cancelled = std::exchange(task_->must_cancel, false) && !task_->keeps_value;
    task_->finish(cancelled ? future_state_base::status::cancelled : future_state_base::status::finished);
    task_.reset();
  }

  /// Called in the catch block with the exception that left the task.
  void threw(std::exception_ptr error) noexcept {
    try {
      throw;
    } catch (const cancelled_error&) {
      return end_cancelled(std::move(error));
    } catch (const keyboard_interrupt&) {
      runner_.core->interrupt(error);
    } catch (...) {
      if (is_cancellation(error)) return end_cancelled(std::move(error));
    }
    // As in CPython a pending cancellation does not replace an exception that has left the coroutine.
    task_->drop_body();
    end();
    task_->finish_failed(std::move(error));
    task_.reset();
  }

private:
  void end_cancelled(std::exception_ptr error) noexcept {
    task_->drop_body();
    end();
    task_->finish_cancelled(std::move(error));
    task_.reset();
  }

  void end() noexcept {
    leave();
    runner_.core->task_ends(*task_);
  }

  void leave() noexcept {
    if (runner_.scopes) runner_.abandon_scopes();
    task_->runner = nullptr;
    runner_.task = nullptr;
    runner_.now.suspect = false;
    runner_.probing = runner_.marked = false;
    runner_.outrun = 0;
    runner_.end_level();
  }

  task_runner& runner_;
  ref<task_state_base> task_; // adopted: the engine's reference
};

coroutine_entry serve(task_runner* r) {
  for (;;) {
    co_await idle_op(*r);
    driven_task task(*r);
    try {
      co_await (*task).drive();
      task.returned();
    } catch (...) {
      task.threw(std::current_exception());
    }
  }
}

} // namespace

task_runner* task_runner::create(loop_core& core) {
  auto* r = new task_runner(core);
  core.runners.push_back(*r);
  const auto slot = r->signal.slot();
  r->state = boost::asio::cancellation_state(slot, in_filter(*r), out_filter(*r));
  // What co_spawn does, without the frame around it that waits for an end and a handler for that.
  coroutine_thread(serve(r), task_executor(*r), slot, r->state).launch();
  r->baseline = r->references.load(std::memory_order_acquire);
  return r;
}

void task_runner::begin(task_state_base& t) noexcept {
  task = &t;
  t.runner = this;
  slice s(this, true);
  resume_idle();
  s.finish();
}

void task_runner::resume_idle() {
  parked_coroutine resting(std::move(*idle));
  idle.reset();
  // What the task before this one may have changed. Here and not in the coroutine, whose frame would be a third larger.
  if (live_filters == 0) {
    resting.reset_cancellation_state(in_filter(*this), out_filter(*this));
    state = resting.get_cancellation_state();
  }
  resting.throw_if_cancelled(true);
  resting.resume();
}

void task_runner::retire() noexcept {
  unlink();
  idle.reset();
  release();
}

// Delivery of a cancellation to a plain Asio operation.
//
// Nothing tells whether the operation in which a coroutine is suspended has completed already: its cancellation handler
// stays in the slot until the coroutine resumes, and an emit does nothing then. So the kernel asks the executor's queue.
//
//   cancel()            must_cancel = true, a probe is posted
//   probe runs          the task has run since: it made progress, try again at its next suspension
//                       otherwise: post a marker, then emit
//   marker runs first   the operation was in progress and is cancelled: done
//   a slice runs first  the operation had completed: must_cancel = true again
//
// The cancellation of a scope needs no proof: must_cancel stays set, and each suspension posts a probe that emits once.
//
// This needs an executor that runs things in the order of posting. On others (a strand of a pool) must_cancel stays set
// until a rondo wait delivers it or the task ends: the cancellation may come twice, but is not lost.
task_runner::probe_result task_runner::probe(task_state_base& t, bool& post_marker) noexcept {
  constexpr int patience = 16;

  if (marked) {
    marked = false;
    now.suspect = false;
    if (!t.real_cancel) return probe_result::done;
  }
  if (level_set) {
    if (slices != probe_stamp) return probe_result::again;
    // The flood has stopped just now: nobody comes to the next co_await.
    end_level();
    if (level_real) t.real_cancel = t.must_cancel = true;
  }
  if (!t.must_cancel || now.running || t.waiting) return probe_result::done;
  if (slices != probe_stamp) {
    probe_stamp = slices;
    if (++outrun <= patience) return probe_result::again;
    return trigger_level(t);
  }
  if (live_filters == 0) { // the user's cancellation state: Asio's rules, and must_cancel for the next rondo wait
    emit_total();
    return probe_result::done;
  }
  if (!state.slot().has_handler()) return probe_result::done; // cannot be cancelled; the next suspension can
  if (core->fifo()) {
    if (!t.real_cancel) {
      emit_total();
      return probe_result::done;
    }
    t.cancellation_delivered();
    now.suspect = true;
    marked = true;
    post_marker = true;
    return probe_result::marked;
  }
  // Without proof the emits go on until a rondo wait delivers it; operations that are always ready never see one.
  if (++outrun > patience) return trigger_level(t);
  emit_total();
  return probe_result::done;
}

// Operations that are always ready outrun the probes, and a flooding peer would defeat a timeout: Asio's level trigger
// reaches the next co_await whatever it awaits. It stays set until the task has ended or takes the cancellation back.
task_runner::probe_result task_runner::trigger_level(task_state_base& t) noexcept {
  outrun = 0;
  if (live_filters == 0) return probe_result::done;
  level = true;
  signal.emit(boost::asio::cancellation_type::all);
  level = false;
  level_set = true;
  level_real = t.real_cancel;
  level_stamp = slices;
  t.cancellation_delivered();
  return probe_result::again;
}

void task_runner::end_level() noexcept {
  if (std::exchange(level_set, false) && live_filters > 0) state.clear();
}

void task_runner::emit_total() noexcept {
  now.emitting = true;
  resumed_in_emit = false;
  // `total` alone is ignored by composed reads and writes.
  signal.emit(boost::asio::cancellation_type::all);
  now.emitting = false;
}

void task_runner::abandon_scopes() noexcept {
  while (scopes)
    scopes->leave();
}

void loop_core::add_probe(task_state_base& task) {
  task_runner& r = *task.runner;
  // What is set for a scope is set for one slice: the next suspension comes here again.
  if (r.level_set && !r.level_real && r.slices != r.level_stamp) r.end_level();
  if (r.probing || r.marked) return;
  r.probing = true;
  r.probe_stamp = r.slices;
  probes_.emplace_back(&task);
  if (probe_posted_) return;
  probe_posted_ = true;
  posting_.execute([self = ref<loop_core>(this)] { self->run_probes(); });
}

void loop_core::run_probes() {
  running_scope scope(*this);
  probe_posted_ = false;
  std::vector<ref<task_state_base>> probes = std::move(probes_);
  probes_.clear();
  std::vector<ref<task_state_base>> marked;
  bool post_marker = false;
  for (ref<task_state_base>& t : probes) {
    task_runner* r = t->runner;
    if (!r || t->done()) continue;
    r->probing = false;
    switch (r->probe(*t, post_marker)) {
    case task_runner::probe_result::done:
      if (t->must_cancel && r->slices != r->probe_stamp) add_probe(*t);
      if (t->scope_cancel && std::exchange(r->resumed_in_emit, false)) add_probe(*t);
      break;
    case task_runner::probe_result::again:
      add_probe(*t);
      break;
    case task_runner::probe_result::marked:
      marked.push_back(std::move(t));
      break;
    }
  }
  if (!post_marker) return;
  // The marker goes into the queue before the completions that the emits cause.
  for (ref<task_state_base>& t : marked)
    probes_.push_back(t);
  if (!probe_posted_) {
    probe_posted_ = true;
    posting_.execute([self = ref<loop_core>(this)] { self->run_probes(); });
  }
  for (ref<task_state_base>& t : marked)
    if (t->runner) t->runner->emit_total();
}

} // namespace detail
RONDO_END_NAMESPACE
