// A million tasks asleep on the timer heap, then cancelled. Real memory is what is measured.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <fstream>
#include <malloc.h>
#include <string>
#include <unistd.h>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif
#else
constexpr bool sanitized = false;
#endif

// A sanitizer multiplies the memory of every object by several.
constexpr std::size_t task_count = sanitized ? 100'000 : 1'000'000;

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

awaitable<void> sleeper() { co_await sleep(1h); }

} // namespace

BOOST_AUTO_TEST_CASE(a_million_sleepers_are_cancelled_and_give_their_memory_back) {
  run([]() -> awaitable<void> {
    ::malloc_trim(0);
    const std::size_t start = resident_bytes();
    std::size_t asleep = 0, cancelled = 0;
    {
      std::vector<task<void>> tasks;
      tasks.reserve(task_count);
      for (std::size_t i = 0; i < task_count; ++i)
        tasks.push_back(create_task(sleeper()));
      co_await testing::passes(2);
      asleep = resident_bytes();
      for (const auto& t : tasks)
        t.cancel();
      for (const auto& t : tasks) {
        auto outcome = co_await settle(t);
        if (outcome.cancelled()) ++cancelled;
      }
    }
    co_await testing::passes(2);
    co_await sleep(1ms); // frames of retired runners are destroyed by the context
    ::malloc_trim(0);
    const std::size_t end = resident_bytes();
    BOOST_TEST(cancelled == task_count);
    BOOST_TEST(all_tasks().size() == 1u);
    const std::size_t each = (asleep - start) / task_count;
    std::printf("%zu sleeping tasks: %zu bytes each; resident before %zu MiB, asleep %zu MiB, after %zu MiB\n",
                task_count, each, start >> 20, asleep >> 20, end >> 20);
    if (sanitized) co_return; // its allocator keeps freed memory in quarantine
    BOOST_TEST(each < 2000u);
    BOOST_TEST(end < start + (asleep - start) / 10);
  });
}
