// What stands on a connection behind the handshake. Knows nothing of sockets.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "mac.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail::tcp {

// A frame: the size of what follows the number without the MAC (4 bytes), the number (8 bytes), the kind (1 byte), the
// body, and the HMAC of all that. Numbers count the frames of a direction from 0 on and are little-endian.

enum class frame_kind : std::uint8_t {
  message = 1,
  ping = 2, ///< asks for a pong
  pong = 3,
};

inline constexpr std::size_t frame_header_size = 4 + 8;
inline constexpr std::size_t frame_overhead = frame_header_size + 1 + mac_size;

/// Appends a frame without number and HMAC; a `frame_sealer` adds them.
void append_frame(std::vector<std::byte>& to, frame_kind kind, std::span<const std::byte> body = {});

/// Numbers and signs the frames of one direction.
class frame_sealer {
public:
  explicit frame_sealer(std::span<const std::byte> key) : mac_(key) {}

  /// Takes whole frames from `append_frame`; returns how many. Frames that a broken connection has left can be sealed
  /// again for another one.
  std::size_t seal(std::span<std::byte> frames);

private:
  mac mac_;
  std::uint64_t next_ = 0;
};

class frame {
public:
  frame(frame_kind kind, std::span<const std::byte> body) noexcept : kind_(kind), body_(body) {}

  frame_kind kind() const noexcept { return kind_; }
  std::span<const std::byte> body() const noexcept { return body_; }

private:
  frame_kind kind_;
  std::span<const std::byte> body_;
};

/// Cuts what arrives in one direction into frames, and checks them.
class frame_decoder {
public:
  /// `max_body`: the longest body, in bytes.
  frame_decoder(std::span<const std::byte> key, std::size_t max_body);

  /// Where the next bytes go; never empty after `next` has returned nothing. Invalidates what `next` returned.
  std::span<std::byte> space();

  /// That many bytes were put there.
  void arrived(std::size_t count) noexcept { end_ += count; }

  /// The next frame, or nothing if it is not complete yet, or if `wrong()` says why there will never be another one.
  std::optional<frame> next();

  const std::string& wrong() const noexcept { return wrong_; }

  /// Whether a part of a frame is there.
  bool in_frame() const noexcept { return begin_ != end_; }

private:
  std::optional<frame> fail(std::string why);

  mac mac_;
  std::size_t max_body_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0; // the bytes in [begin_, end_) have not been looked at
  std::size_t end_ = 0;
  std::uint64_t next_ = 0;
  std::string wrong_;
};

} // namespace two_phase::detail::tcp
RONDO_END_NAMESPACE
