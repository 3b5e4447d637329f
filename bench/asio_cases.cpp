// SPDX-License-Identifier: BSL-1.0
#include "cases.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <exception>
#include <vector>

namespace bench::on_asio {

using boost::asio::co_spawn;
using boost::asio::use_awaitable;

namespace {

awaitable<void> trivial() { co_return; }

/// Bare Asio has nothing to await many coroutines with; programs count them down and use a timer as the event.
class countdown {
public:
  countdown(const boost::asio::any_io_executor& executor, int n)
      : timer_(executor, boost::asio::steady_timer::time_point::max()), left_(n) {}

  void end(std::exception_ptr error) {
    if (error) error_ = error;
    if (--left_ == 0) timer_.cancel();
  }

  awaitable<void> wait() {
    boost::system::error_code ignored;
    if (left_ > 0) co_await timer_.async_wait(boost::asio::redirect_error(use_awaitable, ignored));
    if (error_) std::rethrow_exception(error_);
  }

private:
  boost::asio::steady_timer timer_;
  int left_;
  std::exception_ptr error_;
};

} // namespace

awaitable<void> create_await(long n) {
  const auto executor = co_await boost::asio::this_coro::executor;
  for (long i = 0; i < n; ++i)
    co_await co_spawn(executor, trivial(), use_awaitable);
}

awaitable<void> spawn_1000(long n) {
  const auto executor = co_await boost::asio::this_coro::executor;
  for (long round = rounds(n, 1000); round > 0; --round) {
    countdown done(executor, 1000);
    for (int i = 0; i < 1000; ++i)
      co_spawn(executor, trivial(), [&done](std::exception_ptr e) { done.end(e); });
    co_await done.wait();
  }
}

awaitable<void> yield_1(long n) {
  for (long i = 0; i < n; ++i)
    co_await boost::asio::post(use_awaitable);
}

awaitable<void> yield_2(long n) {
  const auto executor = co_await boost::asio::this_coro::executor;
  countdown done(executor, 1);
  co_spawn(executor, yield_1(rounds(n, 2)), [&done](std::exception_ptr e) { done.end(e); });
  co_await yield_1(rounds(n, 2));
  co_await done.wait();
}

awaitable<void> yield_100(long n) {
  const auto executor = co_await boost::asio::this_coro::executor;
  countdown done(executor, 100);
  for (int i = 0; i < 100; ++i)
    co_spawn(executor, yield_1(rounds(n, 100)), [&done](std::exception_ptr e) { done.end(e); });
  co_await done.wait();
}

/// Bare Asio has no future; what comes nearest to a wait that is over already is a turn of the executor.
awaitable<void> ready_wait(long n) { return yield_1(n); }

awaitable<void> gather_1000(long n) {
  namespace experimental = boost::asio::experimental;
  const auto executor = co_await boost::asio::this_coro::executor;
  using operation = decltype(co_spawn(executor, trivial(), boost::asio::deferred));
  for (long round = rounds(n, 1000); round > 0; --round) {
    std::vector<operation> operations;
    operations.reserve(1000);
    for (int i = 0; i < 1000; ++i)
      operations.push_back(co_spawn(executor, trivial(), boost::asio::deferred));
    co_await experimental::make_parallel_group(std::move(operations))
        .async_wait(experimental::wait_for_all(), use_awaitable);
  }
}

namespace {

/// What comes nearest to an operation that is ready, with a limit: a turn of the executor beside a timer.
awaitable<void> limited(const boost::asio::any_io_executor& executor, boost::asio::steady_timer& limit) {
  namespace experimental = boost::asio::experimental;
  limit.expires_after(std::chrono::hours(1));
  co_await experimental::make_parallel_group(boost::asio::post(executor, boost::asio::deferred),
                                             limit.async_wait(boost::asio::deferred))
      .async_wait(experimental::wait_for_one(), use_awaitable);
}

} // namespace

awaitable<void> timeout_ready(long n) {
  const auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer limit(executor);
  for (long i = 0; i < n; ++i)
    co_await limited(executor, limit);
}

awaitable<void> timeout_ready_100k(long n) {
  const auto executor = co_await boost::asio::this_coro::executor;
  std::vector<boost::asio::steady_timer> others;
  others.reserve(100000);
  for (int i = 0; i < 100000; ++i) {
    others.emplace_back(executor, std::chrono::hours(2));
    others.back().async_wait([](boost::system::error_code) {});
  }
  co_await timeout_ready(n);
}

/// Bare Asio knows no operation that is ready, so these two are the same.
awaitable<void> timeout_turn(long n) { return timeout_ready(n); }
awaitable<void> timeout_turn_100k(long n) { return timeout_ready_100k(n); }

/// Bare Asio has no task group.
awaitable<void> group_1000(long n) { return gather_1000(n); }

namespace {

using boost::system::error_code;
using item_channel = boost::asio::experimental::channel<void(error_code, int)>;

/// Bare Asio has no lock; programs use a channel with room for one.
using channel_lock = boost::asio::experimental::channel<void(error_code)>;

awaitable<void> lock_and_yield(channel_lock& m, long n) {
  for (long i = 0; i < n; ++i) {
    co_await m.async_send(error_code(), use_awaitable);
    co_await boost::asio::post(use_awaitable);
    m.try_receive([](error_code) {});
  }
}

awaitable<void> send_back(item_channel& from, item_channel& to, long n) {
  for (long i = 0; i < n; ++i) {
    const int item = co_await from.async_receive(use_awaitable);
    co_await to.async_send(boost::system::error_code(), item, use_awaitable);
  }
}

awaitable<void> produce(item_channel& q, long n) {
  for (long i = 0; i < n; ++i)
    co_await q.async_send(error_code(), 1, use_awaitable);
}

/// Nor has it an event; a timer that never expires takes its place.
class timer_event {
public:
  explicit timer_event(const boost::asio::any_io_executor& executor)
      : timer_(executor, boost::asio::steady_timer::time_point::max()) {}

  void set() {
    set_ = true;
    timer_.cancel();
  }
  void clear() { set_ = false; }

  awaitable<void> wait() {
    error_code ignored;
    while (!set_)
      co_await timer_.async_wait(boost::asio::redirect_error(use_awaitable, ignored));
  }

private:
  boost::asio::steady_timer timer_;
  bool set_ = false;
};

awaitable<void> answer(timer_event& ping, timer_event& pong, long n) {
  for (long i = 0; i < n; ++i) {
    co_await ping.wait();
    ping.clear();
    pong.set();
  }
}

} // namespace

awaitable<void> lock_uncontended(long n) {
  channel_lock m(co_await boost::asio::this_coro::executor, 1);
  for (long i = 0; i < n; ++i) {
    co_await m.async_send(error_code(), use_awaitable);
    m.try_receive([](error_code) {});
  }
}

awaitable<void> lock_contended(long n) {
  const auto executor = co_await boost::asio::this_coro::executor;
  channel_lock m(executor, 1);
  countdown done(executor, 100);
  for (int i = 0; i < 100; ++i)
    co_spawn(executor, lock_and_yield(m, rounds(n, 100)), [&done](std::exception_ptr e) { done.end(e); });
  co_await done.wait();
}

awaitable<void> queue_ready(long n) {
  item_channel q(co_await boost::asio::this_coro::executor, 1024);
  for (long i = 0; i < n; ++i) {
    co_await q.async_send(error_code(), 1, use_awaitable);
    co_await q.async_receive(use_awaitable);
  }
}

awaitable<void> queue_pingpong(long n) {
  const auto executor = co_await boost::asio::this_coro::executor;
  item_channel there(executor, 1), back(executor, 1);
  countdown done(executor, 1);
  co_spawn(executor, send_back(there, back, n), [&done](std::exception_ptr e) { done.end(e); });
  for (long i = 0; i < n; ++i) {
    co_await there.async_send(boost::system::error_code(), 1, use_awaitable);
    co_await back.async_receive(use_awaitable);
  }
  co_await done.wait();
}

awaitable<void> queue_prodcons(long n) {
  const auto executor = co_await boost::asio::this_coro::executor;
  item_channel q(executor, 1024);
  countdown done(executor, 1);
  co_spawn(executor, produce(q, n), [&done](std::exception_ptr e) { done.end(e); });
  for (long i = 0; i < n; ++i)
    co_await q.async_receive(use_awaitable);
  co_await done.wait();
}

awaitable<void> event_pingpong(long n) {
  const auto executor = co_await boost::asio::this_coro::executor;
  timer_event ping(executor), pong(executor);
  countdown done(executor, 1);
  co_spawn(executor, answer(ping, pong, n), [&done](std::exception_ptr e) { done.end(e); });
  for (long i = 0; i < n; ++i) {
    ping.set();
    co_await pong.wait();
    pong.clear();
  }
  co_await done.wait();
}

struct subject::impl {
  boost::asio::io_context context{1};
  boost::asio::steady_timer timer{context};
};

subject::subject() : impl_(std::make_unique<impl>()) {}
subject::~subject() = default;

void subject::run(case_function f, long n) {
  std::exception_ptr error;
  co_spawn(impl_->context, f(n), [&](std::exception_ptr e) { error = e; });
  impl_->context.run();
  impl_->context.restart();
  if (error) std::rethrow_exception(error);
}

} // namespace bench::on_asio
