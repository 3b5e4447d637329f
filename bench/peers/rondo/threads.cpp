// Another thread hands work to the loop, which is that of the main thread.
// SPDX-License-Identifier: BSL-1.0
#include "cases.hpp"

#include <rondo/rondo.hpp>

#include <algorithm>
#include <thread>
#include <vector>

namespace peers {

namespace {

constexpr long in_flight = 1000;

awaitable<void> trivial() { co_return; }

void submit(rondo::event_loop loop, long n) {
  std::vector<rondo::concurrent_future<void>> submitted;
  for (long left = n; left > 0; left -= in_flight) {
    for (long i = std::min(left, in_flight); i > 0; --i)
      submitted.push_back(rondo::run_coroutine_threadsafe(trivial, loop));
    for (rondo::concurrent_future<void>& f : submitted)
      f.result();
    submitted.clear();
  }
}

} // namespace

awaitable<void> thread_roundtrip(meter& m, long n, long) {
  rondo::event_loop loop = rondo::get_running_loop();
  rondo::thread_event end;
  m.start();
  std::jthread other([=] {
    for (long i = 0; i < n; ++i)
      rondo::run_coroutine_threadsafe(trivial, loop).result();
    end.set();
  });
  co_await end.wait();
  m.stop();
}

awaitable<void> thread_submit(meter& m, long n, long threads) {
  rondo::event_loop loop = rondo::get_running_loop();
  std::vector<rondo::thread_event> ends(static_cast<std::size_t>(threads));
  std::vector<std::jthread> others;
  m.start();
  for (const rondo::thread_event& end : ends)
    others.emplace_back([=] {
      submit(loop, n / threads);
      end.set();
    });
  for (const rondo::thread_event& end : ends)
    co_await end.wait();
  m.stop();
}

awaitable<void> thread_queue(meter& m, long n, long capacity) {
  rondo::thread_queue<long> q(static_cast<std::size_t>(capacity));
  m.start();
  std::jthread producer([=] {
    for (long i = 0; i < n; ++i)
      q.blocking_put(i);
  });
  for (long i = 0; i < n; ++i)
    co_await q.get();
  m.stop();
}

} // namespace peers
