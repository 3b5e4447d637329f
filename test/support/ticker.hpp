// Counts the passes of the loop: for tests of the hop table.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/event_loop.hpp>
#include <rondo/sleep.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <chrono>
#include <utility>

namespace support {

/// A callback that is the first of each pass.
class ticker {
public:
  explicit ticker(rondo::event_loop loop) : loop_(std::move(loop)) { again(); }
  ticker(const ticker&) = delete;
  ticker& operator=(const ticker&) = delete;
  ~ticker() { next_.cancel(); }

  int now() const noexcept { return count_; }

private:
  void again() {
    next_ = loop_.call_soon([this] {
      ++count_;
      again();
    });
  }

  rondo::event_loop loop_;
  rondo::callback_handle next_;
  int count_ = 0;
};

/// Runs `body(ticker&)` as the main task, on virtual time.
template <class Body>
void with_ticker(Body body) {
  rondo::testing::run_virtual([&]() -> rondo::awaitable<void> {
    ticker tick(rondo::get_running_loop());
    co_await rondo::sleep(std::chrono::seconds(0));
    co_await body(tick);
  });
}

} // namespace support
