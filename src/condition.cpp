// SPDX-License-Identifier: BSL-1.0
#include <rondo/condition.hpp>
#include <rondo/detail/shield.hpp>
#include <rondo/errors.hpp>

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <exception>
#include <optional>
#include <stdexcept>

RONDO_BEGIN_NAMESPACE

namespace {

/// What the coroutine has to know after the wait, which may end with an exception.
struct notified {
  bool task = false; // it is a task's own coroutine
  bool gone = false; // the condition was destroyed
};

class notification final : public detail::wait_op<void, notification, detail::line_wait> {
  using base = detail::wait_op<void, notification, detail::line_wait>;

public:
  notification(detail::waiting_line& line, notified& end) noexcept : base(line), line_(&line), end_(&end) {}
  ~notification() {
    if (orphaned()) end_->gone = true;
  }

  std::string waits_for() const override {
    return orphaned() ? "what was destroyed" : fmt::format("a {}", line_->owner());
  }

private:
  friend base;

  void park() override {
    end_->task = owner() != nullptr;
    wait();
  }
  bool turn(bool) noexcept override { return true; }
  void take() const noexcept {}

  const detail::waiting_line* line_;
  notified* end_;
};

/// Acquires the lock again; a cancellation that comes meanwhile replaces the error. False if that is impossible.
awaitable<bool> acquire_again(lock& m, bool task, std::exception_ptr& error) {
  std::optional<detail::shield_guard> shield;
  if (task) shield.emplace();
  bool acquired = false;
  for (bool possible = true; possible && !acquired;) {
    try {
      co_await m.acquire();
      acquired = true;
    } catch (const cancelled_error&) {
      error = std::current_exception();
    } catch (...) { // the lock was destroyed, or belongs to another loop
      error = std::current_exception();
      possible = false;
    }
  }
  co_return acquired;
}

} // namespace

condition::condition() : condition(std::make_unique<lock>(), "condition") {}
condition::condition(lock& shared) noexcept : lock_(&shared), line_("condition") {}
condition::condition(std::unique_ptr<lock> own, const char* name) noexcept
    : own_(std::move(own)), lock_(own_.get()), line_(name) {}
condition::~condition() = default;

awaitable<void> condition::wait() {
  if (!locked()) throw std::runtime_error("cannot wait on un-acquired lock");
  line_.bind(detail::running_core());
  release();
  notified end;
  std::exception_ptr error;
  try {
    co_await notification(line_, end);
  } catch (...) {
    error = std::current_exception();
  }
  if (end.gone) std::rethrow_exception(error);
  // Where a cancellation stays, in a scope and in a coroutine that Asio cancels, every wait throws: nobody could get the
  // lock back there.
  const bool throws = co_await boost::asio::this_coro::throw_if_cancelled();
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  const bool acquired = co_await acquire_again(*lock_, end.task, error);
  co_await boost::asio::this_coro::throw_if_cancelled(throws);
  if (!error) co_return;
  // The notification may have been for this task, which cannot make use of it.
  if (acquired) line_.wake_next();
  std::rethrow_exception(error);
}

void condition::notify(std::size_t n) {
  if (!locked()) throw std::runtime_error("cannot notify on un-acquired lock");
  line_.check_thread("condition::notify");
  while (n-- > 0 && line_.wake_next()) {
  }
}

void condition::notify_all() {
  if (!locked()) throw std::runtime_error("cannot notify on un-acquired lock");
  line_.check_thread("condition::notify_all");
  line_.wake_all();
}

RONDO_END_NAMESPACE
