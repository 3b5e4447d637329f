// SPDX-License-Identifier: BSL-1.0
#include "cases.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <stdexcept>
#include <utility>
#include <vector>

namespace peers {

namespace {

awaitable<void> trivial() { co_return; }

awaitable<void> sleep_long(long& begun) {
  asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(2));
  ++begun;
  co_await timer.async_wait(use_awaitable);
}

awaitable<void> yield_often(long n) {
  for (long i = 0; i < n; ++i)
    co_await asio::post(use_awaitable);
}

awaitable<void> fail(long depth) {
  if (depth > 1) co_await fail(depth - 1);
  throw std::runtime_error("failed");
}

} // namespace

awaitable<void> start_sleepers(long n) {
  const auto executor = co_await asio::this_coro::executor;
  long begun = 0;
  for (long i = 0; i < n; ++i)
    asio::co_spawn(executor, sleep_long(begun), asio::detached);
  while (begun < n)
    co_await asio::post(use_awaitable);
}

awaitable<void> create_await(meter& m, long n, long sleepers) {
  co_await start_sleepers(sleepers);
  const auto executor = co_await asio::this_coro::executor;
  m.start();
  for (long i = 0; i < n; ++i)
    co_await asio::co_spawn(executor, trivial(), use_awaitable);
  m.stop();
}

awaitable<void> spawn(meter& m, long n, long tasks) {
  const auto executor = co_await asio::this_coro::executor;
  m.start();
  for (long round = rounds(n, tasks); round > 0; --round) {
    countdown left(executor, tasks);
    for (long i = 0; i < tasks; ++i)
      asio::co_spawn(executor, trivial(), left.one());
    co_await left.wait();
  }
  m.stop();
}

awaitable<void> yield(meter& m, long n, long tasks) {
  const auto executor = co_await asio::this_coro::executor;
  countdown left(executor, tasks);
  for (long i = 0; i < tasks; ++i)
    asio::co_spawn(executor, yield_often(n / tasks), left.one());
  co_await asio::post(use_awaitable);
  m.start();
  co_await left.wait();
  m.stop();
}

awaitable<void> gather(meter& m, long n, long tasks) {
  namespace experimental = asio::experimental;
  const auto executor = co_await asio::this_coro::executor;
  using operation = decltype(asio::co_spawn(executor, trivial(), asio::deferred));
  m.start();
  for (long round = rounds(n, tasks); round > 0; --round) {
    std::vector<operation> operations;
    operations.reserve(static_cast<std::size_t>(tasks));
    for (long i = 0; i < tasks; ++i)
      operations.push_back(asio::co_spawn(executor, trivial(), asio::deferred));
    co_await experimental::make_parallel_group(std::move(operations))
        .async_wait(experimental::wait_for_all(), use_awaitable);
  }
  m.stop();
}

/// `||` of awaitable_operators would cost four times as much.
awaitable<void> timeout_turn(meter& m, long n, long sleepers) {
  namespace experimental = asio::experimental;
  co_await start_sleepers(sleepers);
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer limit(executor);
  m.start();
  for (long i = 0; i < n; ++i) {
    limit.expires_after(std::chrono::hours(1));
    co_await experimental::make_parallel_group(asio::post(executor, asio::deferred), limit.async_wait(asio::deferred))
        .async_wait(experimental::wait_for_one(), use_awaitable);
  }
  m.stop();
}

awaitable<void> exception(meter& m, long n, long depth) {
  const auto executor = co_await asio::this_coro::executor;
  m.start();
  for (long i = 0; i < n; ++i) {
    try {
      co_await asio::co_spawn(executor, fail(depth), use_awaitable);
    } catch (const std::runtime_error&) {
    }
  }
  m.stop();
}

} // namespace peers
