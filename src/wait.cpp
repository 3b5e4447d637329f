// SPDX-License-Identifier: BSL-1.0
#include "loop_core.hpp"
#include "task_runner.hpp"

#include <rondo/detail/wait.hpp>

#include <boost/asio/post.hpp>

#include <new>
#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace detail {

wait_node::wait_node(wait_node&& other) noexcept {
  if (!other.armed_) return; // not begun
  core_ = other.core_;
  runner_ = other.runner_;
  since_ = other.since_;
  owner_ = std::exchange(other.owner_, nullptr);
  error_ = std::move(other.error_);
  immediate_ = other.immediate_;
  keeps_outcome_ = other.keeps_outcome_;
  cancelled_ = other.cancelled_;
  unusual_ = other.unusual_;
  new (&handler_) any_frame_handler(other.take_handler());
  armed_ = true;
  static_cast<ready_node&>(*this).replace(static_cast<ready_node&>(other));
  static_cast<foreign_hook&>(*this).replace(static_cast<foreign_hook&>(other));
  if (owner_) owner_->waiting = this;
  if (runner_ && runner_->immediate == &other) runner_->immediate = this;
}

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
    unusual_ = true;
    core_->foreign_waits.push_back(*this);
  }
  return true;
}

bool wait_node::begin_frame(any_frame_handler&& handler) {
  const thread_state& state = this_thread();
  task_runner* const runner = state.runner;
  if (runner && runner->coroutine == handler.coroutine() && runner->task) { // the usual case: a task's own wait
    core_ = state.core;
    runner_ = runner;
    since_ = core_->batch_time();
    owner_ = runner->task;
    owner_->waiting = this;
  } else if (!begin(handler.coroutine())) {
    return fail_outside(std::move(handler)), false;
  }
  new (&handler_) any_frame_handler(std::move(handler));
  armed_ = true;
  return true;
}

void wait_node::fail_outside(any_frame_handler&& handler) {
  const auto executor = handler.get_executor();
  boost::asio::post(executor, [handler = std::move(handler)]() mutable {
    std::exception_ptr error = no_running_loop();
    handler.complete(error, nullptr);
  });
}

any_frame_handler wait_node::take_handler() noexcept {
  armed_ = false;
  return std::move(handler_); // what is left of it owns nothing: its destructor would do nothing
}

void wait_node::settle(std::exception_ptr& error, void* value) noexcept {
  const bool collects = !error_;
  if (!collects) error = std::exchange(error_, nullptr);
  if (!wake(error) && collects) collect_outcome(error, value);
}

namespace {

[[gnu::always_inline]] inline void complete(const ref<loop_core>& core, any_frame_handler& handler,
                                            std::exception_ptr& error, void* value) noexcept {
  try {
    handler.complete(error, value);
  } catch (...) {
    report(*core, "Exception in the completion handler of a coroutine", std::current_exception());
  }
}

} // namespace

void wait_node::resume_with(void* value) noexcept {
  if (unusual_ || owner_->must_cancel) return resume_unusually(value);
  // The usual case: a task's own wait ends with the outcome that it waited for.
  std::exception_ptr error;
  owner_->waiting = nullptr;
  collect_outcome(error, value);
  any_frame_handler handler(std::move(handler_));
  armed_ = false;
  task_runner* const runner = runner_;
  if (immediate_) return complete(runner->core, handler, error, value); // inside the slice that it is part of
  if (runner->running || runner->emitting || runner->suspect) {
    slice s(runner, true);
    complete(runner->core, handler, error, value);
    return s.finish();
  }
  // A slice with nothing special about it; whoever gives a node its turn has made its loop the running one.
  thread_state& state = this_thread();
  task_runner* const previous = std::exchange(state.runner, runner);
  runner->running = true;
  ++runner->slices;
  complete(runner->core, handler, error, value);
  slice::finish(*runner);
  state.runner = previous;
}

void wait_node::resume_unusually(void* value) noexcept {
  const bool own = owner_ != nullptr;
  std::exception_ptr error;
  settle(error, value);
  if (elsewhere_) return elsewhere_->deliver(std::move(error), value);
  any_frame_handler handler = take_handler();
  const ref<loop_core> core(core_);
  task_runner* const runner = runner_;
  if (on_heap_) remove(); // otherwise the operation object goes with the expression, when the coroutine goes on
  slice s(runner, own);
  complete(core, handler, error, value);
  s.finish();
}

void wait_node::drop() noexcept {
  if (!armed_ && !elsewhere_) return; // dropped before
  detach();
  if (elsewhere_) return elsewhere_->dispose();
  const any_frame_handler handler = take_handler();
  if (on_heap_) remove();
}

std::exception_ptr no_running_loop() { return std::make_exception_ptr(std::runtime_error("no running event loop")); }

void wait_node::parked() noexcept {
  if (!owner_ || !owner_->must_cancel) return;
  // Cancelled while it was running: as in CPython's step, the wait that begins now is cancelled at once.
  optional_text message = owner_->cancel_message();
  if (cancel(message))
    owner_->must_cancel = false;
  else
    owner_->set_cancel_message(std::move(message));
}

void wait_node::complete_now() noexcept {
  if (!owner_) return push_ready(*core_, *this);
  immediate_ = true;
  runner_->immediate = this;
}

void wait_node::fail(std::exception_ptr error) noexcept {
  unusual_ = true;
  error_ = std::move(error);
  push_ready(*core_, *this);
}

void wait_node::push_cancelled(optional_text& message) noexcept {
  auto& links = static_cast<ready_node&>(*this);
  if (links.linked()) links.unlink();
  cancelled_ = unusual_ = true;
  if (owner_) owner_->wait_message = std::move(message);
  push_ready(*core_, *this);
}

void wait_node::cut() noexcept {
  optional_text none;
  push_cancelled(none);
}

bool wait_node::wake(std::exception_ptr& error) noexcept {
  task_state_base* const owner = owner_;
  if (!owner) {
    auto& links = static_cast<foreign_hook&>(*this);
    if (links.linked()) links.unlink();
    if (cancelled_) error = std::make_exception_ptr(cancelled_error());
    return cancelled_;
  }
  owner->waiting = nullptr;
  if (cancelled_) {
    error = std::make_exception_ptr(cancelled_error(owner->wait_message.str()));
    owner->must_cancel = false;
    return true;
  }
  if (!owner->must_cancel || immediate_ || keeps_outcome_) return false;
  std::exception_ptr same_news = cancelled_outcome();
  error = same_news ? std::move(same_news) : owner->take_cancellation();
  owner->must_cancel = false;
  return true;
}

void wait_node::cancel_later(optional_text message) noexcept {
  if (!owner_) return;
  owner_->must_cancel = true;
  owner_->set_cancel_message(std::move(message));
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
