// What must hold for the decoders of the TCP transport, whatever bytes they get; and bytes to start from.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "tcp/frames.hpp"
#include "tcp/handshake.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace tcp_test {

namespace wire = rondo::two_phase::detail::tcp;
using bytes = std::vector<std::byte>;

inline constexpr std::size_t max_body = 3000;

inline wire::digest key_of(int number) {
  wire::digest key{};
  key[0] = static_cast<std::byte>(number);
  return key;
}

/// The first byte of an input says what the others are.
enum class input_kind : unsigned char {
  hello,
  frames,         ///< as they stand on a connection
  repaired_frames ///< their MACs are made right first: no mutation finds them by chance
};

/// Everything that a decoder says about some bytes that come in parts of one size.
class decoded {
public:
  decoded(std::span<const std::byte> input, std::size_t part) {
    wire::frame_decoder decoder(key_of(1), max_body);
    while (!input.empty() && wrong.empty()) {
      const auto space = decoder.space();
      const std::size_t size = std::min({space.size(), input.size(), part});
      if (size == 0) throw std::logic_error("no space for the next bytes");
      std::ranges::copy(input.first(size), space.begin());
      decoder.arrived(size);
      input = input.subspan(size);
      while (const auto next = decoder.next()) {
        kinds.push_back(next->kind());
        bodies.emplace_back(next->body().begin(), next->body().end());
      }
      wrong = decoder.wrong();
    }
    in_frame = decoder.in_frame();
  }

  std::vector<wire::frame_kind> kinds;
  std::vector<bytes> bodies;
  std::string wrong;
  bool in_frame = false;
};

inline std::string check_frames(std::span<const std::byte> input) {
  const decoded at_once(input, input.size());
  for (const std::size_t part : {std::size_t{1}, std::size_t{7}, std::size_t{50}}) {
    const decoded parts(input, part);
    if (parts.kinds != at_once.kinds || parts.bodies != at_once.bodies || parts.wrong != at_once.wrong)
      return "frames that come in parts are others";
    if (parts.wrong.empty() && parts.in_frame != at_once.in_frame) return "a rest that depends on the parts";
  }
  bytes again;
  for (std::size_t i = 0; i < at_once.kinds.size(); ++i)
    wire::append_frame(again, at_once.kinds[i], at_once.bodies[i]);
  wire::frame_sealer(key_of(1)).seal(again);
  if (again.size() > input.size() || !std::ranges::equal(again, input.first(again.size())))
    return "frames that were decoded are encoded otherwise";
  if (at_once.wrong.empty() && at_once.in_frame != (again.size() < input.size())) return "bytes were lost";
  return {};
}

inline std::string check_hello(std::span<const std::byte> input) {
  std::string why = "left from before";
  const auto hello = wire::decode_hello(input, why);
  if (hello.has_value() != why.empty()) return "a reason without a refusal, or a refusal without a reason";
  if (hello && !std::ranges::equal(wire::encode_hello(*hello), input)) return "a hello is encoded otherwise";
  return {};
}

/// Frames with the sizes and kinds of the input, numbers and MACs made right.
inline bytes repaired(std::span<const std::byte> input) {
  bytes result;
  while (input.size() > 3) {
    const auto size = (std::to_integer<std::size_t>(input[0]) | std::to_integer<std::size_t>(input[1]) << 8) % 4000;
    const auto kind = static_cast<wire::frame_kind>(input[2]);
    const auto body = input.subspan(3, std::min(size, input.size() - 3));
    wire::append_frame(result, kind, body);
    input = input.subspan(3 + body.size());
  }
  wire::frame_sealer(key_of(1)).seal(result);
  result.insert(result.end(), input.begin(), input.end());
  return result;
}

/// Decodes the input in every way. What does not hold, or an empty text.
inline std::string check_tcp_decoders(std::span<const std::byte> input) {
  if (input.empty()) return {};
  const auto rest = input.subspan(1);
  switch (static_cast<input_kind>(std::to_integer<unsigned char>(input[0]) % 3)) {
  case input_kind::hello:
    return check_hello(rest);
  case input_kind::frames:
    return check_frames(rest);
  case input_kind::repaired_frames:
    return check_frames(repaired(rest));
  }
  return {};
}

inline std::vector<bytes> tcp_seeds() {
  const auto with_kind = [](input_kind kind, std::span<const std::byte> rest) {
    bytes input{static_cast<std::byte>(kind)};
    input.insert(input.end(), rest.begin(), rest.end());
    return input;
  };
  std::vector<bytes> seeds;
  seeds.push_back(with_kind(input_kind::hello, wire::encode_hello(wire::handshake("shop", "stock", key_of(2)))));
  seeds.push_back(with_kind(input_kind::hello, wire::encode_hello(wire::handshake("s", "", key_of(3)))));
  bytes frames;
  bytes plain;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{150}, max_body, std::size_t{3}}) {
    for (const auto kind : {wire::frame_kind::message, wire::frame_kind::ping, wire::frame_kind::pong}) {
      wire::append_frame(frames, kind, bytes(size, std::byte{0x5A}));
      for (const std::size_t each : {size & 0xFF, size >> 8, static_cast<std::size_t>(kind)})
        plain.push_back(static_cast<std::byte>(each));
      plain.resize(plain.size() + size, std::byte{0x5A});
    }
    bytes sealed = frames;
    wire::frame_sealer(key_of(1)).seal(sealed);
    seeds.push_back(with_kind(input_kind::frames, sealed));
    seeds.push_back(with_kind(input_kind::repaired_frames, plain));
  }
  return seeds;
}

} // namespace tcp_test
