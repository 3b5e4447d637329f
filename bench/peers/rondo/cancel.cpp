// SPDX-License-Identifier: BSL-1.0
#include "cases.hpp"

#include <rondo/rondo.hpp>

#include <algorithm>
#include <vector>

namespace peers {

using namespace std::chrono_literals;

namespace {

awaitable<void> sleep_in(long depth) {
  if (depth > 1)
    co_await sleep_in(depth - 1);
  else
    co_await rondo::sleep(1h);
}

awaitable<std::vector<rondo::task<void>>> start(long n, long depth) {
  std::vector<rondo::task<void>> tasks;
  tasks.reserve(static_cast<std::size_t>(n));
  for (long i = 0; i < n; ++i)
    tasks.push_back(rondo::create_task(sleep_in(depth)));
  co_await rondo::sleep(0s);
  co_return tasks;
}

awaitable<void> cancel(const std::vector<rondo::task<void>>& tasks) {
  for (const rondo::task<void>& t : tasks)
    t.cancel();
  co_await rondo::gather_settled(tasks);
}

awaitable<void> cancel_in_batches(meter& m, long n, long depth) {
  for (long left = n; left > 0; left -= 1000) {
    const std::vector<rondo::task<void>> tasks = co_await start(std::min(left, 1000L), depth);
    m.start();
    co_await cancel(tasks);
    m.stop();
  }
}

} // namespace

awaitable<void> sleepers(meter& m, long n, long) {
  const double before = resident_bytes();
  meter creation("", n, 0);
  creation.start();
  const std::vector<rondo::task<void>> tasks = co_await start(n, 1);
  creation.stop();
  m.add("bytes", (resident_bytes() - before) / static_cast<double>(n));
  m.add("create_ns", static_cast<double>(creation.cpu_ns()));
  m.start();
  co_await cancel(tasks);
  m.stop();
}

awaitable<void> cancel_depth(meter& m, long n, long depth) { return cancel_in_batches(m, n, depth); }

awaitable<void> cancel_among(meter& m, long n, long sleepers) {
  co_await start_sleepers(sleepers);
  co_await cancel_in_batches(m, n, 1);
}

} // namespace peers
