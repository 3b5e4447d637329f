// SPDX-License-Identifier: BSL-1.0
#include "diagnostics.hpp"

#include "loop_core.hpp"
#include "task_runner.hpp"

#include <rondo/diagnostics.hpp>

#include <boost/core/demangle.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <cxxabi.h>
#include <mutex>
#include <ostream>

RONDO_BEGIN_NAMESPACE

namespace {

struct sink_holder {
  std::mutex mutex;
  std::shared_ptr<const log_sink> sink;
};

sink_holder& holder() {
  static sink_holder h;
  return h;
}

} // namespace

void set_log_sink(log_sink sink) {
  std::lock_guard lock(holder().mutex);
  holder().sink = sink ? std::make_shared<const log_sink>(std::move(sink)) : nullptr;
}

void dump_tasks(std::ostream& out) { dump_tasks(get_running_loop(), out); }

void dump_tasks(const event_loop& loop, std::ostream& out) {
  detail::loop_core& core = loop.core();
  const std::int64_t now = core.now();
  std::size_t count = 0;
  std::string text;
  for (detail::list_hook* hook = core.tasks().first(); hook != core.tasks().end(); hook = hook->next) {
    const auto& t = static_cast<detail::task_state_base&>(static_cast<detail::live_hook&>(*hook));
    std::string what = "its first step";
    std::int64_t since = t.since;
    if (t.waiting) {
      what = t.waiting->waits_for();
      since = t.waiting->since();
    } else if (t.runner && t.runner->now.running) {
      what.clear();
    } else if (t.started) {
      what = "a plain Asio operation";
    }
    text += fmt::format("  '{}' created at {}: ", t.name(), detail::describe_place(t.where));
    if (what.empty())
      text += "running";
    else
      text += fmt::format("waits for {} since {:.3f} s", what, static_cast<double>(now - since) * 1e-9);
    if (t.cancelling() > 0) text += fmt::format(", cancelled {} time(s)", t.cancelling());
    text += t.background ? ", background\n" : "\n";
    ++count;
  }
  out << fmt::format("{} task(s)\n{}", count, text);
}

namespace detail {

void log(std::string_view text) noexcept {
  try {
    std::shared_ptr<const log_sink> sink;
    {
      std::lock_guard lock(holder().mutex);
      sink = holder().sink;
    }
    if (sink) return (*sink)(text);
    const std::string line = fmt::format("rondo: {}\n", text);
    std::fwrite(line.data(), 1, line.size(), stderr);
  } catch (...) { // a report that cannot be written must not bring the loop down
  }
}

std::string describe_node(ready_node& node) {
  if (auto* callback = dynamic_cast<callback_node*>(&node)) return callback->describe();
  if (auto* wait = dynamic_cast<wait_node*>(&node)) {
    const task_state_base* owner = wait->owner();
    return fmt::format("{} after waiting for {}", owner ? owner->describe() : "a coroutine", wait->waits_for());
  }
  if (auto* task = dynamic_cast<task_state_base*>(&node)) return "the first step of " + task->describe();
  return "an internal callback";
}

std::string describe_place(const std::source_location& where) {
  const std::string_view path = where.file_name();
  const auto slash = path.find_last_of('/');
  return fmt::format("{}:{}", slash == std::string_view::npos ? path : path.substr(slash + 1), where.line());
}

std::string describe_exception(const std::exception_ptr& error) {
  if (!error) return "no exception";
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return fmt::format("{}: {}", boost::core::demangle(typeid(e).name()), e.what());
  } catch (const cancelled_error& e) {
    return fmt::format("rondo::cancelled_error: {}", e.message());
  } catch (...) {
    const std::type_info* type = abi::__cxa_current_exception_type();
    return type ? boost::core::demangle(type->name()) : "an unknown exception";
  }
}

std::string format_report(const exception_context& c) {
  std::string text = c.message;
  if (c.exception) text += "\n  exception: " + describe_exception(c.exception);
  if (c.task) text += "\n  task: '" + c.task.name() + "'";
  return text;
}

void loop_core::call_exception_handler(exception_context c) noexcept {
  try {
    // As in asyncio the handler runs in the context of what failed, if that has one.
    std::optional<context_switch> scope;
    std::optional<rondo::context> variables;
    if (c.task) scope.emplace(variables.emplace(c.task.context()));
    const event_loop::exception_handler handler = exception_handler;
    if (!handler) return log(format_report(c));
    try {
      handler(event_loop(ref<loop_core>(this)), c);
    } catch (const keyboard_interrupt&) {
      interrupt(std::current_exception());
    } catch (...) {
      log(format_report(c));
      log("Unhandled error in exception handler\n  exception: " + describe_exception(std::current_exception()));
    }
  } catch (...) {
    log("an exception report could not be made: " + c.message);
  }
}

} // namespace detail
RONDO_END_NAMESPACE
