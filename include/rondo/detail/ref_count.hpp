// Reference counts of states that handles on several threads share.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/config.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <atomic>

RONDO_BEGIN_NAMESPACE
namespace detail {

template <class T>
using ref = boost::intrusive_ptr<T>;

/// Base of counted states. Everything but the count belongs to one loop, but the last handle may go on any thread.
class counted {
public:
  counted() = default;
  counted(const counted&) = delete;
  counted& operator=(const counted&) = delete;

  void add_ref() const noexcept { count_.fetch_add(1, std::memory_order_relaxed); }

  void release() const noexcept {
    if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1) const_cast<counted*>(this)->destroy();
  }

protected:
  virtual ~counted() = default;

private:
  /// Called when the last reference goes; a state that has something to report may postpone its end.
  virtual void destroy() noexcept { delete this; }

  mutable std::atomic<int> count_{0};
};

inline void intrusive_ptr_add_ref(const counted* x) noexcept { x->add_ref(); }
inline void intrusive_ptr_release(const counted* x) noexcept { x->release(); }

} // namespace detail
RONDO_END_NAMESPACE
