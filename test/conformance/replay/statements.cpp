// What the statements of a program do that are no blocks.
// SPDX-License-Identifier: BSL-1.0
#include "machine.hpp"

#include <rondo/gather.hpp>
#include <rondo/shield.hpp>
#include <rondo/sleep.hpp>
#include <rondo/wait.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace conformance {

namespace {

std::string yes_or_no(bool b) { return b ? "true" : "false"; }

/// The results of a gather as one value, so that a gather can be a source like any other future.
template <bool with_errors>
struct as_one_value {
  using result = value;
  static constexpr bool settles = with_errors;

  static void collect(rondo::detail::value_cell<value>& cell, rondo::detail::gather_child* children,
                      std::size_t count) {
    std::vector<value> all;
    for (std::size_t i = 0; i < count; ++i) {
      const rondo::settled<value> one = rondo::detail::settled_child<value>(children[i]);
      all.push_back(one ? *one : value(one.error()));
    }
    cell.emplace(value(std::move(all)));
  }
};

/// Handles of all kinds are kept as futures.
rondo::future<value> future_of_task(const rondo::task<value>& t) {
  return rondo::detail::make_handle<rondo::future<value>>(&t.state("handle"));
}

template <class Queue>
rondo::awaitable<void> put(Queue& q, value item) {
  co_await q.put(std::move(item));
}

template <class Queue>
rondo::awaitable<value> get(Queue& q) {
  co_return co_await q.get();
}

template <class Queue>
rondo::awaitable<void> join(Queue& q) {
  co_await q.join();
}

template <class Lock>
rondo::awaitable<void> acquire_one(Lock& l) {
  co_await l.acquire();
}

} // namespace

rondo::time_limit machine::limit_of(const statement& s) {
  if (!s.number) return std::nullopt;
  return std::chrono::milliseconds(*s.number);
}

std::optional<rondo::clock::time_point> machine::deadline_of(const statement& s) {
  if (!s.number) return std::nullopt;
  return rondo::clock::time_point(*limit_of(s));
}

// Names.

const machine::handle& machine::look_up(const source& s) const {
  const std::optional<handle>& h = handles_[s.index];
  if (!h) throw user_error("unbound");
  return *h;
}

void machine::require_bound(const std::vector<source>& sources) const {
  for (const source& s : sources)
    if (s.what == source::kind::handle) look_up(s);
}

rondo::future<value> machine::future_of(const source& s) {
  if (s.what == source::kind::future) return objects_.get<rondo::future<value>>(s.index);
  return look_up(s).future;
}

std::vector<std::optional<rondo::future<value>>> machine::futures_of(const std::vector<source>& sources) {
  std::vector<std::optional<rondo::future<value>>> found;
  for (const source& s : sources)
    found.push_back(s.what == source::kind::coroutine ? std::nullopt : std::optional(future_of(s)));
  return found;
}

std::string machine::name_of(const source& s) const {
  return s.what == source::kind::future ? program_.objects[s.index].name : program_.handles[s.index];
}

void machine::bind(std::size_t index, rondo::future<value> f) {
  // The shield of what is done is that itself.
  rondo::any_task t;
  if (auto* const state = f.state("bind").as_task())
    t = rondo::detail::make_handle<rondo::any_task>(rondo::detail::ref<rondo::detail::future_state_base>(state));
  handles_[index] = handle{std::move(f), std::move(t)};
}

rondo::awaitable<value> machine::start_source(const source& s, task_frame& f) {
  return run_source(s.index, f, rondo::current_task());
}

// What suspends.

rondo::awaitable<void> machine::acquire(std::size_t index) {
  return objects_.with_lock(index, [](auto& l) { return acquire_one(l); });
}

rondo::awaitable<std::string> machine::wait_for_end(task_frame& f, const statement& s, std::string path) {
  require_bound(s.sources);
  switch (s.op) {
  case op::sleep:
    co_await rondo::sleep(*limit_of(s));
    co_return "none";
  case op::await: {
    const value v = co_await future_of(s.sources[0]).get();
    co_return v.text();
  }
  case op::gather: {
    const rondo::future<value> all = gather(f, s);
    const value v = co_await all.get();
    co_return v.text();
  }
  case op::wait:
    co_return co_await wait_for_several(s);
  case op::wait_for: {
    const value v = co_await wait_in_time(f, s);
    co_return v.text();
  }
  case op::shield: {
    const rondo::future<value> outer = shield(f, s);
    const value v = co_await outer.get();
    co_return v.text();
  }
  case op::as_completed:
    co_return co_await wait_for_each(f, s, std::move(path));
  default:
    co_return co_await wait_for_object(s);
  }
}

rondo::awaitable<std::string> machine::wait_for_object(const statement& s) {
  switch (s.op) {
  case op::acquire:
    co_await acquire(s.index);
    co_return "true";
  case op::ev_wait:
    co_await objects_.get<rondo::event>(s.index).wait();
    co_return "true";
  case op::c_wait:
    co_await objects_.get<rondo::condition>(s.index).wait();
    co_return "true";
  case op::b_wait:
    co_return std::to_string(co_await objects_.get<rondo::barrier>(s.index).wait());
  case op::b_reset:
    co_await objects_.get<rondo::barrier>(s.index).reset();
    co_return "none";
  case op::b_abort:
    co_await objects_.get<rondo::barrier>(s.index).abort();
    co_return "none";
  case op::put:
    co_await objects_.with_queue(s.index, [&](auto& q) { return put(q, s.literal); });
    co_return "none";
  case op::get: {
    const value v = co_await objects_.with_queue(s.index, [](auto& q) { return get(q); });
    co_return v.text();
  }
  case op::q_join:
    co_await objects_.with_queue(s.index, [](auto& q) { return join(q); });
    co_return "none";
  default:
    throw std::logic_error(fmt::format("'{}' does not wait", info(s.op).name));
  }
}

rondo::future<value> machine::gather(task_frame& f, const statement& s) {
  return s.flag ? gather_as<as_one_value<true>>(f, s) : gather_as<as_one_value<false>>(f, s);
}

/// As `rondo::gather` does with a range, but for sources that are not of one type.
template <class Results>
rondo::future<value> machine::gather_as(task_frame& f, const statement& s) {
  namespace detail = rondo::detail;
  const auto found = futures_of(s.sources);
  detail::children_check check("gather");
  for (const auto& one : found)
    if (one)
      check.add(*one);
    else
      check.add(rondo::awaitable<value>());
  auto state = detail::gather_state<Results>::create(check.core(), found.size());
  detail::gather_start start(*state, check.duplicates());
  for (std::size_t i = 0; i < found.size(); ++i)
    if (found[i])
      start.add_source(*found[i], std::source_location::current());
    else
      start.add_source(start_source(s.sources[i], f), std::source_location::current());
  start.finish();
  return detail::make_handle<rondo::future<value>>(std::move(state));
}

rondo::future<value> machine::shield(task_frame& f, const statement& s) {
  const source& inner = s.sources[0];
  if (inner.what == source::kind::coroutine) return rondo::shield(start_source(inner, f));
  return rondo::shield(future_of(inner));
}

rondo::awaitable<value> machine::wait_in_time(task_frame& f, const statement& s) {
  const source& inner = s.sources[0];
  if (inner.what == source::kind::coroutine) return rondo::wait_for(start_source(inner, f), limit_of(s));
  return rondo::wait_for(future_of(inner), limit_of(s));
}

rondo::awaitable<std::string> machine::wait_for_several(const statement& s) {
  std::vector<rondo::any_future> all;
  for (const source& one : s.sources)
    all.push_back(future_of(one));
  rondo::wait_options options;
  options.timeout(limit_of(s));
  constexpr std::array whens = {rondo::return_when::first_completed, rondo::return_when::first_exception,
                                rondo::return_when::all_completed};
  options.return_when(whens[static_cast<std::size_t>(s.until)]);
  const auto result = co_await rondo::wait(all, options);
  std::string done, pending;
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::string& names = result.contains(all[i]) ? done : pending;
    names += (names.empty() ? "" : ",") + name_of(s.sources[i]);
  }
  co_return fmt::format("done=[{}] pending=[{}]", done, pending);
}

rondo::awaitable<std::string> machine::wait_for_each(task_frame& f, const statement& s, std::string path) {
  const auto found = futures_of(s.sources);
  std::vector<rondo::future<value>> all;
  for (std::size_t i = 0; i < found.size(); ++i)
    all.push_back(found[i] ? *found[i] : future_of_task(rondo::create_task(start_source(s.sources[i], f))));
  // The timer stays armed when the loop is left early: asyncio's holds its iterator.
  started_.push_back(rondo::as_completed(all, limit_of(s)));
  auto& items = started_.back();
  std::vector<value> values;
  while (const auto next = co_await items.next()) {
    values.push_back(next->result());
    write(path, "item " + values.back().text());
  }
  co_return value(std::move(values)).text();
}

// What does not suspend.

std::string machine::call(task_frame* f, const statement& s, const std::string& path) {
  require_bound(s.sources);
  switch (s.op) {
  case op::log:
    return s.text;
  case op::cancel:
    return yes_or_no(future_of(s.sources[0]).cancel(s.message.value_or("")));
  case op::state:
    return state_of(future_of(s.sources[0]));
  default:
    return s.op < op::acquire ? call_task(*f, s, path) : call_object(s);
  }
}

std::string machine::state_of(const rondo::future<value>& f) {
  if (!f.done()) return "pending";
  if (f.cancelled()) return "cancelled";
  if (const std::exception_ptr error = f.exception()) return "error " + error_text(error);
  return "result " + f.result().text();
}

std::string machine::call_task(task_frame& f, const statement& s, const std::string& path) {
  switch (s.op) {
  case op::raise:
    throw user_error(s.text);
  case op::reraise:
    if (f.handled.empty()) throw user_error("unbound");
    std::rethrow_exception(f.handled.back());
  case op::spawn: {
    rondo::task_options options;
    options.name(s.flag ? s.text : program_.handles[s.index]);
    if (s.eager) options.eager(*s.eager);
    bind(s.index, future_of_task(rondo::create_task(run_task(s.coroutine), std::move(options))));
    return "none";
  }
  case op::cancel_self:
    return yes_or_no(rondo::current_task().cancel(s.message.value_or("")));
  case op::uncancel:
    return std::to_string(rondo::current_task().uncancel());
  case op::cancelling: {
    if (s.sources.empty()) return std::to_string(rondo::current_task().cancelling());
    const source& one = s.sources[0];
    if (one.what == source::kind::future || !look_up(one).task) throw user_error("unbound");
    return std::to_string(look_up(one).task.cancelling());
  }
  case op::on_done:
    future_of(s.sources[0]).add_done_callback([this, &s, path] { write(path, "callback " + s.text); });
    return "none";
  case op::call_soon:
    loop_.call_soon([this, &s, path] { run_callback(s, path); });
    return "none";
  case op::call_later:
    loop_.call_later(limit_of(s), [this, &s, path] { run_callback(s, path); });
    return "none";
  case op::call_at:
    loop_.call_at(*deadline_of(s), [this, &s, path] { run_callback(s, path); });
    return "none";
  case op::gather_start:
    bind(s.index, gather(f, s));
    return "none";
  case op::shield_start:
    bind(s.index, shield(f, s));
    return "none";
  default:
    return call_scope(f, s);
  }
}

std::string machine::call_scope(task_frame& f, const statement& s) {
  const bool of_timeout = s.op == op::reschedule || s.op == op::expired;
  if (of_timeout ? f.timeouts.empty() : f.groups.empty()) throw user_error("unbound");
  switch (s.op) {
  case op::reschedule:
    f.timeouts.back().reschedule(deadline_of(s));
    return "none";
  case op::expired:
    return yes_or_no(f.timeouts.back().expired());
  case op::gspawn: {
    rondo::task_options options;
    options.name(program_.handles[s.index]);
    bind(s.index, future_of_task(f.groups.back()->create_task(run_task(s.coroutine), std::move(options))));
    return "none";
  }
  case op::gcancel:
    f.groups.back()->cancel();
    return "none";
  default:
    throw std::logic_error(fmt::format("'{}' is not done at once", info(s.op).name));
  }
}

std::string machine::call_object(const statement& s) {
  switch (s.op) {
  case op::release:
    objects_.with_lock(s.index, [](auto& l) { l.release(); });
    return "none";
  case op::locked:
    return yes_or_no(objects_.with_lock(s.index, [](auto& l) { return l.locked(); }));
  case op::ev_set:
    objects_.get<rondo::event>(s.index).set();
    return "none";
  case op::ev_clear:
    objects_.get<rondo::event>(s.index).clear();
    return "none";
  case op::c_notify:
    objects_.get<rondo::condition>(s.index).notify(static_cast<std::size_t>(*s.number));
    return "none";
  case op::c_notify_all:
    objects_.get<rondo::condition>(s.index).notify_all();
    return "none";
  case op::f_set:
    objects_.get<rondo::future<value>>(s.index).set_result(s.literal);
    return "none";
  case op::f_exc:
    objects_.get<rondo::future<value>>(s.index).set_exception(user_error(s.text));
    return "none";
  case op::f_cancel:
    return yes_or_no(objects_.get<rondo::future<value>>(s.index).cancel(s.message.value_or("")));
  case op::v_set:
    objects_.get<rondo::context_var<value>>(s.index).set(s.literal);
    return "none";
  case op::v_get:
    return objects_.get<rondo::context_var<value>>(s.index).get().text();
  default:
    return objects_.with_queue(s.index, [&](auto& q) { return call_queue(q, s); });
  }
}

template <class Queue>
std::string machine::call_queue(Queue& q, const statement& s) {
  switch (s.op) {
  case op::put_nowait:
    q.put_nowait(s.literal);
    return "none";
  case op::get_nowait:
    return q.get_nowait().text();
  case op::task_done:
    q.task_done();
    return "none";
  case op::q_shutdown:
    q.shutdown(s.flag);
    return "none";
  default:
    return std::to_string(q.qsize());
  }
}

} // namespace conformance
