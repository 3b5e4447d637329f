// SPDX-License-Identifier: BSL-1.0
#include "loop_core.hpp"
#include "task_runner.hpp"

#include <rondo/detail/wait.hpp>

#include <boost/asio/post.hpp>

#include <new>
#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace detail {

bool wait_node::begin(const void* coroutine) noexcept {
  const thread_state& state = this_thread();
  core_ = state.core;
  if (!core_) {
    core_ = home();
    if (!core_ || !core_->on_executor_thread()) return false;
  }
  runner_ = state.runner;
  since_ = core_->batch_time();
  if (runner_ && coroutine && coroutine == runner_->coroutine && runner_->task) {
    owner_ = runner_->task;
    owner_->waiting = this;
  } else {
    core_->foreign_waits.push_back(*this);
  }
  return true;
}

bool wait_node::start(const void* coroutine) noexcept {
  if (!begin(coroutine)) return false;
  unusual_ = true;
  try {
    park();
  } catch (...) {
    fail(std::current_exception());
  }
  return true;
}

void wait_node::suspend(coroutine_frame& frame) noexcept {
  const thread_state& state = this_thread();
  task_runner* const runner = state.runner;
  coroutine_.begin(*frame.detach_thread());
  parked_ = true;
  if (runner && runner->coroutine == coroutine_->identity()) [[likely]] { // the usual case: a task's own wait
    core_ = state.core;
    runner_ = runner;
    since_ = core_->batch_time();
    owner_ = runner->task;
    owner_->waiting = this;
  } else {
    unusual_ = true;
    if (!begin(coroutine_->identity()))
      return frame.after_suspend([](void* self) { static_cast<wait_node*>(self)->fail_outside(); }, this);
    watch_slot();
  }
  try {
    park();
  } catch (...) {
    fail(std::current_exception());
  }
}

// The coroutine goes on in its own executor, which may be another thread: only when it is suspended for good.
void wait_node::fail_outside() noexcept {
  set_error(no_running_loop());
  const auto executor = coroutine_->get_executor();
  boost::asio::post(executor, [coroutine = take_coroutine()]() mutable { coroutine.resume(); });
}

// A coroutine that is no task's own is cancelled as plain Asio does it, by `a || b` for instance.
void wait_node::watch_slot() noexcept {
  if (auto slot = coroutine_->get_cancellation_slot(); slot.is_connected())
    slot.assign([this](boost::asio::cancellation_type_t) {
      optional_text none;
      cancel(none);
    });
}

parked_coroutine wait_node::take_coroutine() noexcept {
  parked_ = false;
  return coroutine_.take();
}

void wait_node::set_error(std::exception_ptr error) noexcept {
  if (std::exchange(failed_, true)) error_.end();
  error_.begin(std::move(error));
}

void wait_node::rethrow() {
  failed_ = false;
  std::rethrow_exception(error_.take());
}

namespace {

[[gnu::noinline, gnu::cold]] void report_handler(loop_core& core) noexcept {
  report(core, "Exception in the completion handler of a coroutine", std::current_exception());
}

} // namespace

void wait_node::run() noexcept {
  task_runner* const runner = runner_;
  if (unusual_ || owner_->must_cancel || !runner->quiet()) return run_unusually();
  // A task's own wait ends with the outcome that it waited for, in a slice with nothing special about it. Whoever gives
  // a node its turn has made its loop the running one, outside of any runner.
  owner_->waiting = nullptr;
  late<parked_coroutine> coroutine; // empty after resume(): it needs no destructor
  coroutine.begin(std::move(*coroutine_));
  parked_ = false;
  thread_state& state = this_thread();
  state.runner = runner;
  runner->begin_slice();
  try {
    coroutine->resume();
  } catch (...) {
    report_handler(*runner->core);
  }
  slice::finish(*runner);
  state.runner = nullptr;
}

void wait_node::run_unusually() noexcept {
  const bool own = owner_ != nullptr;
  wake();
  if (elsewhere_) return elsewhere_->deliver();
  parked_coroutine coroutine = take_coroutine();
  if (!own) coroutine.clear_slot();
  const ref<loop_core> core(core_);
  slice s(runner_, own);
  try {
    coroutine.resume(); // the operation object goes with the expression
  } catch (...) {
    report_handler(*core);
  }
  s.finish();
}

void wait_node::drop() noexcept {
  if (!parked_ && !elsewhere_) return; // dropped before
  const bool own = owner_ != nullptr;
  detach();
  if (std::exchange(failed_, false)) error_.end();
  if (elsewhere_) return elsewhere_->dispose();
  parked_coroutine coroutine = take_coroutine();
  if (!own) coroutine.clear_slot();
}

std::exception_ptr no_running_loop() { return std::make_exception_ptr(std::runtime_error("no running event loop")); }

void wait_node::parked() noexcept {
  // Cancelled while it was running: as in CPython's step, the wait that begins now is cancelled at once.
  if (owner_ && owner_->must_cancel) owner_->cancel_new_wait(*this);
}

void wait_node::fail(std::exception_ptr error) noexcept {
  unusual_ = true;
  set_error(std::move(error));
  push_ready(*core_, *this);
}

void wait_node::push_cancelled(optional_text& message) noexcept {
  auto& links = static_cast<ready_node&>(*this);
  if (links.linked()) links.unlink();
  cancelled_ = unusual_ = true;
  if (owner_) owner_->wait_message = std::move(message);
  push_ready(*core_, *this);
}

/// Detaches the node from its task when its turn has come; a cancellation may take the place of the outcome.
void wait_node::wake() noexcept {
  task_state_base* const owner = owner_;
  if (!owner) {
    auto& links = static_cast<foreign_hook&>(*this);
    if (links.linked()) links.unlink();
    if (cancelled_) set_error(std::make_exception_ptr(cancelled_error()));
    return;
  }
  owner->waiting = nullptr;
  if (cancelled_) {
    set_error(std::make_exception_ptr(cancelled_error(owner->wait_message.str())));
    owner->cancellation_delivered();
  } else if (owner->must_cancel && !keeps_outcome_) {
    // A scope cancels the next wait, too, so it need not take the place of an error.
    if (!owner->real_cancel && has_failed()) return;
    std::exception_ptr same_news = cancelled_outcome();
    set_error(same_news ? std::move(same_news) : owner->take_cancellation());
    owner->cancellation_delivered();
  }
}

bool wait_node::has_failed() noexcept {
  if (failed_) return true;
  const future_state_base* f = awaited();
  return f && f->state() == future_state_base::status::failed;
}

void wait_node::cancel_later(optional_text message) noexcept {
  if (owner_ && really_cancelled_ && !owner_->real_cancel) owner_->request_cancel(std::move(message));
}

void wait_node::detach() noexcept {
  auto& links = static_cast<ready_node&>(*this);
  if (links.linked()) links.unlink();
  auto& foreign = static_cast<foreign_hook&>(*this);
  if (foreign.linked()) foreign.unlink();
  if (owner_) owner_->waiting = nullptr;
  owner_ = nullptr;
}

} // namespace detail
RONDO_END_NAMESPACE
