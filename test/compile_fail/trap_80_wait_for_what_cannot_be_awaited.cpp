// asyncio's wait() hangs for ever with something that cannot be awaited among its arguments (gh-105288).
// SPDX-License-Identifier: BSL-1.0
// expect: wait takes
#include <rondo/awaitable.hpp>
#include <rondo/future.hpp>
#include <rondo/wait.hpp>

#include <vector>

rondo::awaitable<void> f([[maybe_unused]] std::vector<rondo::future<int>> futures,
                         [[maybe_unused]] std::vector<int> numbers) {
#ifdef RONDO_CONTROL
  co_await rondo::wait(futures);
#else
  co_await rondo::wait(numbers);
#endif
}
