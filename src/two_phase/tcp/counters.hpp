// What any thread may read of a TCP transport.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/transport.hpp>

#include <atomic>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail::tcp {

/// Counted on the transport's loop.
class live_counters {
public:
  void add_sent(std::uint64_t count) noexcept { add(sent_, count); }
  void add_received() noexcept { add(received_, 1); }
  void add_dropped(std::uint64_t count) noexcept { add(dropped_, count); }
  void add_rejected() noexcept { add(rejected_, 1); }

  void reset() noexcept {
    for (auto* each : {&sent_, &received_, &dropped_, &rejected_})
      each->store(0, std::memory_order_relaxed);
  }

  transport_statistics read() const noexcept {
    return transport_statistics()
        .sent(sent_.load(std::memory_order_relaxed))
        .received(received_.load(std::memory_order_relaxed))
        .dropped(dropped_.load(std::memory_order_relaxed))
        .rejected(rejected_.load(std::memory_order_relaxed));
  }

private:
  using counter = std::atomic<std::uint64_t>;

  static void add(counter& to, std::uint64_t count) noexcept { to.fetch_add(count, std::memory_order_relaxed); }

  counter sent_{0};
  counter received_{0};
  counter dropped_{0};
  counter rejected_{0};
};

} // namespace two_phase::detail::tcp
RONDO_END_NAMESPACE
