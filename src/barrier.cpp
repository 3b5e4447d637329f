// SPDX-License-Identifier: BSL-1.0
#include <rondo/barrier.hpp>
#include <rondo/errors.hpp>

#include <fmt/format.h>

#include <stdexcept>

RONDO_BEGIN_NAMESPACE

struct barrier::state {
  explicit state(std::size_t n) : parties(n), changed(std::make_unique<lock>(), "barrier") {}

  const std::size_t parties;
  std::size_t count = 0; // tasks between their arrival and their leaving
  barrier::phase phase = phase::filling;
  bool gone = false; // the barrier was destroyed
  condition changed; // the phase

  [[noreturn]] void throw_broken(const char* why) const {
    throw broken_barrier_error(gone ? "Barrier destroyed while a task waited for it" : why);
  }
};

/// Counts a task from its arrival to its leaving.
class barrier::place {
public:
  explicit place(state& s) noexcept : state_(s), index(s.count++) {}
  place(const place&) = delete;
  place& operator=(const place&) = delete;
  ~place() {
    if (--state_.count != 0) return;
    if (state_.phase == phase::draining || state_.phase == phase::resetting) state_.phase = phase::filling;
    state_.changed.line_.wake_all();
  }

private:
  state& state_;

public:
  const std::size_t index;
};

barrier::barrier(std::ptrdiff_t parties) {
  if (parties < 1) throw std::invalid_argument(fmt::format("parties must be >= 1, not {}", parties));
  state_ = std::make_shared<state>(static_cast<std::size_t>(parties));
}

barrier::~barrier() {
  state_->gone = true;
  if (state_->phase == phase::filling) state_->phase = phase::broken; // who is leaving may do so
  state_->changed.line_.wake_all();
}

awaitable<std::size_t> barrier::wait() { return wait_at(state_); }
awaitable<void> barrier::reset() { return change(state_, false); }
awaitable<void> barrier::abort() { return change(state_, true); }

awaitable<std::size_t> barrier::wait_at(std::shared_ptr<state> s) {
  const auto guard = co_await s->changed.scoped();
  const auto is_left = [&s] { return s->gone || (s->phase != phase::draining && s->phase != phase::resetting); };
  co_await s->changed.wait_for(is_left);
  if (s->phase == phase::broken || s->gone) s->throw_broken("Barrier aborted");
  const place here(*s);
  if (here.index + 1 == s->parties) {
    s->phase = phase::draining;
    s->changed.notify_all();
    co_return here.index;
  }
  const auto is_full = [&s] { return s->phase != phase::filling; };
  co_await s->changed.wait_for(is_full);
  if (s->phase != phase::draining) s->throw_broken("Abort or reset of barrier");
  co_return here.index;
}

awaitable<void> barrier::change(std::shared_ptr<state> s, bool abort) {
  const auto guard = co_await s->changed.scoped();
  if (abort)
    s->phase = phase::broken;
  else
    s->phase = s->count > 0 ? phase::resetting : phase::filling;
  s->changed.notify_all();
}

std::size_t barrier::parties() const noexcept { return state_->parties; }
std::size_t barrier::n_waiting() const noexcept { return state_->phase == phase::filling ? state_->count : 0; }
bool barrier::broken() const noexcept { return state_->phase == phase::broken; }
sync_statistics barrier::statistics() const noexcept { return state_->changed.statistics(); }

RONDO_END_NAMESPACE
