// What cannot be copied must be moved into a queue.
// SPDX-License-Identifier: BSL-1.0
// expect: this item cannot be copied: pass it with std::move
#include <rondo/queue.hpp>

#include <memory>
#include <utility>

rondo::awaitable<void> f(rondo::queue<std::unique_ptr<int>>& q) {
  auto item = std::make_unique<int>(1);
#ifdef RONDO_CONTROL
  co_await q.put(std::move(item));
#else
  co_await q.put(item);
#endif
}
