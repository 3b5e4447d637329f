// SPDX-License-Identifier: BSL-1.0
#include "frames.hpp"

#include <fmt/format.h>

#include <algorithm>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail::tcp {
namespace {

/// Enough for 300 messages. A longer frame makes it grow as its bytes arrive.
constexpr std::size_t first_buffer = std::size_t{64} << 10;

template <class Unsigned>
Unsigned read_number(const std::byte* from) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i)
    value |= std::to_integer<std::uint64_t>(from[i]) << (8 * i);
  return static_cast<Unsigned>(value);
}

template <class Unsigned>
void write_number(std::byte* to, Unsigned value) {
  for (std::size_t i = 0; i < sizeof value; ++i)
    to[i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xFF);
}

} // namespace

void append_frame(std::vector<std::byte>& to, frame_kind kind, std::span<const std::byte> body) {
  const std::size_t at = to.size();
  to.resize(at + frame_overhead + body.size());
  write_number(to.data() + at, static_cast<std::uint32_t>(body.size() + 1));
  to[at + frame_header_size] = static_cast<std::byte>(kind);
  std::ranges::copy(body, to.begin() + static_cast<std::ptrdiff_t>(at + frame_header_size + 1));
}

std::size_t frame_sealer::seal(std::span<std::byte> frames) {
  std::size_t count = 0;
  for (; !frames.empty(); ++count) {
    const std::size_t signed_size = frame_header_size + read_number<std::uint32_t>(frames.data());
    write_number(frames.data() + 4, next_++);
    std::ranges::copy(mac_.of(frames.first(signed_size)), frames.subspan(signed_size).begin());
    frames = frames.subspan(signed_size + mac_size);
  }
  return count;
}

frame_decoder::frame_decoder(std::span<const std::byte> key, std::size_t max_body)
    : mac_(key), max_body_(max_body), buffer_(std::min(first_buffer, max_body + frame_overhead)) {}

std::span<std::byte> frame_decoder::space() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
  } else if (begin_ > 0) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= std::exchange(begin_, 0);
  }
  if (end_ == buffer_.size()) buffer_.resize(std::min(2 * buffer_.size(), max_body_ + frame_overhead));
  return std::span(buffer_).subspan(end_);
}

std::optional<frame> frame_decoder::next() {
  const auto rest = std::span<const std::byte>(buffer_).first(end_).subspan(begin_);
  if (!wrong_.empty() || rest.size() < frame_header_size) return std::nullopt;
  const std::size_t size = read_number<std::uint32_t>(rest.data());
  const auto number = read_number<std::uint64_t>(rest.data() + 4);
  if (size == 0) return fail("it sent a frame without a kind");
  if (size - 1 > max_body_)
    return fail(
        fmt::format("it sent a frame of {} bytes, but {} are allowed here (max_frame_size)", size - 1, max_body_));
  if (rest.size() < frame_header_size + size + mac_size) return std::nullopt;
  const auto signed_part = rest.first(frame_header_size + size);
  if (!same(mac_.of(signed_part), rest.subspan(signed_part.size(), mac_size)))
    return fail(fmt::format("frame {} was forged or damaged: its MAC is wrong", next_));
  if (number != next_)
    return fail(
        fmt::format("frame {} came instead of frame {}: frames were repeated, reordered or left out", number, next_));
  const auto kind = std::to_integer<std::uint8_t>(rest[frame_header_size]);
  if (kind < static_cast<std::uint8_t>(frame_kind::message) || kind > static_cast<std::uint8_t>(frame_kind::pong))
    return fail(fmt::format("it sent a frame of the unknown kind {}", kind));
  ++next_;
  begin_ += signed_part.size() + mac_size;
  return frame(static_cast<frame_kind>(kind), rest.subspan(frame_header_size + 1, size - 1));
}

std::optional<frame> frame_decoder::fail(std::string why) {
  wrong_ = std::move(why);
  return std::nullopt;
}

} // namespace two_phase::detail::tcp
RONDO_END_NAMESPACE
