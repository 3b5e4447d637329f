// The bytes of a segment: a header in a block of its own, then batches of records, then zeros.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/record.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

//   header   0 "rondolog" | 8 version u32 | 12 flags u32 | 16 log uuid | 32 number u64 | 40 first lsn u64
//           48 synced lsn u64 | 56 size u64 | 64 zero u32 | 68 CRC32C of 0..68
//   record   0 body size u32 | 4 CRC32C of segment number u64, 0..4, 8..end of body | 8 lsn u64
//           16 index in its batch u32 | 20 type u8 | 21 flags u8 | 22 zero u16 | 24 body, zeros to a multiple of 8
//
// Numbers are little-endian. The header's layout is the same in all versions; the version tells of the rest.
// A lsn is the number of a record in the whole log. A batch is what was synced together: it counts only when all of it
// is there. Since a batch is written after the one before it was synced, a readable record of a later batch proves that
// what is unreadable before it was durable once.

constexpr std::uint32_t segment_version = 1;
constexpr std::size_t header_size = 72;
constexpr std::size_t records_begin = 4096; // a failing write of records cannot reach the header's block
constexpr std::size_t frame_header_size = 24;
constexpr std::uint64_t largest_segment = std::uint64_t{1} << 32; // bytes; no larger one is written, or read

struct segment_header {
  std::uint32_t version = segment_version;
  bool base = false; // replaces all segments with lower numbers
  log_uuid id;
  std::uint64_t number = 0;
  std::uint64_t first_lsn = 0;
  std::uint64_t synced_lsn = 0; // the records below it were durable before the file got its name: they cannot be torn
  std::uint64_t size = 0;       // of the file
};

enum class header_fault : std::uint8_t { too_short, foreign, damaged };

std::array<std::byte, header_size> encode_header(const segment_header& header) noexcept;
/// A header of any version, or what is wrong with the bytes.
std::optional<segment_header> decode_header(std::span<const std::byte> bytes, header_fault& fault) noexcept;

struct frame {
  std::size_t offset = 0; // in its segment
  std::uint64_t lsn = 0;
  std::uint32_t index = 0;
  bool last = false; // of its batch
  record_type type{};
  std::span<const std::byte> body;

  std::uint64_t batch() const noexcept { return lsn - index; } // the lsn of the first record of its batch
};

constexpr std::size_t frame_size(std::size_t body) noexcept { return (frame_header_size + body + 7) / 8 * 8; }
std::size_t batch_size(std::span<const log_record> records) noexcept;
/// Appends the records to `out` as one batch.
void encode_batch(std::vector<std::byte>& out, std::span<const log_record> records, std::uint64_t segment,
                  std::uint64_t first_lsn);
/// The record at an offset, or nothing if there is none that this segment can hold there.
std::optional<frame> read_frame(std::span<const std::byte> segment, std::size_t offset, const segment_header& header);

struct scan_result {
  std::size_t end = records_begin;        // behind the last complete batch
  std::size_t last_batch = records_begin; // where that begins
  std::size_t tail_end = records_begin;   // behind the last byte that is not zero; more than `end` if a tail is torn
  std::uint64_t next_lsn = 0;
  std::size_t stopped = records_begin; // the record that could not be read
  bool damaged = false;                // it was durable once
};

/// Visits the records of the complete batches. `segment` may be shorter than the header says: the rest is zeros then.
scan_result scan_segment(std::span<const std::byte> segment, const segment_header& header,
                         const std::function<void(const frame&)>& visit);

} // namespace two_phase::detail
RONDO_END_NAMESPACE
