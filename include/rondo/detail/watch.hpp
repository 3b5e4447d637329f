// Being told that a future is done: asyncio's done callback, for the library itself.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/future_state.hpp>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// Hook in the list of all watches of a loop, which drops them when it ends.
struct watch_hook : list_hook {};

/// Part of what wants to know that a future is done; allocates nothing.
///
/// `done()` comes in the pass after the completion, in the order in which all who wait registered: at the place of a done
/// callback of asyncio. The node keeps the future alive while it watches. Loop's thread only.
class RONDO_EXPORT watch_node : public ready_node, public watch_hook {
public:
  watch_node() = default;
  watch_node(const watch_node&) = delete;
  watch_node& operator=(const watch_node&) = delete;

  /// Begins to watch. A future that is done already is reported in the next pass, too.
  void watch(ref<future_state_base> state) noexcept;
  void watch(future_state_base& state) noexcept { watch(ref<future_state_base>(&state)); }

  /// Ends the watch without a call; nothing happens if there is none.
  void unwatch() noexcept;

  bool watching() const noexcept { return static_cast<const watch_hook&>(*this).linked(); }

  void run() noexcept final;
  void drop() noexcept final;

protected:
  ~watch_node() { unwatch(); }

  /// The future is done. The node may be destroyed in here.
  virtual void done(future_state_base& state) noexcept = 0;

  /// The loop has ended, nobody will be told; gives up what the owner of the node keeps for it.
  virtual void abandoned() noexcept = 0;

  ref<future_state_base> subject_; // what is watched; when nothing is, a derived node may keep something here

private:
  ref<future_state_base> leave() noexcept;
};

} // namespace detail
RONDO_END_NAMESPACE
