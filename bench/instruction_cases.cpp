// Runs one case of the benchmarks n times on one thread: what bench/instructions counts.
// SPDX-License-Identifier: BSL-1.0
#include "cases.hpp"

#include <rondo/rondo.hpp>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <vector>

// --- a count of allocations ---------------------------------------------------------------------------------------

// Everything in the process ends up in these: operator new, and std::aligned_alloc, which Asio uses for coroutine
// frames. Sanitizers bring their own.
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#if defined(__has_feature)
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
#define COUNTS_ALLOCATIONS 1
#endif
#else
#define COUNTS_ALLOCATIONS 1
#endif
#endif

namespace {
long allocations = 0;
}

#if defined(COUNTS_ALLOCATIONS)
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  ++allocations;
  return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) {
  ++allocations;
  return __libc_realloc(memory, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  ++allocations;
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** result, std::size_t alignment, std::size_t size) {
  ++allocations;
  *result = __libc_memalign(alignment, size);
  return *result ? 0 : 12; // ENOMEM
}
}
#endif

namespace {

// --- waits, counted from the second round on, when caches are filled ------------------------------------------------

using bench::awaitable;

awaitable<long> ready_wait(long n) {
  co_await bench::on_rondo::ready_wait(1);
  auto f = rondo::get_running_loop().create_future<void>();
  f.set_result();
  const long before = allocations;
  for (long i = 0; i < n; ++i)
    co_await f.get();
  co_return allocations - before;
}

awaitable<void> set_each(std::vector<rondo::future<int>>& futures) {
  for (rondo::future<int>& f : futures) {
    f.set_result(1);
    co_await rondo::sleep(std::chrono::nanoseconds(0));
  }
}

/// Waits for pending futures, which exist before the count begins.
awaitable<long> parked_wait(long n) {
  std::vector<rondo::future<int>> futures;
  for (long i = 0; i <= n; ++i)
    futures.push_back(rondo::get_running_loop().create_future<int>());
  auto setter = rondo::create_task(set_each(futures));
  long before = 0;
  long sum = 0;
  for (rondo::future<int>& f : futures) {
    if (f.done()) throw std::logic_error("parked_wait: a future was ready");
    sum += co_await f.get();
    if (sum == 1) before = allocations;
  }
  const long counted = allocations - before;
  co_await setter.get();
  co_return counted;
}

awaitable<long> yield_wait(long n) {
  co_await bench::on_rondo::yield_1(1);
  const long before = allocations;
  co_await bench::on_rondo::yield_1(n);
  co_return allocations - before;
}

awaitable<long> timer_wait(long n) {
  co_await rondo::sleep(std::chrono::nanoseconds(1));
  const long before = allocations;
  for (long i = 0; i < n; ++i)
    co_await rondo::sleep(std::chrono::nanoseconds(1));
  co_return allocations - before;
}

struct counted_case {
  const char* name;
  awaitable<long> (*run)(long n);
};

constexpr counted_case counted_cases[] = {
    {"ready_wait", ready_wait}, {"parked_wait", parked_wait}, {"yield_wait", yield_wait}, {"timer_wait", timer_wait}};

int count_allocations(long n) {
#if defined(COUNTS_ALLOCATIONS)
  if (allocations == 0) {
    std::fputs("instruction_cases: allocations are not seen, so they cannot be counted\n", stderr);
    return 1;
  }
  for (const counted_case& c : counted_cases) {
    rondo::runner r;
    const long count = r.run(c.run(n));
    std::printf("{\"case\": \"%s\", \"waits\": %ld, \"allocations\": %ld}\n", c.name, n, count);
  }
  return 0;
#else
  (void)n;
  (void)counted_cases;
  std::fputs("instruction_cases: this build cannot count allocations (glibc without a sanitizer can)\n", stderr);
  return 1;
#endif
}

int usage() {
  std::fputs(
      "usage: instruction_cases CASE rondo|asio N     run a case N times\n"
      "       instruction_cases allocs N              allocations of N waits of each kind, one JSON object a line\n"
      "cases:",
      stderr);
  for (const bench::named_case& c : bench::cases)
    std::fprintf(stderr, " %s", c.name.data());
  std::fputs("\n", stderr);
  return 2;
}

long positive(const char* text) {
  char* end = nullptr;
  const long n = std::strtol(text, &end, 10);
  return *end == '\0' && n > 0 ? n : 0;
}

} // namespace

int main(int argc, char** argv) {
  const long n = argc > 2 ? positive(argv[argc - 1]) : 0;
  if (n == 0) return usage();
  const std::string_view name = argv[1];
  if (name == "allocs") return argc == 3 ? count_allocations(n) : usage();
  if (argc != 4) return usage();
  const std::string_view side = argv[2];
  for (const bench::named_case& c : bench::cases) {
    if (c.name != name) continue;
    if (side == "rondo")
      bench::on_rondo::subject().run(c.rondo, n);
    else if (side == "asio")
      bench::on_asio::subject().run(c.asio, n);
    else
      return usage();
    return 0;
  }
  return usage();
}
