// SPDX-License-Identifier: BSL-1.0
#include "cases.hpp"

#include <rondo/rondo.hpp>

#include <stdexcept>
#include <utility>
#include <vector>

namespace peers {

using namespace std::chrono_literals;

namespace {

awaitable<void> trivial() { co_return; }

awaitable<void> sleep_long() { co_await rondo::sleep(2h); }

awaitable<void> yield_often(long n) {
  for (long i = 0; i < n; ++i)
    co_await rondo::sleep(0s);
}

awaitable<void> fail(long depth) {
  if (depth > 1) co_await fail(depth - 1);
  throw std::runtime_error("failed");
}

} // namespace

awaitable<void> start_sleepers(long n) {
  for (long i = 0; i < n; ++i)
    rondo::create_task(sleep_long());
  co_await rondo::sleep(0s);
}

awaitable<void> create_await(meter& m, long n, long sleepers) {
  co_await start_sleepers(sleepers);
  m.start();
  for (long i = 0; i < n; ++i) {
    auto t = rondo::create_task(trivial());
    co_await t.get();
  }
  m.stop();
}

awaitable<void> spawn(meter& m, long n, long tasks) {
  m.start();
  for (long round = rounds(n, tasks); round > 0; --round) {
    std::vector<rondo::task<void>> started;
    started.reserve(static_cast<std::size_t>(tasks));
    for (long i = 0; i < tasks; ++i)
      started.push_back(rondo::create_task(trivial()));
    for (rondo::task<void>& t : started)
      co_await t.get();
  }
  m.stop();
}

awaitable<void> yield(meter& m, long n, long tasks) {
  std::vector<rondo::task<void>> started;
  for (long i = 0; i < tasks; ++i)
    started.push_back(rondo::create_task(yield_often(n / tasks)));
  co_await rondo::sleep(0s);
  m.start();
  for (rondo::task<void>& t : started)
    co_await t.get();
  m.stop();
}

awaitable<void> gather(meter& m, long n, long tasks) {
  m.start();
  for (long round = rounds(n, tasks); round > 0; --round) {
    std::vector<awaitable<void>> sources;
    sources.reserve(static_cast<std::size_t>(tasks));
    for (long i = 0; i < tasks; ++i)
      sources.push_back(trivial());
    co_await rondo::gather(std::move(sources));
  }
  m.stop();
}

awaitable<void> group(meter& m, long n, long tasks) {
  m.start();
  for (long round = rounds(n, tasks); round > 0; --round)
    co_await rondo::with_task_group([&](rondo::task_group& g) {
      for (long i = 0; i < tasks; ++i)
        g.create_task(trivial());
    });
  m.stop();
}

awaitable<void> timeout(meter& m, long n, long sleepers) {
  co_await start_sleepers(sleepers);
  auto ready = rondo::get_running_loop().create_future<void>();
  ready.set_result();
  m.start();
  for (long i = 0; i < n; ++i)
    co_await rondo::wait_for(ready, 1h);
  m.stop();
}

awaitable<void> timeout_turn(meter& m, long n, long sleepers) {
  co_await start_sleepers(sleepers);
  m.start();
  for (long i = 0; i < n; ++i)
    co_await rondo::wait_for(rondo::sleep(0s), 1h);
  m.stop();
}

awaitable<void> exception(meter& m, long n, long depth) {
  m.start();
  for (long i = 0; i < n; ++i) {
    auto t = rondo::create_task(fail(depth));
    try {
      co_await t.get();
    } catch (const std::runtime_error&) {
    }
  }
  m.stop();
}

} // namespace peers
