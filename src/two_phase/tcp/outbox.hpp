// The frames that wait for a peer.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/config.hpp>

#include <cstddef>
#include <deque>
#include <span>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail::tcp {

/// Frames in pieces that are large enough for few writes, and small enough to sign one without holding up the loop.
class outbox {
public:
  using piece = std::vector<std::byte>;

  /// `limit`: how many bytes may wait, also in pieces that were taken and not given back.
  explicit outbox(std::size_t limit) : limit_(limit) {}

  /// Appends a message's frame, or returns false if it does not fit. An empty outbox takes any message.
  bool append(std::span<const std::byte> message);

  bool empty() const noexcept { return pieces_.empty(); }
  std::size_t messages() const noexcept { return messages_; }

  /// The oldest piece, to be written. It counts until it is `written`.
  piece take();
  /// It was not, or not completely: it goes first again.
  void put_back(piece&& unwritten) { pieces_.push_front(std::move(unwritten)); }
  void written(piece&& done, std::size_t messages);

private:
  std::size_t limit_;
  std::size_t bytes_ = 0;
  std::size_t messages_ = 0;
  std::deque<piece> pieces_;
  piece spare_; // empty, with the memory of one that was written
};

} // namespace two_phase::detail::tcp
RONDO_END_NAMESPACE
