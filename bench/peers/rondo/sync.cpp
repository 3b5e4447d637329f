// SPDX-License-Identifier: BSL-1.0
#include "cases.hpp"

#include <rondo/rondo.hpp>

#include <vector>

namespace peers {

using namespace std::chrono_literals;

namespace {

awaitable<void> pass_on(rondo::queue<int>& from, rondo::queue<int>& to, long n) {
  for (long i = 0; i < n; ++i) {
    const int item = co_await from.get();
    co_await to.put(item);
  }
}

awaitable<void> produce(rondo::queue<int>& q, long n) {
  for (long i = 0; i < n; ++i)
    co_await q.put(1);
}

awaitable<void> consume(rondo::queue<int>& q) {
  while (true)
    co_await q.get();
}

awaitable<void> answer(rondo::event& ping, rondo::event& pong, long n) {
  for (long i = 0; i < n; ++i) {
    co_await ping.wait();
    ping.clear();
    pong.set();
  }
}

awaitable<void> wait_often(rondo::event& e, long n) {
  for (long i = 0; i < n; ++i)
    co_await e.wait();
}

awaitable<void> lock_and_yield(rondo::lock& l, long n) {
  for (long i = 0; i < n; ++i) {
    auto guard = co_await l.scoped();
    co_await rondo::sleep(0s);
  }
}

awaitable<void> all(std::vector<rondo::task<void>>& tasks) {
  for (rondo::task<void>& t : tasks)
    co_await t.get();
}

} // namespace

awaitable<void> queue_pingpong(meter& m, long n, long) {
  rondo::queue<int> there(1), back(1);
  auto other = rondo::create_task(pass_on(there, back, n));
  m.start();
  for (long i = 0; i < n; ++i) {
    co_await there.put(1);
    co_await back.get();
  }
  m.stop();
  co_await other.get();
}

awaitable<void> queue_prodcons(meter& m, long n, long capacity) {
  rondo::queue<int> q(capacity);
  m.start();
  auto producer = rondo::create_task(produce(q, n));
  for (long i = 0; i < n; ++i)
    co_await q.get();
  m.stop();
  co_await producer.get();
}

awaitable<void> queue_getters(meter& m, long n, long getters) {
  rondo::queue<int> q;
  std::vector<rondo::task<void>> tasks;
  for (long i = 0; i < getters; ++i)
    tasks.push_back(rondo::create_task(consume(q)));
  co_await rondo::sleep(0s);
  m.start();
  for (long i = 0; i < n; ++i) {
    q.put_nowait(1);
    co_await rondo::sleep(0s);
  }
  m.stop();
  m.report(); // the getters wait for more, in this frame's queue
}

awaitable<void> event_pingpong(meter& m, long n, long) {
  rondo::event ping, pong;
  auto other = rondo::create_task(answer(ping, pong, n));
  m.start();
  for (long i = 0; i < n; ++i) {
    ping.set();
    co_await pong.wait();
    pong.clear();
  }
  m.stop();
  co_await other.get();
}

awaitable<void> event_waiters(meter& m, long n, long waiters) {
  rondo::event e;
  const long times = rounds(n, waiters);
  std::vector<rondo::task<void>> tasks;
  for (long i = 0; i < waiters; ++i)
    tasks.push_back(rondo::create_task(wait_often(e, times)));
  co_await rondo::sleep(0s);
  m.start();
  for (long round = 0; round < times; ++round) {
    e.set();
    e.clear();
    co_await rondo::sleep(0s);
  }
  m.stop();
  co_await all(tasks);
}

awaitable<void> lock_uncontended(meter& m, long n, long) {
  rondo::lock l;
  m.start();
  for (long i = 0; i < n; ++i)
    auto guard = co_await l.scoped();
  m.stop();
}

awaitable<void> lock_contended(meter& m, long n, long tasks) {
  rondo::lock l;
  co_await l.acquire();
  std::vector<rondo::task<void>> started;
  for (long i = 0; i < tasks; ++i)
    started.push_back(rondo::create_task(lock_and_yield(l, rounds(n, tasks))));
  co_await rondo::sleep(0s);
  m.start();
  l.release();
  co_await all(started);
  m.stop();
}

} // namespace peers
