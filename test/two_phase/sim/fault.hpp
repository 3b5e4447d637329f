// What can go wrong in a simulated run.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sim {

enum class fault : std::uint8_t {
  drop,              ///< a message is lost
  duplicate,         ///< a message arrives up to four times
  delay,             ///< a message takes up to ten minutes
  reorder,           ///< messages overtake each other
  partition,         ///< two processes do not hear each other
  one_way_partition, ///< one of them does not hear the other
  connection_loss,   ///< a broker delivers again what was not acknowledged
  crash,             ///< a process ends at some time, in any pass of the loop
  crash_at_point,    ///< a process ends at its k-th fail point
  crash_in_recovery, ///< a process ends while it starts
  stop,              ///< a process is stopped as its user would do it, and started again
  lost_write,        ///< in a crash: sectors that were not synced are lost, any of them
  torn_write,        ///< in a crash: the write that was under way ends at a sector
  bit_flip,          ///< in a crash: a bit of what was not synced is wrong
  write_error,       ///< EIO of a write
  sync_error,        ///< EIO of a sync
  disk_full,         ///< ENOSPC
  disk_stall,        ///< a write takes a second or more
  hook_throws,       ///< a hook throws, before or after its work
  hook_false,        ///< a hook returns false
  hook_hangs,        ///< a hook does not end until it is cancelled
  hook_slow,         ///< a hook takes up to 40 seconds
  hook_retries,      ///< a hook fails the first few times
  cancel,            ///< the user's task is cancelled
  drop_handle,       ///< the user's transaction object is destroyed
  body_throws,       ///< the body of with_transaction throws
  administrator,     ///< somebody decides by hand
  stranger,          ///< somebody asks a coordinator about a transaction that it cannot have begun
};

constexpr std::size_t fault_count = static_cast<std::size_t>(fault::stranger) + 1;

class fault_set {
public:
  bool has(fault which) const { return bits_.test(static_cast<std::size_t>(which)); }
  void set(fault which, bool value = true) { bits_.set(static_cast<std::size_t>(which), value); }
  bool none() const { return bits_.none(); }
  void clear() { bits_.reset(); }

private:
  std::bitset<fault_count> bits_;
};

constexpr std::array<std::string_view, fault_count> fault_names = {"drop",
                                                                   "duplicate",
                                                                   "delay",
                                                                   "reorder",
                                                                   "partition",
                                                                   "one_way_partition",
                                                                   "connection_loss",
                                                                   "crash",
                                                                   "crash_at_point",
                                                                   "crash_in_recovery",
                                                                   "stop",
                                                                   "lost_write",
                                                                   "torn_write",
                                                                   "bit_flip",
                                                                   "write_error",
                                                                   "sync_error",
                                                                   "disk_full",
                                                                   "disk_stall",
                                                                   "hook_throws",
                                                                   "hook_false",
                                                                   "hook_hangs",
                                                                   "hook_slow",
                                                                   "hook_retries",
                                                                   "cancel",
                                                                   "drop_handle",
                                                                   "body_throws",
                                                                   "administrator",
                                                                   "stranger"};

inline std::string_view to_string(fault which) { return fault_names[static_cast<std::size_t>(which)]; }

inline std::optional<fault> fault_named(std::string_view name) {
  for (std::size_t i = 0; i < fault_count; ++i)
    if (fault_names[i] == name) return static_cast<fault>(i);
  return std::nullopt;
}

} // namespace sim
