// Memory for objects that come and go often.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/config.hpp>

#include <cstddef>
#include <new>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// A base whose derived objects take their memory from blocks that others have given back on the same thread.
///
/// Each thread keeps a bounded number of blocks of a few sizes; a thousand tasks that begin and end together cost no
/// malloc then. An object may be deleted on another thread than the one that made it.
class RONDO_EXPORT recycled {
public:
  static void* operator new(std::size_t size);
  static void operator delete(void* memory, std::size_t size) noexcept;

  static void* operator new(std::size_t size, std::align_val_t alignment) { return ::operator new(size, alignment); }
  static void operator delete(void* memory, std::size_t, std::align_val_t alignment) noexcept {
    ::operator delete(memory, alignment);
  }

protected:
  recycled() = default;
  ~recycled() = default;
};

} // namespace detail
RONDO_END_NAMESPACE
