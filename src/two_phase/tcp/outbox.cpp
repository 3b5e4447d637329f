// SPDX-License-Identifier: BSL-1.0
#include "outbox.hpp"

#include "frames.hpp"

#include <utility>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail::tcp {
namespace {

constexpr std::size_t piece_size = std::size_t{128} << 10;

} // namespace

bool outbox::append(std::span<const std::byte> message) {
  const std::size_t size = message.size() + frame_overhead;
  if (bytes_ != 0 && (size > limit_ || bytes_ > limit_ - size)) return false;
  if (pieces_.empty() || pieces_.back().size() + size > piece_size) pieces_.push_back(std::exchange(spare_, piece()));
  append_frame(pieces_.back(), frame_kind::message, message);
  bytes_ += size;
  ++messages_;
  return true;
}

outbox::piece outbox::take() {
  piece oldest = std::move(pieces_.front());
  pieces_.pop_front();
  return oldest;
}

void outbox::written(piece&& done, std::size_t messages) {
  bytes_ -= done.size();
  messages_ -= messages;
  if (done.capacity() > 2 * piece_size) return;
  spare_ = std::move(done);
  spare_.clear();
}

} // namespace two_phase::detail::tcp
RONDO_END_NAMESPACE
