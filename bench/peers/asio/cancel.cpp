// SPDX-License-Identifier: BSL-1.0
#include "cases.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <chrono>
#include <memory>

namespace peers {

namespace {

/// Coroutines that sleep, each with a signal of its own that can cancel it.
class sleeping_tasks {
public:
  sleeping_tasks(const asio::any_io_executor& executor, long n)
      : executor_(executor), timer_(executor, asio::steady_timer::time_point::max()), left_(n), n_(n),
        signals_(std::make_unique<asio::cancellation_signal[]>(static_cast<std::size_t>(n))) {}

  awaitable<void> start(long depth) {
    for (long i = 0; i < n_; ++i)
      asio::co_spawn(executor_, sleep_in(depth),
                     asio::bind_cancellation_slot(signals_[static_cast<std::size_t>(i)].slot(),
                                                  [this](std::exception_ptr) { end(); }));
    while (begun_ < n_)
      co_await asio::post(use_awaitable);
  }

  awaitable<void> cancel() {
    for (long i = 0; i < n_; ++i)
      signals_[static_cast<std::size_t>(i)].emit(asio::cancellation_type::terminal);
    error_code ignored;
    if (left_ > 0) co_await timer_.async_wait(asio::redirect_error(use_awaitable, ignored));
  }

private:
  awaitable<void> sleep_in(long depth) {
    if (depth > 1) {
      co_await sleep_in(depth - 1);
    } else {
      asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
      ++begun_;
      co_await timer.async_wait(use_awaitable);
    }
  }

  void end() {
    if (--left_ == 0) timer_.cancel();
  }

  asio::any_io_executor executor_;
  asio::steady_timer timer_;
  long left_;
  long n_;
  long begun_ = 0;
  std::unique_ptr<asio::cancellation_signal[]> signals_;
};

} // namespace

awaitable<void> sleepers(meter& m, long n, long) {
  const double before = resident_bytes();
  meter creation("", n, 0);
  creation.start();
  sleeping_tasks tasks(co_await asio::this_coro::executor, n);
  co_await tasks.start(1);
  creation.stop();
  m.add("bytes", (resident_bytes() - before) / static_cast<double>(n));
  m.add("create_ns", static_cast<double>(creation.cpu_ns()));
  m.start();
  co_await tasks.cancel();
  m.stop();
}

awaitable<void> cancel_depth(meter& m, long n, long depth) {
  for (long left = n; left > 0; left -= 1000) {
    sleeping_tasks tasks(co_await asio::this_coro::executor, std::min(left, 1000L));
    co_await tasks.start(depth);
    m.start();
    co_await tasks.cancel();
    m.stop();
  }
}

awaitable<void> cancel_among(meter& m, long n, long sleepers) {
  co_await start_sleepers(sleepers);
  co_await cancel_depth(m, n, 1);
}

} // namespace peers
