// The tasks of as_completed live on when its time is over or nobody asks for the next one.
// SPDX-License-Identifier: BSL-1.0
// expect: this operation refers to an object of the caller
#include <rondo/as_completed.hpp>
#include <rondo/queue.hpp>
#include <utility>

void f(rondo::queue<int>& q, int item) {
#ifdef RONDO_CONTROL
  auto all = rondo::as_completed(std::nullopt, q.put(item));
#else
  auto all = rondo::as_completed(std::nullopt, q.put(std::move(item)));
#endif
}
