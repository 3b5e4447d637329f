// SPDX-License-Identifier: BSL-1.0
#include "diagnostics.hpp"
#include "loop_core.hpp"
#include "task_runner.hpp"

#include <rondo/detail/shield.hpp>
#include <rondo/task.hpp>

#include <fmt/format.h>

#include <atomic>
#include <future>
#include <memory>
#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace detail {

namespace {

std::uint64_t next_task_number() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

/// The task that `t` awaits, if that one can still be cancelled in its place.
task_state_base* awaited_task(task_state_base& t) noexcept {
  future_state_base* f = t.waiting ? t.waiting->awaited() : nullptr;
  task_state_base* next = f ? f->as_task() : nullptr;
  return next && !next->done() ? next : nullptr;
}

/// Throws if the chain of tasks from `t` on ends in a circle; a cancellation would run round it for ever.
void refuse_circle(task_state_base& t) {
  task_state_base* slow = &t;
  task_state_base* fast = awaited_task(t);
  while (fast && fast != slow) {
    fast = awaited_task(*fast);
    if (!fast || fast == slow) break;
    fast = awaited_task(*fast);
    slow = awaited_task(*slow);
  }
  if (!fast) return;
  std::string names = fmt::format("'{}'", fast->name());
  for (task_state_base* p = awaited_task(*fast); p != fast; p = awaited_task(*p))
    names += fmt::format(" -> '{}'", p->name());
  throw std::runtime_error(fmt::format(
      "cancel: tasks await each other in a circle, so none of them can end: {} -> '{}'", names, fast->name()));
}

} // namespace

task_state_base::task_state_base(loop_core& core, std::source_location place) noexcept
    : future_state_base(core), number(next_task_number()), where(place), since(core.batch_time()) {}

task_state_base::~task_state_base() = default;

void task_state_base::launch(bool eager) {
  core_->task_begins(*this);
  reported_pending = false;
  add_ref(); // the engine's, until the task has ended
  if (eager)
    start_here();
  else
    core_->push(*this);
}

void task_state_base::start_here() {
  // Eager tasks that make eager tasks nest on the stack; deep inside, the next one waits for its turn instead.
  constexpr int max_depth = 100;
  static thread_local int depth = 0;
  if (depth >= max_depth) return core_->push(*this);
  // The creator may hold the last other reference, and the first step may end the task.
  thread_state& state = this_thread();
  const thread_state creator = state;
  state.runner = nullptr;
  state.variables = nullptr;
  ++depth;
  run();
  --depth;
  state = creator;
}

void task_state_base::run() noexcept {
  if (must_cancel) { // cancelled before its first step: the body never runs
    std::exception_ptr error = take_cancellation();
    drop_body();
    core_->task_ends(*this);
    finish_cancelled(std::move(error));
    return release();
  }
  started = true;
  try {
    core_->idle_runner()->begin(*this);
  } catch (...) { // no memory for a runner
    drop_body();
    core_->task_ends(*this);
    finish_failed(std::current_exception());
    release();
  }
}

void task_state_base::drop() noexcept {
  drop_body();
  auto& live = static_cast<live_hook&>(*this);
  if (live.linked()) live.unlink();
  release();
}

bool task_state_base::cancel(optional_text message) {
  unretrieved_ = false;
  if (done()) return false;
  check_thread(*core_, "cancel", "cancel_threadsafe");
  refuse_circle(*this);
  if (core_->closed()) return false; // what is left of the task is being destroyed
  task_state_base* t = this;
  ++t->cancel_requests_;
  while (task_state_base* next = awaited_task(*t)) {
    t = next;
    ++t->cancel_requests_;
  }
  if (t->waiting && t->waiting->cancel_really(message)) return true;
  t->request_cancel(std::move(message));
  if (t->runner && !t->runner->now.running && !t->waiting) core_->add_probe(*t);
  return true;
}

void task_state_base::break_circle() noexcept {
  ++cancel_requests_;
  optional_text none;
  waiting->cut(none);
}

int task_state_base::uncancel() noexcept {
  if (runner) runner->end_level();
  if (cancel_requests_ > 0 && --cancel_requests_ == 0) cancellation_delivered();
  return cancel_requests_;
}

void task_state_base::request_cancel(optional_text message) noexcept {
  real_cancel = must_cancel = true;
  message_ = std::move(message);
}

std::exception_ptr task_state_base::take_cancellation() {
  auto error = std::make_exception_ptr(cancelled_error(cancel_message().str()));
  cancellation_delivered();
  return error;
}

// The message stays: a gather that was cancelled asks its last child for it, even if that child has swallowed the cancel.
optional_text task_state_base::cancel_message() {
  return real_cancel ? optional_text(message_.str()) : scope_message();
}

optional_text task_state_base::scope_message() const {
  return optional_text(scope_link::effective(runner->scopes)->reason_.str());
}

void task_state_base::cancel_new_wait(wait_node& wait) noexcept {
  const bool real = real_cancel;
  optional_text message = cancel_message();
  if (awaited_task(*this))
    cancel_awaited_task(std::move(message));
  else if (!(real ? wait.cancel_really(message) : wait.cancel(message)))
    return;
  cancellation_delivered();
}

void task_state_base::cancel_awaited_task(optional_text message) noexcept {
  try {
    awaited_task(*this)->cancel(std::move(message));
  } catch (const std::runtime_error&) { // a circle of tasks that await each other: it is opened here
    optional_text none;
    waiting->cut(none);
  }
}

bool task_state_base::scopes_changed() noexcept {
  const bool before = scope_cancel;
  scope_cancel = scope_link::effective(runner->scopes) != nullptr;
  must_cancel = real_cancel || scope_cancel;
  if (before && !scope_cancel) runner->end_level_of_scope();
  if (before != scope_cancel) runner->outrun = 0; // patience is for one cancellation
  return scope_cancel && !before;
}

void task_state_base::scope_was_cancelled() noexcept {
  if (waiting) {
    optional_text message = scope_message();
    if (!awaited_task(*this))
      waiting->cancel(message);
    else
      cancel_awaited_task(std::move(message));
  } else if (!runner->now.running) {
    core_->add_probe(*this);
  }
}

std::string task_state_base::name() const { return name_ ? *name_ : fmt::format("Task-{}", number); }
void task_state_base::set_name(std::string name) { name_ = std::make_unique<std::string>(std::move(name)); }
std::string task_state_base::describe() const { return fmt::format("task '{}'", name()); }

bool task_state_base::take_last_words(exception_context& c) {
  const bool pending = !done() && !std::exchange(reported_pending, true);
  const bool unretrieved = std::exchange(unretrieved_, false);
  if (!pending && !unretrieved) return false;
  c.message = fmt::format("{}: {} created at {}",
                          pending ? "Task was destroyed but it is pending!" : "Task exception was never retrieved",
                          describe(), describe_place(where));
  c.exception = error_;
  c.task = make_handle<any_task>(ref<future_state_base>(this));
  return true;
}

void launch_task(ref<task_state_base> state, task_options& options) {
  loop_core& core = state->core();
  if (core.task_factory) core.task_factory(options);
  if (options.name()) state->set_name(*options.name());
  state->background = options.background();
  if (options.context())
    state->variables = *options.context();
  else
    inherit_context(state->variables);
  const bool eager = options.eager().value_or(false) && this_thread().core == &core;
  state->launch(eager);
}

task_state_base& require_task(const char* what) {
  task_runner* r = this_thread().runner;
  if (!r || !r->task) throw std::runtime_error(fmt::format("{} must be used inside a task", what));
  return *r->task;
}

cancellation_watch::cancellation_watch() noexcept {
  task_runner* r = this_thread().runner;
  if (!r || !r->task) return;
  task_ = r->task;
  requests_ = task_->cancelling();
  pending_ = task_->real_cancel;
}

bool cancellation_watch::cancelled_meanwhile() const noexcept {
  if (task_ && task_->runner) task_->runner->end_level(); // who asks may have to await before it passes the news on
  return task_ && (task_->scope_cancel || task_->cancelling() > requests_ || (pending_ && !task_->real_cancel));
}

void cancel_in_any_case(task_state_base& task, const std::string& message) noexcept {
  try {
    task.cancel(optional_text(message));
  } catch (const std::runtime_error&) {
    if (task.waiting) task.break_circle();
  }
}

namespace {

/// Waits for the end of a task whose value is of no interest; gives its error.
class end_op final : public wait_op<std::exception_ptr, end_op, future_wait> {
  using base = wait_op<std::exception_ptr, end_op, future_wait>;

public:
  explicit end_op(ref<future_state_base> state) noexcept : base(std::move(state)) {}

private:
  friend base;

  std::exception_ptr take() { return state().outcome_error(); }
};

} // namespace

awaitable<void> cancel_and_wait_for(any_task task, std::string message) {
  if (task.done()) co_return;
  cancellation_watch watch;
  ref<future_state_base> state(&task.state("cancel_and_wait"));
  if (&state->core() != &running_core() || task == current_task())
    throw std::runtime_error("cancel_and_wait: " + state->describe() +
                             " is the running task itself, or belongs to a different loop");
  task.cancel(std::move(message));
  std::exception_ptr error = co_await end_op(state);
  // The caller's own cancellation was passed on to the task; whatever that made of it, the caller gets it.
  if (watch.cancelled_meanwhile()) {
    if (error) std::rethrow_exception(error);
    throw cancelled_error();
  }
  if (error && !is_cancellation(error)) std::rethrow_exception(error);
}

} // namespace detail

void eager_task_factory(task_options& options) {
  if (!options.eager()) options.eager(true);
}

void any_task::cancel_threadsafe(std::string message) const {
  struct request final : detail::ready_node {
    void run() noexcept override {
      detail::loop_core& core = task->core();
      try {
        task->cancel(detail::optional_text(std::move(message)));
      } catch (...) {
        detail::report(core, "cancel_threadsafe failed", std::current_exception());
      }
      delete this;
    }
    void drop() noexcept override { delete this; }

    detail::ref<detail::task_state_base> task;
    std::string message;
  };
  detail::ref<detail::task_state_base> t(&task_state("cancel_threadsafe"));
  auto* r = new request;
  r->task = t;
  r->message = std::move(message);
  if (!detail::push_threadsafe(t->core(), *r)) delete r;
}

context any_task::context() const {
  detail::task_state_base& t = task_state("context");
  t.variables.share();
  return t.variables;
}

any_task current_task() {
  detail::task_runner* r = detail::this_thread().runner;
  if (!r || !r->task) return {};
  return detail::make_handle<any_task>(detail::ref<detail::future_state_base>(r->task));
}

std::vector<any_task> all_tasks() { return all_tasks(get_running_loop()); }

namespace {

std::vector<any_task> list_tasks(detail::loop_core& core) {
  std::vector<any_task> tasks;
  for (detail::list_hook* hook = core.tasks().first(); hook != core.tasks().end(); hook = hook->next) {
    auto& t = static_cast<detail::task_state_base&>(static_cast<detail::live_hook&>(*hook));
    tasks.push_back(detail::make_handle<any_task>(detail::ref<detail::future_state_base>(&t)));
  }
  return tasks;
}

} // namespace

std::vector<any_task> all_tasks(const event_loop& loop) {
  detail::loop_core& core = loop.core();
  if (detail::running_core_or_null() == &core || !core.running()) return list_tasks(core);
  // The list belongs to the loop's thread, so that one is asked.
  auto answer = std::make_shared<std::promise<std::vector<any_task>>>();
  std::future<std::vector<any_task>> tasks = answer->get_future();
  loop.call_soon_threadsafe([&core, answer] { answer->set_value(list_tasks(core)); });
  try {
    return tasks.get();
  } catch (const std::future_error&) { // the loop ended before it could answer: nothing is left
    return {};
  }
}

RONDO_END_NAMESPACE
