// SPDX-License-Identifier: BSL-1.0
#include <rondo/detail/recycled.hpp>

RONDO_BEGIN_NAMESPACE
namespace detail {

namespace {

// Under these sanitizers a block that is used again would hide what they look for.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool recycles = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
constexpr bool recycles = false;
#else
constexpr bool recycles = true;
#endif
#else
constexpr bool recycles = true;
#endif

constexpr std::size_t step = 64;
constexpr std::size_t size_classes = 8;
constexpr unsigned most_blocks = 1024; // of one size: 2.3 MB for a thread at the most

struct block {
  block* next;
};

struct shelf {
  block* first = nullptr;
  unsigned room = 0; // for more blocks; none until the stock is open, and after it was closed
};

/// Needs no constructor or destructor of its own, so that an access costs no check whether it is alive.
struct stock {
  shelf shelves[size_classes];
  enum : unsigned char { unused, open, closed } state = unused;
};

constinit thread_local stock this_threads_stock;

/// Gives the blocks back when the thread ends. Destructors of other thread-local objects may still delete after that.
struct clearance {
  ~clearance() {
    stock& s = this_threads_stock;
    s.state = stock::closed;
    for (shelf& sh : s.shelves) {
      sh.room = 0;
      while (block* const b = sh.first) {
        sh.first = b->next;
        ::operator delete(b);
      }
    }
  }
};

/// Whether the stock was opened just now.
bool open(stock& s) noexcept {
  if (s.state != stock::unused) return false;
  static thread_local clearance at_thread_exit;
  static_cast<void>(at_thread_exit);
  s.state = stock::open;
  for (shelf& sh : s.shelves)
    sh.room = most_blocks;
  return true;
}

constexpr std::size_t size_class(std::size_t size) noexcept { return (size - 1) / step; }

} // namespace

void* recycled::operator new(std::size_t size) {
  const std::size_t c = size_class(size);
  if (!recycles || c >= size_classes) return ::operator new(size);
  shelf& sh = this_threads_stock.shelves[c];
  block* const b = sh.first;
  if (!b) return ::operator new((c + 1) * step);
  sh.first = b->next;
  ++sh.room;
  return b;
}

void recycled::operator delete(void* memory, std::size_t size) noexcept {
  const std::size_t c = size_class(size);
  if (!recycles || c >= size_classes) return ::operator delete(memory);
  shelf& sh = this_threads_stock.shelves[c];
  if (sh.room == 0 && !open(this_threads_stock)) return ::operator delete(memory);
  sh.first = ::new (memory) block{sh.first};
  --sh.room;
}

} // namespace detail
RONDO_END_NAMESPACE
