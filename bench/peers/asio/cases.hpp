// The cases of the comparison as a program on bare Asio does them. What has no counterpart there is left out.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../common/meter.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>

namespace peers {

namespace asio = boost::asio;
using asio::awaitable;
using asio::use_awaitable;
using boost::system::error_code;

// `size` is, for each case, how many there are of what it is about: tasks, sleepers around it, waiters, frames, threads,
// room in a queue.

awaitable<void> create_await(meter& m, long n, long sleepers);
awaitable<void> spawn(meter& m, long n, long tasks);
awaitable<void> yield(meter& m, long n, long tasks);
awaitable<void> gather(meter& m, long n, long tasks);
awaitable<void> timeout_turn(meter& m, long n, long sleepers);
awaitable<void> exception(meter& m, long n, long depth);

awaitable<void> sleepers(meter& m, long n, long);
awaitable<void> cancel_depth(meter& m, long n, long depth);
awaitable<void> cancel_among(meter& m, long n, long sleepers);

awaitable<void> queue_pingpong(meter& m, long n, long);
awaitable<void> queue_prodcons(meter& m, long n, long capacity);
awaitable<void> queue_getters(meter& m, long n, long getters);
awaitable<void> event_pingpong(meter& m, long n, long);
awaitable<void> event_waiters(meter& m, long n, long waiters);
awaitable<void> lock_uncontended(meter& m, long n, long);
awaitable<void> lock_contended(meter& m, long n, long tasks);

void thread_roundtrip(meter& m, long n, long);
void thread_submit(meter& m, long n, long threads);
void thread_queue(meter& m, long n, long capacity);

void echo_callbacks(meter&, long port, long);
void echo_use_awaitable(meter&, long port, long);
void echo_deferred(meter&, long port, long);

/// Coroutines that sleep until the end of the program; they have begun when it returns.
awaitable<void> start_sleepers(long n);

/// A timer that is far away: without one Asio would skip a system call that every real program makes in each turn.
class io_context_with_timer : public asio::io_context {
public:
  io_context_with_timer() : asio::io_context(1), timer_(*this, std::chrono::hours(24)) {
    timer_.async_wait([](error_code) {});
  }

private:
  asio::steady_timer timer_;
};

/// Asio has nothing to await many coroutines with; programs count them down and use a timer as the event.
class countdown {
public:
  countdown(const asio::any_io_executor& executor, long n)
      : timer_(executor, asio::steady_timer::time_point::max()), left_(n) {}

  /// A completion handler for one of the coroutines.
  auto one() {
    return [this](std::exception_ptr error) {
      if (error) error_ = error;
      if (--left_ == 0) timer_.cancel();
    };
  }

  awaitable<void> wait() {
    error_code ignored;
    if (left_ > 0) co_await timer_.async_wait(asio::redirect_error(use_awaitable, ignored));
    if (error_) std::rethrow_exception(error_);
  }

private:
  asio::steady_timer timer_;
  long left_;
  std::exception_ptr error_;
};

} // namespace peers
