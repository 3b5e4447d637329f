// SPDX-License-Identifier: BSL-1.0
#include "loop_core.hpp"

#include <rondo/as_completed.hpp>

#include <fmt/format.h>

#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace detail {

completion_queue::~completion_queue() = default;

void completion_queue::start(time_limit limit) {
  const std::size_t count = size();
  order_.reserve(count);
  watchers_ = std::make_unique<watcher[]>(count);
  limit_ = limit;
  if (count > 0) timer_.arm(*this, limit);
  unclaimed_ = count;
  for (std::size_t i = 0; i < count; ++i)
    watchers_[i].watch(*this, item(i));
}

void completion_queue::watcher::watch(completion_queue& owner, future_state_base& state) noexcept {
  owner_ = &owner;
  watch_node::watch(state);
}

void completion_queue::watcher::done(future_state_base&) noexcept {
  owner_->put(static_cast<std::size_t>(this - owner_->watchers_.get()));
}

void completion_queue::timer::arm(completion_queue& owner, time_limit limit) {
  owner_ = &owner;
  limit_timer::arm(owner.core(), limit);
}

void completion_queue::timer::expired() noexcept { owner_->time_out(); }

void completion_queue::put(std::size_t entry) noexcept {
  order_.push_back(entry);
  if (order_.size() == size()) timer_.disarm();
  wake_next();
}

void completion_queue::wake_next() noexcept {
  if (!consumers_.empty()) consumers_.pop_front().called();
}

void completion_queue::time_out() noexcept {
  for (std::size_t i = 0; i < size(); ++i) {
    if (!watchers_[i].watching()) continue;
    watchers_[i].unwatch();
    put(timed_out);
  }
}

void completion_queue::give_back() noexcept {
  ++unclaimed_;
  if (!empty() && !core_->closed()) wake_next();
}

std::size_t completion_queue::take() {
  const std::size_t entry = order_[taken_++];
  if (entry == timed_out)
    throw timeout_error(
        fmt::format("as_completed: not all were done after {:.3f} s", std::chrono::duration<double>(*limit_).count()));
  return entry;
}

std::string completion_queue::waits_for() const {
  pending_names names;
  for (std::size_t i = 0; i < size(); ++i)
    names.add(item(i));
  return fmt::format("the next of {} futures, pending: {}", size(), names.text());
}

completion_wait::~completion_wait() {
  if (claimed_) queue_->give_back();
}

bool completion_wait::ready() const noexcept {
  const loop_core& core = queue_->core();
  return (this_thread().core == &core || at_rest(core)) && (queue_->over() || !queue_->empty());
}

void completion_wait::park() {
  if (&queue_->core() != core_)
    return fail(std::make_exception_ptr(
        std::runtime_error("as_completed: next() was called on a different loop than as_completed")));
  if (queue_->over()) {
    ended_ = true;
    return complete_now();
  }
  queue_->claim();
  claimed_ = true;
  if (!queue_->empty()) return complete_now();
  queue_up();
  parked();
}

void completion_wait::queue_up() noexcept {
  in_line_ = true;
  queue_->add_consumer(*this);
}

void completion_wait::called() noexcept {
  in_line_ = false;
  push_ready(*core_, *this);
}

bool completion_wait::cancel(optional_text& message) noexcept {
  if (!std::exchange(in_line_, false)) return false;
  push_cancelled(message);
  return true;
}

void completion_wait::run() noexcept {
  const bool fails = cancelled_ || failed_ || (owner_ && owner_->must_cancel);
  if (fails || ended_ || !queue_->empty()) return wait_node::run();
  queue_up();
}

std::optional<std::size_t> completion_wait::take_entry() {
  if (!claimed_) { // it did not have to wait
    if (ended_ || queue_->over()) return std::nullopt;
    queue_->claim();
  }
  claimed_ = false;
  return queue_->take();
}

} // namespace detail
RONDO_END_NAMESPACE
