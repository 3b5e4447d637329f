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

awaitable<void> end_tasks(event_loop loop, std::vector<any_task> tasks, time_limit grace) {
  if (tasks.empty()) co_return;
  future<void> all_ended = loop.create_future<void>();
  auto left = std::make_shared<std::size_t>(tasks.size());
  for (const any_task& t : tasks) {
    t.add_done_callback([left, all_ended] {
      if (--*left == 0 && !all_ended.done()) all_ended.set_result();
    });
    cancel_even_in_a_circle(t);
  }
  callback_handle timer;
  if (grace)
    timer = loop.call_later(grace, [all_ended] {
      if (!all_ended.done()) all_ended.set_result();
    });
  co_await all_ended.get();
  if (timer) timer.cancel();
  for (const any_task& t : tasks) {
    if (!t.done() || t.cancelled()) continue;
    if (std::exception_ptr error = t.exception()) {
      exception_context report;
      report.message = "unhandled exception during shutdown of the loop";
      report.exception = error;
      report.task = t;
      loop.call_exception_handler(report);
    }
  }
  if (*left == 0) co_return;
  exception_context report;
  report.message =
      fmt::format("{} task(s) did not end within the shutdown timeout of {:.3f} s after their cancellation: {}", *left,
                  std::chrono::duration<double>(*grace).count(), names_of(tasks));
  loop.call_exception_handler(report);
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
  co_await end_tasks(loop, std::move(others), grace);
  co_await end_default_executor(loop, grace ? grace : time_limit(std::chrono::seconds(300)));
}

} // namespace detail
RONDO_END_NAMESPACE
