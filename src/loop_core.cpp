// SPDX-License-Identifier: BSL-1.0
#include "loop_core.hpp"

#include "diagnostics.hpp"
#include "runner_impl.hpp"
#include "task_runner.hpp"

#include <rondo/detail/wait.hpp>
#include <rondo/errors.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <string_view>

RONDO_BEGIN_NAMESPACE
namespace detail {

namespace {

std::int64_t steady_nanoseconds() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

bool debug_by_environment() noexcept {
  const char* value = std::getenv("RONDO_DEBUG");
  return value && *value && std::string_view(value) != "0";
}

} // namespace

loop_core::loop_core(boost::asio::any_io_executor executor, boost::asio::io_context* owned)
    : debug(debug_by_environment()), executor_(std::move(executor)),
      posting_(boost::asio::require(executor_, boost::asio::execution::blocking.never)),
      dispatching_(boost::asio::prefer(executor_, boost::asio::execution::blocking.possibly)),
      execution_context_(&boost::asio::query(executor_, boost::asio::execution::context)), context_(owned),
      // One thread runs an io_context that a loop is attached to directly, so handlers run in the order of posting.
      fifo_(owned || executor_.target<boost::asio::io_context::executor_type>() != nullptr) {}

loop_core::~loop_core() = default;

void loop_core::push(ready_node& node) noexcept {
  if (down_.load(std::memory_order_relaxed)) return node.drop();
  if (inbox_.load(std::memory_order_relaxed))
    take_inbox(); // as in asyncio, what came from a thread earlier runs earlier
  ready_.push_back(node);
  if (!awake_) wake();
}

void loop_core::push_all(list<ready_node>& nodes) noexcept {
  if (nodes.empty()) return;
  if (down_.load(std::memory_order_relaxed)) {
    while (!nodes.empty())
      nodes.pop_front().drop();
    return;
  }
  if (inbox_.load(std::memory_order_relaxed)) take_inbox();
  ready_.splice_back(nodes);
  if (!awake_) wake();
}

void loop_core::wake() noexcept {
  awake_ |= posted;
  posting_.execute([self = ref<loop_core>(this)] {
    self->awake_ &= ~static_cast<unsigned>(posted);
    self->drain();
  });
}

bool loop_core::push_threadsafe(ready_node& node) noexcept {
  std::lock_guard lock(gate_);
  if (down_.load(std::memory_order_relaxed)) return false;
  ready_node* head = inbox_.load(std::memory_order_relaxed);
  do
    static_cast<list_hook&>(node).next = head;
  while (!inbox_.compare_exchange_weak(head, &node, std::memory_order_release, std::memory_order_relaxed));
  if (!head) posting_.execute([self = ref<loop_core>(this)] { self->drain(); });
  return true;
}

void loop_core::take_inbox() noexcept {
  list_hook* newest = inbox_.exchange(nullptr, std::memory_order_acquire);
  // The stack has the newest first; reversed, it is the order of arrival.
  list_hook* oldest = nullptr;
  while (newest) {
    list_hook* older = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = older;
  }
  while (oldest) {
    list_hook* next = oldest->next;
    oldest->next = nullptr;
    ready_.push_back(static_cast<ready_node&>(*oldest));
    oldest = next;
  }
}

void loop_core::push_due_timers() noexcept {
  batch_time_ = now();
  while (ready_node* node = timers_.pop_due(batch_time_))
    ready_.push_back(*node);
}

void loop_core::drain() {
  if ((awake_ & draining) || down_.load(std::memory_order_relaxed)) return;
  awake_ |= draining;
  running_scope scope(*this);
  const bool checked = debug.load(std::memory_order_relaxed) && enter_checked();
  batch_time_ = now();
  int nodes = 0;
  for (int pass = 0; pass < max_passes && nodes < max_nodes; ++pass) {
    if (inbox_.load(std::memory_order_relaxed)) take_inbox();
    if (!timers_.empty()) push_due_timers();
    if (ready_.empty() && !stopping_) break;
    pass_.splice_back(ready_);
    ++passes;
    nodes += run_pass();
    if (stopping_ || interrupt_ || down_.load(std::memory_order_relaxed)) break;
  }
  if (checked) thread_.store(running() ? std::this_thread::get_id() : std::thread::id(), std::memory_order_relaxed);
  end_batch();
}

bool loop_core::enter_checked() noexcept {
  const std::thread::id self = std::this_thread::get_id();
  const std::thread::id inside = thread_.exchange(self, std::memory_order_relaxed);
  if (inside != std::thread::id() && inside != self)
    log("a second thread has entered an event_loop: the executor it is attached to is not serial; "
        "attach it to a strand, or run the io_context on one thread");
  return true;
}

int loop_core::run_pass() noexcept {
  const bool timed = debug.load(std::memory_order_relaxed);
  int count = 0;
  while (!pass_.empty()) {
    ready_node& node = pass_.pop_front();
    ++count;
    if (timed)
      run_timed(node);
    else
      node.run();
    if (interrupt_) break;
  }
  if (!pass_.empty()) { // an interrupted pass: what is left keeps its place
    pass_.splice_back(ready_);
    ready_.splice_back(pass_);
  }
  return count;
}

void loop_core::end_batch() {
  awake_ &= ~static_cast<unsigned>(draining);
  if (down_.load(std::memory_order_relaxed)) return;
  if (!ready_.empty()) {
    if (!awake_) wake();
  } else {
    arm_alarm();
  }
  if (owned()) {
    if (stopping_ || interrupt_) context_->stop();
  } else if (interrupt_) {
    std::rethrow_exception(take_interrupt());
  }
}

void loop_core::run_timed(ready_node& node) noexcept {
  // What the node is must be asked before it runs: it may be gone afterwards.
  std::string what = describe_node(node);
  const std::int64_t begin = steady_nanoseconds();
  node.run();
  report_slow(std::move(what), steady_nanoseconds() - begin);
}

void loop_core::report_slow(std::string what, std::int64_t nanoseconds) noexcept {
  if (std::chrono::nanoseconds(nanoseconds) < slow_callback) return;
  log(fmt::format("Executing {} took {:.3f} seconds", what, static_cast<double>(nanoseconds) * 1e-9));
}

std::int64_t loop_core::now() const noexcept { return virtual_time ? virtual_now : steady_nanoseconds(); }

timer_heap::slot loop_core::add_timer(std::int64_t deadline, ready_node& node) {
  const timer_heap::slot s = timers_.add(deadline, node);
  // A batch arms the alarm at its end; outside of one, nobody else would.
  if (!awake_) arm_alarm();
  return s;
}

void loop_core::cancel_timer(timer_heap::slot s) noexcept {
  timers_.cancel(s);
  if (!awake_ && alarm_ && alarm_->armed() && timers_.empty()) arm_alarm();
}

void loop_core::arm_alarm() {
  if (virtual_time) return;
  constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
  const std::int64_t next = timers_.empty() ? never : timers_.next_deadline();
  if (next != never) {
    if (!alarm_) alarm_.emplace(dispatching_, [this] { drain(); });
    alarm_->arm(next);
  } else if (alarm_ && !owned() && tasks_.empty()) {
    // While tasks are alive an alarm for cancelled timers is left alone: the next timeout is probably later.
    alarm_->disarm();
  }
  if (alarm_ && !owned()) alarm_->count_as_work(foreground_tasks_ > 0 || !callbacks.empty() || !foreign_waits.empty());
}

void loop_core::check_runnable() const {
  if (closed()) throw std::runtime_error("Event loop is closed");
  if (running()) throw std::runtime_error("This event loop is already running");
  if (this_thread().core) throw std::runtime_error("Cannot run the event loop while another loop is running");
  if (!owned())
    throw std::runtime_error("an attached event_loop runs with its executor: run the io_context or pool instead");
}

void loop_core::run_forever() {
  check_runnable();
  if (virtual_time) return run_context(&run_on_virtual_time);
  run_context([](loop_core& core) {
    const auto guard = boost::asio::make_work_guard(*core.context_); // the run ends when it is told to, not earlier
    core.context_->run();
  });
}

void loop_core::run_context(void (*run)(loop_core&)) {
  running_scope scope(*this);
  running_.store(true, std::memory_order_relaxed);
  thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  if (stopping_ && !awake_) wake();
  const auto end = [&] {
    running_.store(false, std::memory_order_relaxed);
    thread_.store(std::thread::id(), std::memory_order_relaxed);
    stopping_ = false;
  };
  try {
    context_->restart();
    run(*this);
  } catch (...) {
    end();
    throw;
  }
  end();
  if (interrupt_) std::rethrow_exception(take_interrupt());
}

void loop_core::stop() {
  if (!owned())
    throw std::runtime_error(
        "an attached event_loop is stopped with its executor: stop the io_context or pool instead");
  stopping_ = true;
  if (running() && !awake_) wake();
}

void loop_core::interrupt(std::exception_ptr error) noexcept {
  interrupt_ = std::move(error);
  if (awake_ & draining) return;
  if (owned())
    context_->stop();
  else
    posting_.execute([self = ref<loop_core>(this)] {
      if (self->interrupt_) std::rethrow_exception(self->take_interrupt());
    });
}

void loop_core::keep(callback_node& node) noexcept {
  node.add_ref();
  callbacks.push_back(node);
}

void loop_core::task_begins(task_state_base& task) noexcept {
  tasks_.push_back(task);
  if (task.background) return;
  const long before = foreground_tasks_.load(std::memory_order_relaxed);
  foreground_tasks_.store(before + 1, std::memory_order_relaxed);
  if (before == 0) update_work();
}

void loop_core::task_ends(task_state_base& task) noexcept {
  auto& hook = static_cast<live_hook&>(task);
  if (hook.linked()) hook.unlink();
  if (!task.background) {
    const long left = foreground_tasks_.load(std::memory_order_relaxed) - 1;
    foreground_tasks_.store(left, std::memory_order_relaxed);
    if (left == 0) update_work();
  }
  // A plain operation may have resumed it: then no batch ends here, and the alarm may be that of a cancelled timer.
  if (foreground_tasks_ == 0 && !awake_ && alarm_ && alarm_->armed()) arm_alarm();
}

void loop_core::external_work_begins() noexcept {
  if (external_work_.fetch_add(1, std::memory_order_relaxed) == 0) update_work();
}

void loop_core::external_work_ends() noexcept {
  if (external_work_.fetch_sub(1, std::memory_order_relaxed) == 1) update_work();
}

void loop_core::update_work() noexcept {
  if (owned()) return; // an owned loop runs until it is told to stop
  std::lock_guard lock(work_mutex_);
  if (down_.load(std::memory_order_relaxed)) return;
  const bool wanted = foreground_tasks_ > 0 || external_work_.load(std::memory_order_relaxed) > 0;
  if (wanted == static_cast<bool>(work_)) return;
  work_ = wanted ? boost::asio::prefer(executor_, boost::asio::execution::outstanding_work.tracked)
                 : boost::asio::any_io_executor();
}

task_runner* loop_core::idle_runner() {
  while (!idle_.empty()) {
    task_runner* r = idle_.back();
    idle_.pop_back();
    if (r->reusable()) return r;
    r->retire();
  }
  task_runner* r = task_runner::create(*this);
  if (!idle_.empty() && idle_.back() == r) idle_.pop_back(); // it has just reported itself as idle
  return r;
}

void loop_core::runner_idles(task_runner& r) noexcept {
  const std::size_t most = 256 + static_cast<std::size_t>(foreground_tasks_) / 4;
  if (idle_.size() < most) return idle_.push_back(&r);
  r.retire();
  // The limit falls as tasks end, so one more goes each time: after a burst the memory comes back.
  if (idle_.size() <= most) return;
  task_runner* surplus = idle_.back();
  idle_.pop_back();
  surplus->retire();
}

bool loop_core::on_executor_thread() const noexcept {
  namespace asio = boost::asio;
  if (const auto* e = executor_.target<asio::io_context::executor_type>()) return e->running_in_this_thread();
  if (const auto* e = executor_.target<asio::strand<asio::io_context::executor_type>>())
    return e->running_in_this_thread();
  if (const auto* e = executor_.target<asio::thread_pool::executor_type>()) return e->running_in_this_thread();
  if (const auto* e = executor_.target<asio::strand<asio::thread_pool::executor_type>>())
    return e->running_in_this_thread();
  if (const auto* e = executor_.target<asio::strand<asio::any_io_executor>>()) return e->running_in_this_thread();
  return false;
}

bool loop_core::others_ready() noexcept {
  int others = 0;
  for (list<ready_node>* queue : {&pass_, &ready_})
    for (list_hook* hook = queue->first(); hook != queue->end(); hook = hook->next)
      ++others;
  return others > settlers - 1 || inbox_.load(std::memory_order_relaxed);
}

bool loop_core::wrong_thread() const noexcept {
  if (this_thread().core == this) return false;
  const std::thread::id inside = thread_.load(std::memory_order_relaxed);
  return inside != std::thread::id() && inside != std::this_thread::get_id();
}

} // namespace detail
RONDO_END_NAMESPACE
