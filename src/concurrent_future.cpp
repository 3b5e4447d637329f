// SPDX-License-Identifier: BSL-1.0
#include <rondo/concurrent_future.hpp>

#include "diagnostics.hpp"
#include "loop_core.hpp"

#include <fmt/format.h>

#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace detail {

concurrent_state_base::~concurrent_state_base() = default;

bool concurrent_state_base::done() const {
  std::lock_guard lock(mutex_);
  return is_done();
}

bool concurrent_state_base::cancelled() const {
  std::lock_guard lock(mutex_);
  return status_ == status::cancelled;
}

bool concurrent_state_base::cancel() {
  std::vector<std::unique_ptr<job>> callbacks;
  {
    std::lock_guard lock(mutex_);
    if (status_ == status::cancelled) return true;
    if (status_ != status::pending) return false;
    status_ = status::cancelled;
    callbacks.swap(callbacks_);
  }
  finish(std::move(callbacks));
  return true;
}

bool concurrent_state_base::set_running_or_notify_cancel() {
  std::lock_guard lock(mutex_);
  if (status_ == status::cancelled) return false;
  if (status_ != status::pending)
    throw invalid_state_error("set_running_or_notify_cancel: the concurrent_future is running or done already");
  status_ = status::running;
  return true;
}

void concurrent_state_base::set_exception(std::exception_ptr error) {
  if (!error) throw std::invalid_argument("set_exception: the exception is a null pointer");
  complete("set_exception", [&] { error_ = std::move(error); });
}

void concurrent_state_base::wait(time_limit limit) const {
  std::unique_lock lock(mutex_);
  if (is_done()) return;
  if (running_core_or_null())
    throw std::runtime_error("concurrent_future: waiting here would block the event loop that runs on this thread; use "
                             "co_await wrap_future(f).get()");
  const auto ready = [this] { return is_done(); };
  if (!limit || *limit == clock::duration::max())
    changed_.wait(lock, ready);
  else if (!changed_.wait_for(lock, *limit, ready))
    throw timeout_error(fmt::format("the concurrent_future was not done after {:.3f} s",
                                    std::chrono::duration<double>(*limit).count()));
}

std::exception_ptr concurrent_state_base::error() const {
  std::lock_guard lock(mutex_);
  if (status_ == status::cancelled) throw future_cancelled();
  return error_;
}

void concurrent_state_base::add_callback(std::unique_ptr<job> callback) {
  {
    std::lock_guard lock(mutex_);
    if (!is_done()) return callbacks_.push_back(std::move(callback));
  }
  std::vector<std::unique_ptr<job>> now;
  now.push_back(std::move(callback));
  finish(std::move(now));
}

void concurrent_state_base::throw_if_done(const char* call) const {
  if (is_done())
    throw invalid_state_error(fmt::format("invalid state: {} on a concurrent_future that is {}", call,
                                          status_ == status::cancelled ? "cancelled" : "done"));
}

void concurrent_state_base::finish(std::vector<std::unique_ptr<job>> callbacks) noexcept {
  changed_.notify_all();
  for (const std::unique_ptr<job>& callback : callbacks) {
    try {
      callback->run();
    } catch (...) {
      log("exception in a done callback of a concurrent_future\n  exception: " +
          describe_exception(std::current_exception()));
    }
  }
}

std::exception_ptr loop_closed_error() {
  return std::make_exception_ptr(std::runtime_error("the event loop was closed before the coroutine had ended"));
}

external_job::external_job(loop_core& core) noexcept : core_(&core) { ++core_->external_jobs; }
external_job::~external_job() { end(); }

void external_job::end() noexcept {
  if (!core_) return;
  --core_->external_jobs;
  core_.reset();
}

} // namespace detail
RONDO_END_NAMESPACE
