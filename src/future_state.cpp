// SPDX-License-Identifier: BSL-1.0
#include "diagnostics.hpp"
#include "loop_core.hpp"

#include <rondo/detail/future_state.hpp>

#include <fmt/format.h>

#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace detail {

future_state_base::future_state_base(loop_core& core) noexcept : core_(&core) {}

future_state_base::~future_state_base() {
  // Nobody can complete it any more. Coroutines that wait hold references, so only callbacks are left here.
  while (!waiters_.empty())
    waiters_.pop_front().drop();
}

void future_state_base::destroy() noexcept {
  if (done() && !unretrieved_)
    delete this;
  else
    destroy_with_last_words();
}

void future_state_base::destroy_with_last_words() noexcept {
  exception_context last_words;
  if (!take_last_words(last_words)) return leave_loop();
  // The handle in the report keeps the state; when it goes, destroy() is called again with nothing left to say.
  if (this_thread().core == core_.get() || !core_->running())
    return core_->call_exception_handler(std::move(last_words));
  struct message final : ready_node {
    void run() noexcept override {
      core->call_exception_handler(std::move(text));
      delete this;
    }
    void drop() noexcept override { delete this; }
    ref<loop_core> core;
    exception_context text;
  };
  auto* node = new message;
  node->core = core_;
  node->text = std::move(last_words);
  if (!node->core->push_threadsafe(*node)) node->run();
}

void future_state_base::leave_loop() noexcept {
  // Callbacks that still wait are registered with the loop, so its thread must take them off.
  struct funeral final : ready_node {
    void run() noexcept override {
      delete state;
      delete this;
    }
    void drop() noexcept override { run(); }
    future_state_base* state;
  };
  if (!waiters_.empty() && this_thread().core != core_.get()) {
    auto* node = new funeral;
    node->state = this;
    if (core_->push_threadsafe(*node)) return;
    delete node;
  }
  delete this;
}

bool future_state_base::take_last_words(exception_context& c) {
  if (!std::exchange(unretrieved_, false)) return false;
  c.message = "Future exception was never retrieved";
  c.exception = error_;
  c.future = make_handle<any_future>(ref<future_state_base>(this));
  return true;
}

std::string future_state_base::describe() const { return "a future"; }

bool future_state_base::cancel(optional_text message) {
  unretrieved_ = false;
  if (done()) return false;
  check_thread(*core_, "cancel", "call_soon_threadsafe, or cancel_threadsafe for a task");
  message_ = std::move(message);
  finish(status::cancelled);
  return true;
}

std::uint64_t future_state_base::add_callback(callback_node* node) {
  node->id = ++core_->last_callback_id;
  const std::uint64_t id = node->id;
  core_->keep(*node);
  if (done()) {
    node->subject = this;
    core_->push(*node);
  } else {
    has_callbacks_ = true;
    waiters_.push_back(*node);
  }
  return id;
}

bool future_state_base::remove_callback(std::uint64_t id) noexcept {
  for (list_hook* hook = waiters_.first(); hook != waiters_.end(); hook = hook->next) {
    auto* node = dynamic_cast<callback_node*>(static_cast<ready_node*>(hook));
    if (!node || node->id != id) continue;
    static_cast<ready_node&>(*node).unlink();
    node->drop();
    return true;
  }
  return false;
}

void future_state_base::throw_outcome() {
  if (status_ == status::pending) throw invalid_state_error("Result is not ready: " + describe() + " is pending");
  std::rethrow_exception(outcome_error());
}

std::exception_ptr future_state_base::exception() {
  switch (status_) {
  case status::finished:
    return nullptr;
  case status::pending:
    throw invalid_state_error("Exception is not set: " + describe() + " is pending");
  case status::failed:
    unretrieved_ = false;
    return error_;
  case status::cancelled:
    std::rethrow_exception(make_cancelled_error());
  }
  return nullptr;
}

std::exception_ptr future_state_base::outcome_error() {
  if (status_ == status::failed) {
    unretrieved_ = false;
    return error_;
  }
  return status_ == status::cancelled ? make_cancelled_error() : nullptr;
}

std::exception_ptr future_state_base::make_cancelled_error() {
  if (error_) return std::exchange(error_, nullptr);
  return std::make_exception_ptr(cancelled_error(message_.str()));
}

bool future_state_base::ends_in_cancellation() const noexcept {
  return status_ == status::cancelled || (status_ == status::failed && is_cancelled_error(error_));
}

void future_state_base::check_settable(const char* call) const {
  if (!settable())
    throw std::runtime_error(fmt::format("{}: the outcome of {} is its own and cannot be set", call, describe()));
}

void future_state_base::throw_if_done(const char* call) const {
  if (!done()) return;
  throw invalid_state_error(fmt::format("invalid state: {} on {} that is {}", call, describe(),
                                        status_ == status::cancelled ? "cancelled" : "done"));
}

void future_state_base::set_exception(std::exception_ptr error) {
  throw_if_done("set_exception");
  if (!error) throw std::invalid_argument("set_exception: the exception is a null pointer");
  finish_failed(std::move(error));
}

void future_state_base::finish(status s) noexcept {
  status_ = s;
  if (has_callbacks_)
    for (list_hook* hook = waiters_.first(); hook != waiters_.end(); hook = hook->next)
      if (auto* node = dynamic_cast<callback_node*>(static_cast<ready_node*>(hook))) node->subject = this;
  core_->push_all(waiters_);
}

void future_state_base::finish_failed(std::exception_ptr error) noexcept {
  error_ = std::move(error);
  unretrieved_ = true;
  finish(status::failed);
}

void future_state_base::finish_cancelled(std::exception_ptr original) noexcept {
  error_ = std::move(original);
  message_.reset();
  finish(status::cancelled);
}

void future_wait::park() {
  if (&state_->core() != core_ || state_->done() || (owner_ && state_.get() == owner_)) [[unlikely]]
    return park_unusually();
  state_->add_waiter(*this);
  parked();
}

void future_wait::park_unusually() {
  const bool same_loop = &state_->core() == core_;
  if (same_loop ? state_->done() : ready()) return complete_now();
  if (same_loop)
    return fail(std::make_exception_ptr(std::runtime_error("Task cannot await on itself: " + state_->describe())));
  fail(std::make_exception_ptr(std::runtime_error(
      fmt::format("{} got {} attached to a different loop: submit work to that loop with run_coroutine_threadsafe and "
                  "await wrap_future of what it returns",
                  owner_ ? owner_->describe() : "a coroutine", state_->describe()))));
}

bool future_wait::usable_here() const noexcept {
  return this_thread().core == &state_->core() || at_rest(state_->core());
}

bool future_wait::cancel(optional_text& message) noexcept {
  // A gather whose children are done refuses; then the message is that of the cancellation which follows.
  return !failed_ && !state_->done() && state_->cancel(optional_text(message.str()));
}

std::exception_ptr future_wait::cancelled_outcome() noexcept {
  state_->mark_retrieved(); // as in asyncio an exception that a cancellation replaces was looked at
  return state_->ends_in_cancellation() ? state_->outcome_error() : nullptr;
}

void throw_empty_handle(const char* call) {
  throw std::logic_error(fmt::format("{}: the handle is empty; it was default-constructed or moved from", call));
}

} // namespace detail
RONDO_END_NAMESPACE
