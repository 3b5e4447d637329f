// CRC32C (Castagnoli), the checksum of the decision log.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/config.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

/// The checksum of `bytes`; given that of what stands before them, the checksum of both together.
///
/// Eight bytes at a time: boost::crc takes one, which made a start with a full segment fifteen times slower.
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before = 0) noexcept;

} // namespace two_phase::detail
RONDO_END_NAMESPACE
