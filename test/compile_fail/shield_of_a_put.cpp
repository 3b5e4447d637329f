// A cancellation ends the wait for a shield and leaves its task running: the item may be gone then.
// SPDX-License-Identifier: BSL-1.0
// expect: this operation refers to an object of the caller
#include <rondo/queue.hpp>
#include <rondo/shield.hpp>
#include <utility>

rondo::awaitable<void> f(rondo::queue<int>& q, int item) {
#ifdef RONDO_CONTROL
  co_await rondo::shield(q.put(item));
#else
  co_await rondo::shield(q.put(std::move(item)));
#endif
}
