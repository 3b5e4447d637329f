// message_codec: messages as bytes, for transports.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/message.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

/// The bytes of a message: the version of the encoding, the kind, and the members that the kind has. Numbers are
/// little-endian. Throws: `std::length_error` if a text or the payload has more than 2^32 - 1 bytes.
RONDO_EXPORT std::vector<std::byte> encode_message(const message& what);

/// The inverse of `encode_message`, or nothing for bytes that it cannot have made, whatever they are; `why` says what is
/// wrong with them: a newer version, an unknown kind, a transaction id of nobody, bytes too few or too many.
RONDO_EXPORT std::optional<message> decode_message(std::span<const std::byte> bytes, std::string& why);

} // namespace two_phase
RONDO_END_NAMESPACE
