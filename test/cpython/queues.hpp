// What the ports of CPython's test_queues share: a coroutine that puts, and tests for the queues of each kind.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/awaitable.hpp>
#include <rondo/queue.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace cpython {

/// Puts an item of its own: what becomes a task must not refer to an item of somebody else.
template <class Queue>
rondo::awaitable<void> put(Queue& q, typename Queue::value_type item) {
  co_await q.put(std::move(item));
}

/// Runs a coroutine function test(q) for a queue of each kind, each on a loop of its own.
template <class T, class Test>
void on_each_kind(std::ptrdiff_t maxsize, const Test& test) {
  const auto run = [&](auto q) { rondo::testing::run_virtual([&] { return test(*q); }); };
  BOOST_TEST_CONTEXT("queue") run(std::make_unique<rondo::queue<T>>(maxsize));
  BOOST_TEST_CONTEXT("lifo_queue") run(std::make_unique<rondo::lifo_queue<T>>(maxsize));
  BOOST_TEST_CONTEXT("priority_queue") run(std::make_unique<rondo::priority_queue<T>>(maxsize));
}

} // namespace cpython
