// SPDX-License-Identifier: BSL-1.0
#include "machine.hpp"

#include <rondo/testing/virtual_clock.hpp>

#include <fmt/format.h>

#include <chrono>
#include <utility>

namespace conformance {

namespace {

/// An element at the end of a list for as long as a block is open.
template <class T>
class pushed {
public:
  pushed(std::vector<T>& list, T element) : list_(list) { list_.push_back(std::move(element)); }
  pushed(const pushed&) = delete;
  pushed& operator=(const pushed&) = delete;
  ~pushed() { list_.pop_back(); }

private:
  std::vector<T>& list_;
};

const handler* handler_for(const statement& s, const std::exception_ptr& error) {
  const std::string_view kind = error_kind(error);
  const handler* any = nullptr;
  for (const handler& h : s.handlers) {
    if (!kind.empty() && h.kind == kind) return &h;
    if (h.kind == "any") any = &h;
  }
  return any;
}

} // namespace

machine::machine(const program& p, rondo::event_loop loop)
    : program_(p), loop_(std::move(loop)), handles_(p.handles.size()), objects_(p.objects, loop_) {}

void machine::write(std::string_view path, std::string_view text) {
  if (ended_) return;
  const auto now = std::chrono::floor<std::chrono::milliseconds>(loop_.time().time_since_epoch()).count();
  const rondo::any_task task = rondo::current_task();
  trace_.push_back(fmt::format("{} {} {} {}", now, task ? task.name() : "-", path, text));
}

void machine::end_trace(std::string_view last_word) {
  if (ended_) return;
  const auto now = std::chrono::floor<std::chrono::milliseconds>(loop_.time().time_since_epoch()).count();
  trace_.push_back(fmt::format("{} - {}", now, last_word));
  ended_ = true;
}

void machine::report(const rondo::exception_context& c) {
  std::string_view kind;
  if (c.message.starts_with("Exception in callback"))
    kind = "callback_error";
  else if (c.message.ends_with("exception in shielded future"))
    kind = "shielded_error";
  else if (c.message.starts_with("unhandled exception during shutdown"))
    kind = "shutdown_error";
  else
    return; // what depends on the moment at which CPython collects garbage
  if (ended_) return;
  const auto now = std::chrono::floor<std::chrono::milliseconds>(loop_.time().time_since_epoch()).count();
  trace_.push_back(fmt::format("{} - - handler {}", now, kind));
}

rondo::awaitable<value> machine::run_task(std::size_t coroutine) {
  task_frame f;
  const std::string& name = program_.coroutines[coroutine].name;
  std::exception_ptr error;
  value result;
  try {
    result = co_await run_coroutine(coroutine, f);
  } catch (...) {
    error = std::current_exception();
  }
  if (!error) {
    write(name, "end returned " + result.text());
    co_return result;
  }
  if (const std::string* const message = cancel_message(error))
    write(name, "end cancelled " + *message);
  else
    write(name, "end raised " + error_text(error));
  std::rethrow_exception(error);
}

rondo::awaitable<value> machine::run_source(std::size_t coroutine, task_frame& creators_frame,
                                            rondo::any_task creator) {
  const rondo::any_task self = rondo::current_task();
  if (self == creator) co_return co_await run_coroutine(coroutine, creators_frame);
  self.set_name("~" + program_.coroutines[coroutine].name);
  creator = {};
  co_return co_await run_task(coroutine);
}

rondo::awaitable<value> machine::run_coroutine(std::size_t coroutine, task_frame& f) {
  const auto& c = program_.coroutines[coroutine];
  const flow end = co_await run_block(f, c.body, c.name);
  co_return end.result;
}

rondo::awaitable<flow> machine::run_block(task_frame& f, const block& b, std::string path) {
  flow end;
  for (std::size_t i = 0; i < b.size() && !end.returned; ++i) {
    const statement& s = b[i];
    std::string at = fmt::format("{}.{}", path, i);
    switch (s.op) {
    case op::return_:
      write(at, "return ok " + s.literal.text());
      end.returned = true;
      end.result = s.literal;
      break;
    case op::call:
      co_await call_coroutine(f, s, std::move(at));
      break;
    case op::repeat:
      end = co_await repeat(f, s, std::move(at));
      break;
    case op::try_:
      end = co_await try_block(f, s, std::move(at));
      break;
    case op::timeout:
    case op::timeout_at:
      end = co_await timeout_block(f, s, std::move(at));
      break;
    case op::group:
      end = co_await group_block(f, s, std::move(at));
      break;
    case op::with:
      end = co_await with_block(f, s, std::move(at));
      break;
    default:
      if (info(s.op).begins)
        co_await wait_and_write(f, s, std::move(at));
      else
        call_and_write(&f, s, at);
    }
  }
  co_return end;
}

rondo::awaitable<void> machine::call_coroutine(task_frame& f, const statement& s, std::string path) {
  const auto& c = program_.coroutines[s.coroutine];
  co_await run_block(f, c.body, path + "." + c.name);
}

rondo::awaitable<flow> machine::repeat(task_frame& f, const statement& s, std::string path) {
  flow end;
  for (std::int64_t round = 0; round < *s.number && !end.returned; ++round)
    end = co_await run_block(f, s.body, fmt::format("{}.{}", path, round));
  co_return end;
}

rondo::awaitable<flow> machine::try_block(task_frame& f, const statement& s, std::string path) {
  flow end;
  std::exception_ptr error;
  try {
    end = co_await run_block(f, s.body, path + ".body");
  } catch (...) {
    error = std::current_exception();
  }
  const handler* const chosen = error ? handler_for(s, error) : nullptr;
  if (chosen) {
    write(path, fmt::format("caught {} {}", chosen->kind, error_text(error)));
    const pushed<std::exception_ptr> handled(f.handled, std::exchange(error, nullptr));
    try {
      end = co_await run_block(f, chosen->body, path + "." + chosen->kind);
    } catch (...) {
      error = std::current_exception();
    }
  }
  const flow last = co_await run_block(f, s.finally, path + ".finally");
  if (last.returned) end = last;
  if (error) std::rethrow_exception(error);
  co_return end;
}

rondo::awaitable<flow> machine::timeout_block(task_frame& f, const statement& s, std::string path) {
  const std::string_view name = info(s.op).name;
  write(path, fmt::format("begin {}", name));
  rondo::timeout_scope scope;
  const auto body = [&](rondo::timeout_scope& entered) -> rondo::awaitable<flow> {
    scope = entered;
    const pushed<rondo::timeout_scope> open(f.timeouts, entered);
    co_return co_await run_block(f, s.body, path + ".body");
  };
  flow end;
  std::exception_ptr error;
  try {
    if (s.op == op::timeout)
      end = co_await rondo::with_timeout(limit_of(s), body);
    else
      end = co_await rondo::with_timeout_at(deadline_of(s), body);
  } catch (...) {
    error = std::current_exception();
  }
  write(path, fmt::format("{} {} expired={}", name, error ? "raises " + error_text(error) : "ok", scope.expired()));
  if (error) std::rethrow_exception(error);
  co_return end;
}

rondo::awaitable<flow> machine::group_block(task_frame& f, const statement& s, std::string path) {
  write(path, "begin group");
  flow end; // what it is now, if the group is cancelled and its body interrupted
  const auto body = [&](rondo::task_group& group) -> rondo::awaitable<void> {
    const pushed<rondo::task_group*> open(f.groups, &group);
    end = co_await run_block(f, s.body, path + ".body");
  };
  std::exception_ptr error;
  try {
    co_await rondo::with_task_group(body);
  } catch (...) {
    error = std::current_exception();
  }
  write(path, "group " + (error ? "raises " + error_text(error) : "ok none"));
  if (error) std::rethrow_exception(error);
  co_return end;
}

rondo::awaitable<flow> machine::with_block(task_frame& f, const statement& s, std::string path) {
  write(path, "begin with");
  flow end;
  std::exception_ptr error;
  bool entered = false;
  try {
    co_await acquire(s.index);
    entered = true;
    write(path, "with entered");
    end = co_await run_block(f, s.body, path + ".body");
  } catch (...) {
    error = std::current_exception();
  }
  // A guard would not tell that the body has released what it did not own any more; asyncio's `async with` does.
  try {
    if (entered) objects_.with_lock(s.index, [](auto& l) { l.release(); });
  } catch (...) {
    error = std::current_exception();
  }
  write(path, "with " + (error ? "raises " + error_text(error) : "ok none"));
  if (error) std::rethrow_exception(error);
  co_return end;
}

void machine::call_and_write(task_frame* f, const statement& s, const std::string& path) {
  const std::string_view name = info(s.op).name;
  std::string text;
  try {
    text = call(f, s, path);
  } catch (...) {
    if (s.op != op::reraise) write(path, fmt::format("{} raises {}", name, error_text(std::current_exception())));
    throw;
  }
  write(path, fmt::format("{} ok {}", name, text));
}

rondo::awaitable<void> machine::wait_and_write(task_frame& f, const statement& s, std::string path) {
  const std::string_view name = info(s.op).name;
  write(path, fmt::format("begin {}", name));
  std::string text;
  std::exception_ptr error;
  try {
    text = co_await wait_for_end(f, s, path);
  } catch (...) {
    error = std::current_exception();
  }
  write(path, error ? fmt::format("{} raises {}", name, error_text(error)) : fmt::format("{} ok {}", name, text));
  if (error) std::rethrow_exception(error);
}

void machine::run_callback(const statement& s, const std::string& path) {
  write(path, "fire " + s.text);
  for (std::size_t i = 0; i < s.body.size(); ++i)
    call_and_write(nullptr, s.body[i], fmt::format("{}.{}.{}", path, s.text, i));
}

std::vector<std::string> run_program(const program& p) {
  std::optional<machine> m; // outlives the tasks
  rondo::testing::virtual_runner runner;
  const rondo::event_loop loop = runner.loop();
  m.emplace(p, loop);
  loop.set_exception_handler([&](const rondo::event_loop&, const rondo::exception_context& c) { m->report(c); });
  if (p.eager) loop.set_task_factory(rondo::eager_task_factory);
  try {
    try {
      runner.run(m->run_main());
    } catch (const rondo::testing::deadlock_error&) {
      throw;
    } catch (...) { // the trace has it
    }
    runner.close();
    m->end_trace("finished");
  } catch (const rondo::testing::deadlock_error&) {
    m->end_trace("deadlock");
  }
  return m->take_trace();
}

} // namespace conformance
