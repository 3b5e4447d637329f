// SPDX-License-Identifier: BSL-1.0
#include "loop_core.hpp"
#include "task_runner.hpp"

#include <rondo/detail/wait.hpp>

RONDO_BEGIN_NAMESPACE
namespace detail {

wait_node::wait_node(wait_node&& other) noexcept
    : core_(other.core_), runner_(other.runner_), owner_(std::exchange(other.owner_, nullptr)),
      error_(std::move(other.error_)), since_(other.since_), immediate_(other.immediate_),
      cancelled_(other.cancelled_) {
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
    core_->foreign_waits.push_back(*this);
  }
  return true;
}

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
  error_ = std::move(error);
  push_ready(*core_, *this);
}

void wait_node::push_cancelled(optional_text& message) noexcept {
  auto& links = static_cast<ready_node&>(*this);
  if (links.linked()) links.unlink();
  cancelled_ = true;
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
  if (!owner->must_cancel || immediate_) return false;
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
