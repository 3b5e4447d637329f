// The kernel of a loop: ready queue, timers, inbox, and what it must release when it ends.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "alarm.hpp"
#include "thread_state.hpp"
#include "timer_heap.hpp"

#include <rondo/detail/callback.hpp>
#include <rondo/detail/task_state.hpp>
#include <rondo/detail/watch.hpp>
#include <rondo/event_loop.hpp>

#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// `time + delay` in nanoseconds of a loop's clock; the end of time where the sum would pass it.
inline std::int64_t time_after(std::int64_t time, clock::duration delay) noexcept {
  constexpr auto never = std::numeric_limits<std::int64_t>::max();
  return delay.count() > never - time ? never : time + delay.count();
}

class task_runner;
class signal_watch;

///     other threads                                the loop's thread
///     +-----------+   one push, one post   +---------------------------------------------+
///     |   inbox   | ---------------------> | pass: inbox, then due timers, behind what is |
///     +-----------+                        |       ready already; then exactly these run  |
///     timers ----- due at (deadline, arming order) --->  ready  ---> pass ---> node.run() |
///                                          +---------------------------------------------+
///
/// A batch is up to 61 passes inside one handler of the executor, because every return to the executor costs a system
/// call. Nodes that become ready during a pass wait for the next one.
///
/// The core is counted, since handles may outlive the loop. `down_` is set when the execution context shuts down or the
/// loop is closed: from then on nodes are dropped instead of run.
class loop_core final : public counted {
public:
  static constexpr int max_passes = 61;
  static constexpr int max_nodes = 1000;

  /// `owned`: the context that a runner made for this loop, or null.
  loop_core(boost::asio::any_io_executor executor, boost::asio::io_context* owned);

  // The ready queue.
  void push(ready_node& node) noexcept;
  void push_all(list<ready_node>& nodes) noexcept;
  bool push_threadsafe(ready_node& node) noexcept;
  void drain();

  /// Gives a node its turn; debug mode takes the time.
  void run_node(ready_node& node) noexcept {
    if (debug.load(std::memory_order_relaxed))
      run_timed(node);
    else
      node.run();
  }
  void run_timed(ready_node& node) noexcept;

  /// Notes the time at which the loop got control, for those who are parked from here on.
  void begin_batch() noexcept { batch_time_ = now(); }

  // Time, in nanoseconds since the epoch of the loop's clock.
  std::int64_t now() const noexcept;
  std::int64_t batch_time() const noexcept { return batch_time_; }
  timer_heap::slot add_timer(std::int64_t deadline, ready_node& node);
  void cancel_timer(timer_heap::slot s) noexcept;
  timer_heap& timers() noexcept { return timers_; }

  // Runs of owned loops.
  void check_runnable() const;
  void run_forever();
  void run_context(void (*run)(loop_core&));
  boost::asio::io_context* owned_context() const noexcept { return context_; }
  void stop();
  bool running() const noexcept { return running_.load(std::memory_order_relaxed); }
  bool owned() const noexcept { return context_ != nullptr; }

  /// Leaves the loop with an exception as soon as the current node has ended.
  void interrupt(std::exception_ptr error) noexcept;
  std::exception_ptr take_interrupt() noexcept { return std::exchange(interrupt_, nullptr); }

  // The end.
  void close();
  void shut_down() noexcept;
  void release_executor() noexcept;
  bool closed() const noexcept { return down_.load(std::memory_order_acquire); }

  /// Takes a reference to a callback that is about to be scheduled, so that the end of the loop finds it.
  void keep(callback_node& node) noexcept;

  // Tasks.
  void task_begins(task_state_base& task) noexcept;
  void task_ends(task_state_base& task) noexcept;
  list<task_state_base, live_hook>& tasks() noexcept { return tasks_; }
  task_runner* idle_runner();
  void runner_idles(task_runner& r) noexcept;

  /// An executor copy with tracked work that user code made inside a task.
  void external_work_begins() noexcept;
  void external_work_ends() noexcept;

  // Executors.
  const boost::asio::any_io_executor& executor() const noexcept { return executor_; }
  const boost::asio::any_io_executor& posting_executor() const noexcept { return posting_; }
  const boost::asio::any_io_executor& dispatching_executor() const noexcept { return dispatching_; }
  boost::asio::execution_context& context() const noexcept { return *execution_context_; }
  bool fifo() const noexcept { return fifo_; }
  bool on_executor_thread() const noexcept;

  // Reports.
  void call_exception_handler(exception_context c) noexcept;
  bool wrong_thread() const noexcept;

  /// The handler of one suspended cancellation (see task_runner.cpp) is posted once for all that come in a turn.
  void add_probe(task_state_base& task);

  // Settings and registries; plain data of the loop's thread.
  event_loop::exception_handler exception_handler;
  rondo::task_factory task_factory;
  std::shared_ptr<rondo::executor> default_executor;
  bool executor_shut_down = false;
  std::atomic<bool> debug = false;
  std::chrono::nanoseconds slow_callback{100'000'000};
  std::map<int, std::shared_ptr<signal_watch>> signals;
  list<wait_node, foreign_hook> foreign_waits;
  list<callback_node, registered_hook> callbacks;
  list<watch_node, watch_hook> watches;
  list<task_runner> runners; // all, idle or not
  std::uint64_t passes = 0;
  std::uint64_t last_callback_id = 0;
  std::atomic<long> external_jobs{0}; // calls on other threads whose results this loop waits for

  bool has_ready() const noexcept { return !ready_.empty() || inbox_.load(std::memory_order_relaxed); }

  /// Whether somebody is ready who is not in testing::settle_all.
  bool others_ready() noexcept;
  int settlers = 0;

  /// Whether a run of this loop is to end.
  bool leaving() const noexcept { return stopping_ || interrupt_; }

  // The virtual clock: set by the runner of a test before the loop runs.
  bool virtual_time = false;
  std::int64_t virtual_now = 0;

private:
  friend class slice;

  void destroy() noexcept override { delete this; }
  ~loop_core() override;

  void wake() noexcept;
  void take_inbox() noexcept;
  void push_due_timers() noexcept;
  int run_pass() noexcept;
  void report_slow(std::string what, std::int64_t nanoseconds) noexcept;
  bool enter_checked() noexcept;
  void end_batch();
  void arm_alarm();
  void stop_signals() noexcept;
  void update_work() noexcept;
  void drop_everything() noexcept;

  enum awake_bits : unsigned { posted = 1, draining = 2 };

  list<ready_node> ready_;
  list<ready_node> pass_;
  unsigned awake_ = 0;
  bool stopping_ = false;
  std::atomic<bool> running_ = false;
  std::atomic<bool> down_ = false;
  std::exception_ptr interrupt_;
  std::int64_t batch_time_ = 0;

  timer_heap timers_;
  std::optional<alarm> alarm_;

  std::atomic<ready_node*> inbox_ = nullptr; // a stack, linked through `next`
  std::mutex gate_;                          // held while another thread uses the executor, and to close that way

  list<task_state_base, live_hook> tasks_;
  std::atomic<long> foreground_tasks_ = 0; // changed by the loop only; update_work reads it on any thread
  std::vector<task_runner*> idle_;
  std::atomic<long> external_work_ = 0;
  std::mutex work_mutex_; // guards work_, which executor copies on other threads change
  boost::asio::any_io_executor work_;

  std::vector<ref<task_state_base>> probes_;
  bool probe_posted_ = false;
  void run_probes();

  boost::asio::any_io_executor executor_;
  boost::asio::any_io_executor posting_;
  boost::asio::any_io_executor dispatching_;
  boost::asio::execution_context* execution_context_;
  boost::asio::io_context* context_;
  bool fifo_;
  std::atomic<std::thread::id> thread_;
};

/// Finds or makes the core for an executor; the registry service of its context owns it.
ref<loop_core> attach(const boost::asio::any_io_executor& executor, boost::asio::io_context* owned);

} // namespace detail
RONDO_END_NAMESPACE
