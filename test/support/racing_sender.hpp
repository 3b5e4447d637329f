// A sender on another thread, for races of what it sends with something on the loop.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "wire.hpp"

#include <boost/asio/thread_pool.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace support {

/// Sends one byte in each round. Its delay follows the outcomes of the rounds, so that both outcomes occur.
class racing_sender {
public:
  explicit racing_sender(std::chrono::microseconds delay) : delay_(delay) {}
  racing_sender(const racing_sender&) = delete;
  racing_sender& operator=(const racing_sender&) = delete;
  ~racing_sender() { thread_.join(); }

  /// Sends the next byte to the near end of `w`, which is to live until it has come.
  template <class Wire>
  void send(Wire& w) {
    const char c = static_cast<char>('a' + sent_.size() % 26);
    sent_ += c;
    auto kept = std::make_unique<boost::asio::steady_timer>(thread_, delay_);
    boost::asio::steady_timer& timer = *kept;
    timer.async_wait([&far = w.far, c, kept = std::move(kept)](boost::system::error_code) {
      boost::asio::write(far, boost::asio::buffer(&c, 1));
    });
  }

  void came(bool in_time) {
    ++(in_time ? in_time_ : late_);
    if (in_time != last_) step_ = std::max<std::chrono::microseconds>(step_ / 2, std::chrono::microseconds(1));
    last_ = in_time;
    delay_ = std::max<std::chrono::microseconds>(in_time ? delay_ + step_ : delay_ - step_, {});
  }

  const std::string& sent() const { return sent_; }
  bool both_occurred() const { return in_time_ > 0 && late_ > 0; }

private:
  boost::asio::thread_pool thread_{1};
  std::string sent_;
  std::chrono::microseconds delay_;
  std::chrono::microseconds step_{32};
  bool last_ = true;
  int in_time_ = 0;
  int late_ = 0;
};

} // namespace support
