// SPDX-License-Identifier: BSL-1.0
#include "shutdown.hpp"

#include "diagnostics.hpp"
#include "loop_core.hpp"

#include <rondo/threads.hpp>

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <thread>

RONDO_BEGIN_NAMESPACE
namespace detail {

namespace {

void cancel_even_in_a_circle(const any_task& task) {
  task_state_base& t = *task.state("shutdown").as_task();
  try {
    t.cancel({});
  } catch (const std::runtime_error&) {
    // Tasks that await each other in a circle never end by themselves: one of the waits is cut.
    t.break_circle();
  }
}

std::string names_of(const std::vector<any_task>& tasks) {
  std::string names;
  for (const any_task& t : tasks)
    if (!t.done()) names += fmt::format("{}'{}'", names.empty() ? "" : ", ", t.name());
  return names;
}

} // namespace

ending_tasks::ending_tasks(event_loop loop, std::vector<any_task> tasks, time_limit grace)
    : loop_(std::move(loop)), tasks_(std::move(tasks)), grace_(grace), ended_(loop_.create_future<void>()) {
  if (tasks_.empty()) {
    ended_.set_result();
    return;
  }
  auto left = std::make_shared<std::size_t>(tasks_.size());
  for (const any_task& t : tasks_) {
    cancel_even_in_a_circle(t);
    t.add_done_callback([left, ended = ended_] {
      if (--*left == 0 && !ended.done()) ended.set_result();
    });
  }
  if (!grace_) return;
  timer_ = loop_.call_later(grace_, [ended = ended_] {
    if (!ended.done()) ended.set_result();
  });
}

void ending_tasks::report() const {
  if (timer_) callback_handle(timer_).cancel();
  std::size_t left = 0;
  for (const any_task& t : tasks_) {
    if (!t.done()) ++left;
    if (!t.done() || t.cancelled()) continue;
    if (std::exception_ptr error = t.exception())
      loop_.call_exception_handler(
          {.message = "unhandled exception during shutdown of the loop", .exception = error, .task = t});
  }
  if (left == 0) return;
  loop_.call_exception_handler(
      {.message =
           fmt::format("{} task(s) did not end within the shutdown timeout of {:.3f} s after their cancellation: {}",
                       left, std::chrono::duration<double>(*grace_).count(), names_of(tasks_))});
}

awaitable<void> end_default_executor(event_loop loop, time_limit limit) {
  loop_core& core = loop.core();
  core.executor_shut_down = true;
  std::shared_ptr<executor> e = std::exchange(core.default_executor, nullptr);
  if (!e) co_return;
  // Joining threads blocks, so another thread does it while this loop takes what they deliver.
  future<bool> ended = loop.create_future<bool>();
  ++core.external_jobs;
  std::thread joiner([e, ended, loop, limit, keep = ref<loop_core>(&core)]() mutable {
    const bool in_time = e->shutdown(limit);
    try {
      loop.call_soon_threadsafe([ended, in_time, keep] {
        --keep->external_jobs;
        if (!ended.done()) ended.set_result(in_time);
      });
    } catch (const std::runtime_error&) { // closed meanwhile
    }
  });
  joiner.detach();
  const bool in_time = co_await ended.get();
  if (in_time) co_return;
  exception_context report;
  report.message =
      fmt::format("The default executor did not finish joining its threads within {:.0f} seconds; they are left "
                  "running",
                  std::chrono::duration<double>(*limit).count());
  loop.call_exception_handler(report);
}

awaitable<void> shut_down_loop(event_loop loop, time_limit grace) {
  const any_task self = current_task();
  std::vector<any_task> others = all_tasks(loop);
  std::erase(others, self);
  const ending_tasks ending(loop, std::move(others), grace);
  co_await ending.ended().get();
  ending.report();
  co_await end_default_executor(loop, grace ? grace : time_limit(std::chrono::seconds(300)));
}

} // namespace detail
RONDO_END_NAMESPACE
