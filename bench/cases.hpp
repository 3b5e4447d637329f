// The work that the benchmarks measure, as a rondo program does it and as a program on bare Asio does it.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/rondo.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <exception>
#include <string_view>
#include <vector>

// Every case does `n` operations one after another or, where its name says so, for a hundred or a thousand coroutines.
// Both sides run on an io_context(1), and both have a timer: an io_context without one has no reactor and skips a system
// call in each turn, which no real program does.

namespace bench {

using boost::asio::awaitable;
using case_function = awaitable<void> (*)(long n);

inline awaitable<void> trivial() { co_return; }

/// How many rounds of `size` operations it takes to do n.
constexpr long rounds(long n, long size) { return (n + size - 1) / size; }

namespace on_rondo {

inline awaitable<void> create_await(long n) {
  for (long i = 0; i < n; ++i) {
    auto t = rondo::create_task(trivial());
    co_await t.get();
  }
}

inline awaitable<void> spawn_1000(long n) {
  std::vector<rondo::task<void>> tasks;
  tasks.reserve(1000);
  for (long round = rounds(n, 1000); round > 0; --round) {
    for (int i = 0; i < 1000; ++i)
      tasks.push_back(rondo::create_task(trivial()));
    for (rondo::task<void>& t : tasks)
      co_await t.get();
    tasks.clear();
  }
}

inline awaitable<void> yield_1(long n) {
  for (long i = 0; i < n; ++i)
    co_await rondo::sleep(std::chrono::nanoseconds(0));
}

inline awaitable<void> yield_100(long n) {
  std::vector<rondo::task<void>> tasks;
  for (int i = 0; i < 100; ++i)
    tasks.push_back(rondo::create_task(yield_1(rounds(n, 100))));
  for (rondo::task<void>& t : tasks)
    co_await t.get();
}

inline awaitable<void> ready_wait(long n) {
  auto f = rondo::get_running_loop().create_future<void>();
  f.set_result();
  for (long i = 0; i < n; ++i)
    co_await f.get();
}

/// A loop of its own for one case.
class subject {
public:
  void run(case_function f, long n) { runner_.run(f(n)); }

private:
  rondo::runner runner_;
  boost::asio::steady_timer timer_{runner_.loop().get_executor()};
};

} // namespace on_rondo

namespace on_asio {

using boost::asio::co_spawn;
using boost::asio::use_awaitable;

inline awaitable<void> create_await(long n) {
  const auto executor = co_await boost::asio::this_coro::executor;
  for (long i = 0; i < n; ++i)
    co_await co_spawn(executor, trivial(), use_awaitable);
}

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

inline awaitable<void> spawn_1000(long n) {
  const auto executor = co_await boost::asio::this_coro::executor;
  for (long round = rounds(n, 1000); round > 0; --round) {
    countdown done(executor, 1000);
    for (int i = 0; i < 1000; ++i)
      co_spawn(executor, trivial(), [&done](std::exception_ptr e) { done.end(e); });
    co_await done.wait();
  }
}

inline awaitable<void> yield_1(long n) {
  for (long i = 0; i < n; ++i)
    co_await boost::asio::post(use_awaitable);
}

inline awaitable<void> yield_100(long n) {
  const auto executor = co_await boost::asio::this_coro::executor;
  countdown done(executor, 100);
  for (int i = 0; i < 100; ++i)
    co_spawn(executor, yield_1(rounds(n, 100)), [&done](std::exception_ptr e) { done.end(e); });
  co_await done.wait();
}

/// Bare Asio has no future; what comes nearest to a wait that is over already is a turn of the executor.
inline awaitable<void> ready_wait(long n) { return yield_1(n); }

class subject {
public:
  void run(case_function f, long n) {
    std::exception_ptr error;
    co_spawn(context_, f(n), [&](std::exception_ptr e) { error = e; });
    context_.run();
    context_.restart();
    if (error) std::rethrow_exception(error);
  }

private:
  boost::asio::io_context context_{1};
  boost::asio::steady_timer timer_{context_};
};

} // namespace on_asio

struct named_case {
  std::string_view name;
  case_function rondo;
  case_function asio;
};

inline constexpr named_case cases[] = {
    {"create_await", on_rondo::create_await, on_asio::create_await},
    {"spawn_1000", on_rondo::spawn_1000, on_asio::spawn_1000},
    {"yield_1", on_rondo::yield_1, on_asio::yield_1},
    {"yield_100", on_rondo::yield_100, on_asio::yield_100},
    {"ready_wait", on_rondo::ready_wait, on_asio::ready_wait},
};

} // namespace bench
