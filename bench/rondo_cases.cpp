// SPDX-License-Identifier: BSL-1.0
#include "cases.hpp"

#include <rondo/rondo.hpp>

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <vector>

namespace bench::on_rondo {

namespace {
awaitable<void> trivial() { co_return; }
} // namespace

awaitable<void> create_await(long n) {
  for (long i = 0; i < n; ++i) {
    auto t = rondo::create_task(trivial());
    co_await t.get();
  }
}

awaitable<void> spawn_1000(long n) {
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

awaitable<void> yield_1(long n) {
  for (long i = 0; i < n; ++i)
    co_await rondo::sleep(std::chrono::nanoseconds(0));
}

awaitable<void> yield_2(long n) {
  rondo::task<void> other = rondo::create_task(yield_1(rounds(n, 2)));
  co_await yield_1(rounds(n, 2));
  co_await other.get();
}

awaitable<void> yield_100(long n) {
  std::vector<rondo::task<void>> tasks;
  for (int i = 0; i < 100; ++i)
    tasks.push_back(rondo::create_task(yield_1(rounds(n, 100))));
  for (rondo::task<void>& t : tasks)
    co_await t.get();
}

awaitable<void> ready_wait(long n) {
  auto f = rondo::get_running_loop().create_future<void>();
  f.set_result();
  for (long i = 0; i < n; ++i)
    co_await f.get();
}

awaitable<void> gather_1000(long n) {
  for (long round = rounds(n, 1000); round > 0; --round) {
    std::vector<awaitable<void>> sources;
    sources.reserve(1000);
    for (int i = 0; i < 1000; ++i)
      sources.push_back(trivial());
    co_await rondo::gather(std::move(sources));
  }
}

awaitable<void> timeout_ready(long n) {
  auto f = rondo::get_running_loop().create_future<void>();
  f.set_result();
  for (long i = 0; i < n; ++i)
    co_await rondo::wait_for(f, std::chrono::hours(1));
}

awaitable<void> timeout_turn(long n) {
  for (long i = 0; i < n; ++i)
    co_await rondo::wait_for(rondo::sleep(std::chrono::seconds(0)), std::chrono::hours(1));
}

namespace {

/// Runs a case while as many other time limits are running.
awaitable<void> among_100k(awaitable<void> measured) {
  std::vector<rondo::callback_handle> others;
  others.reserve(100000);
  for (int i = 0; i < 100000; ++i)
    others.push_back(rondo::get_running_loop().call_later(std::chrono::hours(2), [] {}));
  co_await std::move(measured);
  for (rondo::callback_handle& h : others)
    h.cancel();
}

} // namespace

awaitable<void> timeout_ready_100k(long n) { return among_100k(timeout_ready(n)); }
awaitable<void> timeout_turn_100k(long n) { return among_100k(timeout_turn(n)); }

awaitable<void> group_1000(long n) {
  for (long round = rounds(n, 1000); round > 0; --round)
    co_await rondo::with_task_group([](rondo::task_group& group) {
      for (int i = 0; i < 1000; ++i)
        group.create_task(trivial());
    });
}

awaitable<void> lock_uncontended(long n) {
  rondo::lock m;
  for (long i = 0; i < n; ++i) {
    co_await m.acquire();
    m.release();
  }
}

namespace {

awaitable<void> lock_and_yield(rondo::lock& m, long n) {
  for (long i = 0; i < n; ++i) {
    co_await m.acquire();
    co_await rondo::sleep(std::chrono::nanoseconds(0));
    m.release();
  }
}

awaitable<void> produce(rondo::queue<int>& q, long n) {
  for (long i = 0; i < n; ++i)
    co_await q.put(1);
}

awaitable<void> send_back(rondo::queue<int>& from, rondo::queue<int>& to, long n) {
  for (long i = 0; i < n; ++i) {
    const int item = co_await from.get();
    co_await to.put(item);
  }
}

awaitable<void> answer(rondo::event& ping, rondo::event& pong, long n) {
  for (long i = 0; i < n; ++i) {
    co_await ping.wait();
    ping.clear();
    pong.set();
  }
}

} // namespace

awaitable<void> lock_contended(long n) {
  rondo::lock m;
  std::vector<rondo::task<void>> tasks;
  for (int i = 0; i < 100; ++i)
    tasks.push_back(rondo::create_task(lock_and_yield(m, rounds(n, 100))));
  for (rondo::task<void>& t : tasks)
    co_await t.get();
}

awaitable<void> queue_ready(long n) {
  rondo::queue<int> q;
  for (long i = 0; i < n; ++i) {
    co_await q.put(1);
    co_await q.get();
  }
}

awaitable<void> queue_prodcons(long n) {
  rondo::queue<int> q(1024);
  rondo::task<void> producer = rondo::create_task(produce(q, n));
  for (long i = 0; i < n; ++i)
    co_await q.get();
  co_await producer.get();
}

awaitable<void> queue_pingpong(long n) {
  rondo::queue<int> there(1), back(1);
  rondo::task<void> other = rondo::create_task(send_back(there, back, n));
  for (long i = 0; i < n; ++i) {
    co_await there.put(1);
    co_await back.get();
  }
  co_await other.get();
}

awaitable<void> event_pingpong(long n) {
  rondo::event ping, pong;
  rondo::task<void> other = rondo::create_task(answer(ping, pong, n));
  for (long i = 0; i < n; ++i) {
    ping.set();
    co_await pong.wait();
    pong.clear();
  }
  co_await other.get();
}

struct subject::impl {
  rondo::runner runner;
  boost::asio::steady_timer timer{runner.loop().get_executor()};
};

subject::subject() : impl_(std::make_unique<impl>()) {}
subject::~subject() = default;

void subject::run(case_function f, long n) { impl_->runner.run(f(n)); }

} // namespace bench::on_rondo
