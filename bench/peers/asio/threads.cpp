// Another thread hands work to the io_context, which runs on the main thread.
// SPDX-License-Identifier: BSL-1.0
#include "cases.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <future>
#include <thread>
#include <vector>

namespace peers {

namespace {

constexpr long in_flight = 1000;

awaitable<void> trivial() { co_return; }

void submit(asio::io_context& context, long n) {
  std::vector<std::future<void>> submitted;
  for (long left = n; left > 0; left -= in_flight) {
    for (long i = std::min(left, in_flight); i > 0; --i)
      submitted.push_back(asio::co_spawn(context, trivial, asio::use_future));
    for (std::future<void>& f : submitted)
      f.get();
    submitted.clear();
  }
}

using item_channel = asio::experimental::concurrent_channel<void(error_code, long)>;

void produce(item_channel& q, long n) {
  for (long i = 0; i < n; ++i)
    if (!q.try_send(error_code(), i)) q.async_send(error_code(), i, asio::use_future).get();
}

awaitable<void> consume(item_channel& q, long n) {
  for (long i = 0; i < n; ++i)
    co_await q.async_receive(use_awaitable);
}

} // namespace

void thread_roundtrip(meter& m, long n, long) {
  io_context_with_timer context;
  m.start();
  std::jthread other([&] {
    for (long i = 0; i < n; ++i)
      asio::co_spawn(context, trivial, asio::use_future).get();
    context.stop();
  });
  context.run();
  m.stop();
}

void thread_submit(meter& m, long n, long threads) {
  io_context_with_timer context;
  std::atomic<long> left = threads;
  std::vector<std::jthread> others;
  m.start();
  for (long i = 0; i < threads; ++i)
    others.emplace_back([&] {
      submit(context, n / threads);
      if (--left == 0) context.stop();
    });
  context.run();
  m.stop();
}

void thread_queue(meter& m, long n, long capacity) {
  io_context_with_timer context;
  item_channel q(context, static_cast<std::size_t>(capacity));
  m.start();
  std::jthread producer([&] { produce(q, n); });
  asio::co_spawn(context, consume(q, n), [&](std::exception_ptr) { context.stop(); });
  context.run();
  m.stop();
}

} // namespace peers
