// SPDX-License-Identifier: BSL-1.0
#include "loop_core.hpp"

#include <rondo/gather.hpp>

#include <fmt/format.h>

#include <memory>
#include <new>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace detail {

loop_core& children_check::core() {
  if (!core_) core_ = &running_core();
  check_thread(*core_, call_, "run_coroutine_threadsafe");
  if (uses_loop_) check_open(*core_);
  return *core_;
}

void children_check::add_handle(future_state_base& state) {
  if (!core_) core_ = &state.core();
  check_same_loop(call_, *core_, state);
  uses_loop_ |= !state.done();
  handles_.push_back(&state);
}

void children_check::add_new() {
  if (!core_) core_ = &running_core();
  uses_loop_ = true;
}

void gather_child::done(future_state_base& state) noexcept {
  keep(ref<future_state_base>(&state));
  owner->watched_child_done(state);
}

void gather_child::abandoned() noexcept { owner->watch_ended(); }

void* gather_state_base::allocate(std::size_t size, std::size_t alignment, std::size_t children) {
  return ::operator new(size + children * sizeof(gather_child), std::align_val_t(alignment));
}

void gather_state_base::deallocate(void* memory, std::size_t alignment) noexcept {
  ::operator delete(memory, std::align_val_t(alignment));
}

gather_state_base::gather_state_base(loop_core& core, errors e, void* memory_behind, std::size_t count) noexcept
    : future_state_base(core), children_(static_cast<gather_child*>(memory_behind)), count_(count), errors_(e) {
  std::uninitialized_default_construct_n(children_, count_);
}

gather_state_base::~gather_state_base() { std::destroy_n(children_, count_); }

std::string gather_state_base::describe() const { return fmt::format("a gather of {}", count_); }

bool gather_state_base::take_last_words(exception_context& c) {
  if (!future_state_base::take_last_words(c)) return false;
  c.message = "gather_future exception was never retrieved";
  return true;
}

bool gather_state_base::cancel(optional_text message) {
  if (done()) return false;
  check_thread(*core_, "cancel", "call_soon_threadsafe");
  if (cancelling_) {
    // A child waits for this gather, which waits for that child: neither can end before the other, so the gather does.
    fail(std::make_exception_ptr(cancelled_error(message.str())));
    return true;
  }
  const ref<gather_state_base> keep(this);
  cancelling_ = visiting_ = true;
  bool accepted = false;
  for (std::size_t i = 0; i < count_; ++i) {
    if (!children_[i].has_future()) continue;
    try {
      if (children_[i].future().cancel(optional_text(message.str()))) accepted = true;
    } catch (...) { // a task in a circle of tasks that await each other has not accepted it
    }
  }
  cancelling_ = false;
  if (accepted) cancel_requested_ = true;
  end_visit();
  return accepted;
}

void gather_state_base::watched_child_done(future_state_base& child) noexcept {
  child_done(child);
  watch_ended();
}

void gather_state_base::watch_ended() noexcept {
  if (--watched_ == 0) release();
}

void gather_state_base::child_done(future_state_base& child) noexcept {
  --unfinished_;
  if (done()) return child.mark_retrieved();
  if (errors_ == errors::end_it && child.state() != status::finished) return fail(child.outcome_error());
  if (unfinished_ == 0) complete();
}

void gather_state_base::complete() noexcept {
  if (cancel_requested_) {
    for (std::size_t i = 0; i < count_; ++i)
      children_[i].future().mark_retrieved();
    // As in asyncio, the message is that of the last argument, not of the last to end.
    future_state_base& last = children_[count_ - 1].future();
    return fail(last.cancelled() ? last.make_cancelled_error()
                                 : std::make_exception_ptr(cancelled_error(last.cancel_text())));
  }
  store_results();
}

void gather_state_base::store_results() noexcept {
  try {
    collect();
  } catch (...) { // a value that was taken, or that could not be copied
    return fail(std::current_exception());
  }
  finish(status::finished);
  release_children();
}

void gather_state_base::fail(std::exception_ptr error) noexcept {
  finish_failed(std::move(error));
  release_children();
}

void gather_state_base::end_visit() noexcept {
  visiting_ = false;
  if (done()) release_children();
}

void gather_state_base::release_children() noexcept {
  if (visiting_) return;
  for (std::size_t i = 0; i < count_; ++i)
    children_[i].let_go();
}

gather_start::~gather_start() {
  if (finished_) return;
  for (std::size_t i = 0; i < added_; ++i) {
    gather_child& c = state_.children_[i];
    if (c.own) c.future().cancel({});
    c.unwatch();
    c.let_go();
  }
  if (std::exchange(state_.watched_, 0) > 0) state_.release();
}

void gather_start::add(ref<future_state_base> future, bool own) {
  gather_child& c = state_.children_[added_++];
  c.owner = &state_;
  c.own = own;
  // Nobody but the gather can do anything about a task that it has made, so its end with the loop is no news.
  if (own) future->as_task()->reported_pending = true;
  if (duplicates_ && !own && !seen_.insert(future.get()).second) return c.keep(std::move(future));
  ++state_.unfinished_;
  c.was_done = future->done();
  if (c.was_done) return c.keep(std::move(future));
  if (state_.watched_++ == 0) state_.add_ref();
  c.watch(std::move(future));
}

void gather_start::finish() noexcept {
  finished_ = true;
  state_.visiting_ = true;
  for (std::size_t i = 0; i < added_; ++i)
    if (gather_child& c = state_.children_[i]; c.was_done) state_.child_done(c.future());
  if (added_ == 0) state_.store_results();
  state_.end_visit();
}

std::exception_ptr settled_error(future_state_base& state) {
  // The awaiters of a cancelled child share one exception with its task; this one is apart, as in asyncio.
  if (state.cancelled()) return std::make_exception_ptr(cancelled_error(state.cancel_text()));
  return state.exception();
}

} // namespace detail
RONDO_END_NAMESPACE
