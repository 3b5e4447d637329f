// SPDX-License-Identifier: BSL-1.0
#include "cases.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <chrono>

namespace peers {

namespace {

using item_channel = asio::experimental::channel<void(error_code, int)>;

/// Asio has no lock; programs use a channel with room for one.
using channel_lock = asio::experimental::channel<void(error_code)>;

/// Nor has it an event; a timer that never expires takes its place.
class timer_event {
public:
  explicit timer_event(const asio::any_io_executor& executor)
      : timer_(executor, asio::steady_timer::time_point::max()) {}

  void set() {
    set_ = true;
    timer_.cancel();
  }
  void clear() { set_ = false; }

  /// Wakes those that wait now.
  void pulse() { timer_.cancel(); }

  awaitable<void> wait() {
    if (!set_) co_await next_pulse();
  }
  awaitable<void> next_pulse() {
    error_code ignored;
    co_await timer_.async_wait(asio::redirect_error(use_awaitable, ignored));
  }

private:
  asio::steady_timer timer_;
  bool set_ = false;
};

awaitable<void> pass_on(item_channel& from, item_channel& to, long n) {
  for (long i = 0; i < n; ++i) {
    const int item = co_await from.async_receive(use_awaitable);
    co_await to.async_send(error_code(), item, use_awaitable);
  }
}

awaitable<void> produce(item_channel& q, long n) {
  for (long i = 0; i < n; ++i)
    co_await q.async_send(error_code(), 1, use_awaitable);
}

awaitable<void> consume(item_channel& q) {
  while (true)
    co_await q.async_receive(use_awaitable);
}

awaitable<void> answer(timer_event& ping, timer_event& pong, long n) {
  for (long i = 0; i < n; ++i) {
    co_await ping.wait();
    ping.clear();
    pong.set();
  }
}

awaitable<void> wait_often(timer_event& e, long n) {
  for (long i = 0; i < n; ++i)
    co_await e.next_pulse();
}

awaitable<void> lock_and_yield(channel_lock& l, long n) {
  for (long i = 0; i < n; ++i) {
    co_await l.async_send(error_code(), use_awaitable);
    co_await asio::post(use_awaitable);
    l.try_receive([](error_code) {});
  }
}

} // namespace

awaitable<void> queue_pingpong(meter& m, long n, long) {
  const auto executor = co_await asio::this_coro::executor;
  item_channel there(executor, 1), back(executor, 1);
  asio::co_spawn(executor, pass_on(there, back, n), asio::detached);
  m.start();
  for (long i = 0; i < n; ++i) {
    co_await there.async_send(error_code(), 1, use_awaitable);
    co_await back.async_receive(use_awaitable);
  }
  m.stop();
  m.report(); // the other coroutine may still be about to end
}

awaitable<void> queue_prodcons(meter& m, long n, long capacity) {
  const auto executor = co_await asio::this_coro::executor;
  item_channel q(executor, static_cast<std::size_t>(capacity));
  m.start();
  asio::co_spawn(executor, produce(q, n), asio::detached);
  for (long i = 0; i < n; ++i)
    co_await q.async_receive(use_awaitable);
  m.stop();
  m.report();
}

awaitable<void> queue_getters(meter& m, long n, long getters) {
  const auto executor = co_await asio::this_coro::executor;
  item_channel q(executor, 1024);
  for (long i = 0; i < getters; ++i)
    asio::co_spawn(executor, consume(q), asio::detached);
  for (int turn = 0; turn < 10; ++turn)
    co_await asio::post(use_awaitable);
  m.start();
  for (long i = 0; i < n; ++i) {
    q.try_send(error_code(), 1);
    co_await asio::post(use_awaitable);
  }
  m.stop();
  m.report();
}

awaitable<void> event_pingpong(meter& m, long n, long) {
  const auto executor = co_await asio::this_coro::executor;
  timer_event ping(executor), pong(executor);
  asio::co_spawn(executor, answer(ping, pong, n), asio::detached);
  m.start();
  for (long i = 0; i < n; ++i) {
    ping.set();
    co_await pong.wait();
    pong.clear();
  }
  m.stop();
  m.report();
}

awaitable<void> event_waiters(meter& m, long n, long waiters) {
  const auto executor = co_await asio::this_coro::executor;
  timer_event e(executor);
  const long times = rounds(n, waiters);
  countdown left(executor, waiters);
  for (long i = 0; i < waiters; ++i)
    asio::co_spawn(executor, wait_often(e, times), left.one());
  for (int turn = 0; turn < 10; ++turn)
    co_await asio::post(use_awaitable);
  m.start();
  for (long round = 0; round < times; ++round) {
    e.pulse();
    co_await asio::post(use_awaitable);
  }
  m.stop();
  co_await left.wait();
}

awaitable<void> lock_uncontended(meter& m, long n, long) {
  channel_lock l(co_await asio::this_coro::executor, 1);
  m.start();
  for (long i = 0; i < n; ++i) {
    co_await l.async_send(error_code(), use_awaitable);
    l.try_receive([](error_code) {});
  }
  m.stop();
}

awaitable<void> lock_contended(meter& m, long n, long tasks) {
  const auto executor = co_await asio::this_coro::executor;
  channel_lock l(executor, 1);
  countdown left(executor, tasks);
  co_await l.async_send(error_code(), use_awaitable);
  for (long i = 0; i < tasks; ++i)
    asio::co_spawn(executor, lock_and_yield(l, rounds(n, tasks)), left.one());
  for (int turn = 0; turn < 10; ++turn)
    co_await asio::post(use_awaitable);
  m.start();
  l.try_receive([](error_code) {});
  co_await left.wait();
  m.stop();
}

} // namespace peers
