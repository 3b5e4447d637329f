// SPDX-License-Identifier: BSL-1.0
#include <rondo/event_loop.hpp>

#include "diagnostics.hpp"
#include "loop_core.hpp"
#include "shutdown.hpp"

#include <limits>
#include <stdexcept>

RONDO_BEGIN_NAMESPACE

void callback_handle::cancel() {
  if (!node_) detail::throw_empty_handle("callback_handle::cancel");
  if (threadsafe_)
    node_->cancel_threadsafe();
  else
    node_->cancel();
}

bool callback_handle::cancelled() const {
  if (!node_) detail::throw_empty_handle("callback_handle::cancelled");
  return node_->cancelled();
}

std::optional<clock::time_point> callback_handle::when() const {
  if (!node_) detail::throw_empty_handle("callback_handle::when");
  if (!node_->timed) return std::nullopt;
  return clock::time_point(clock::duration(node_->deadline));
}

event_loop::event_loop(boost::asio::any_io_executor serial_executor)
    : core_(detail::attach(serial_executor, nullptr)) {}

clock::time_point event_loop::time() const noexcept { return clock::time_point(clock::duration(core_->now())); }

clock::time_point event_loop::deadline_after(time_limit delay) const {
  if (!delay) return clock::time_point::max();
  return clock::time_point(clock::duration(detail::time_after(core_->now(), *delay)));
}

callback_handle event_loop::add(detail::ref<detail::callback_node> node) const {
  core_->keep(*node);
  core_->push(*node);
  return callback_handle(std::move(node), false);
}

callback_handle event_loop::add_at(clock::time_point when, detail::ref<detail::callback_node> node) const {
  node->timed = true;
  node->deadline = when.time_since_epoch().count();
  core_->keep(*node);
  node->timer = core_->add_timer(node->deadline, *node);
  return callback_handle(std::move(node), false);
}

callback_handle event_loop::add_threadsafe(detail::ref<detail::callback_node> node) const {
  node->add_ref();
  if (!core_->push_threadsafe(*node)) {
    node->release();
    throw std::runtime_error("Event loop is closed");
  }
  return callback_handle(std::move(node), true);
}

void event_loop::run_forever() const { core_->run_forever(); }
void event_loop::check_runnable() const { core_->check_runnable(); }

void event_loop::run_until_done(const any_future& what, bool temporary) const {
  core_->check_runnable();
  const event_loop self = *this;
  // The callback may be in the queue already when an interrupt leaves the loop: it must not stop a later run.
  const auto current = std::make_shared<bool>(true);
  const callback_id id = what.add_done_callback([self, current] {
    if (*current) self.stop();
  });
  try {
    core_->run_forever();
  } catch (...) {
    // The exception that leaves the loop is the news; the temporary task's own would only be reported again.
    if (temporary && what.done()) what.state("run_until_complete").mark_retrieved();
    *current = false;
    what.remove_done_callback(id);
    throw;
  }
  what.remove_done_callback(id);
  if (!what.done()) throw std::runtime_error("Event loop stopped before Future completed.");
}

void event_loop::stop() const { core_->stop(); }

awaitable<void> event_loop::shutdown(time_limit grace) const { return detail::shut_down_loop(*this, grace); }

void event_loop::close() const { core_->close(); }
bool event_loop::is_running() const noexcept { return core_->running() || detail::this_thread().core == core_.get(); }
bool event_loop::is_closed() const noexcept { return core_->closed(); }

void event_loop::set_exception_handler(exception_handler handler) const {
  core_->exception_handler = std::move(handler);
}
void event_loop::call_exception_handler(const exception_context& c) const { core_->call_exception_handler(c); }
void event_loop::default_exception_handler(const exception_context& c) const { detail::log(detail::format_report(c)); }

void event_loop::set_debug(bool enabled) const { core_->debug.store(enabled, std::memory_order_relaxed); }
bool event_loop::get_debug() const noexcept { return core_->debug.load(std::memory_order_relaxed); }
std::chrono::nanoseconds event_loop::slow_callback_duration() const noexcept { return core_->slow_callback; }
void event_loop::slow_callback_duration(std::chrono::nanoseconds d) const { core_->slow_callback = d; }
void event_loop::set_task_factory(rondo::task_factory factory) const { core_->task_factory = std::move(factory); }

event_loop get_running_loop() { return event_loop(detail::ref<detail::loop_core>(&detail::running_core())); }

std::optional<event_loop> get_running_loop_or_none() noexcept {
  detail::loop_core* core = detail::running_core_or_null();
  if (!core) return std::nullopt;
  return event_loop(detail::ref<detail::loop_core>(core));
}

RONDO_END_NAMESPACE
