// SPDX-License-Identifier: BSL-1.0
#include "segment.hpp"

#include "crc32c.hpp"

#include <algorithm>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {
namespace {

constexpr std::array<char, 8> magic = {'r', 'o', 'n', 'd', 'o', 'l', 'o', 'g'};
constexpr std::uint32_t base_flag = 1;
constexpr std::uint8_t last_flag = 1;

template <class Number>
void put(std::byte* to, Number value) noexcept {
  for (std::size_t i = 0; i < sizeof value; ++i)
    to[i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xFF);
}

template <class Number>
Number get(const std::byte* from) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i)
    value |= std::to_integer<std::uint64_t>(from[i]) << (8 * i);
  return static_cast<Number>(value);
}

std::uint32_t frame_crc(const std::byte* at, std::size_t body, std::uint64_t segment) noexcept {
  std::array<std::byte, 12> before;
  put(before.data(), segment);
  std::copy_n(at, 4, before.data() + 8);
  return crc32c({at + 8, frame_header_size - 8 + body}, crc32c(before));
}

/// What is left of an earlier batch proves nothing: a failing disk can bring back a tail that was cut once.
bool has_later_batch(std::span<const std::byte> segment, std::size_t from, const segment_header& header,
                     std::uint64_t torn_batch) {
  for (std::size_t offset = from; offset < segment.size(); offset += 8)
    if (const auto found = read_frame(segment, offset, header); found && found->batch() > torn_batch) return true;
  return false;
}

} // namespace

std::array<std::byte, header_size> encode_header(const segment_header& header) noexcept {
  std::array<std::byte, header_size> bytes{};
  std::ranges::transform(magic, bytes.begin(), [](char c) { return static_cast<std::byte>(c); });
  put(&bytes[8], header.version);
  put(&bytes[12], header.base ? base_flag : 0U);
  std::ranges::copy(header.id.bytes(), &bytes[16]);
  put(&bytes[32], header.number);
  put(&bytes[40], header.first_lsn);
  put(&bytes[48], header.synced_lsn);
  put(&bytes[56], header.size);
  put(&bytes[68], crc32c(std::span(bytes).first<68>()));
  return bytes;
}

std::optional<segment_header> decode_header(std::span<const std::byte> bytes, header_fault& fault) noexcept {
  fault = header_fault::too_short;
  if (bytes.size() < header_size) return std::nullopt;
  // The magic is taken as given for the checksum: damage to it alone is told from a foreign file.
  std::array<std::byte, 68> checked;
  std::copy_n(bytes.data(), checked.size(), checked.data());
  std::ranges::transform(magic, checked.begin(), [](char c) { return static_cast<std::byte>(c); });
  const bool has_magic = std::ranges::equal(std::span(checked).first<8>(), bytes.first<8>());
  const bool has_crc = crc32c(checked) == get<std::uint32_t>(&bytes[68]);
  fault = has_magic || has_crc ? header_fault::damaged : header_fault::foreign;
  if (!has_magic || !has_crc) return std::nullopt;

  segment_header header;
  header.version = get<std::uint32_t>(&bytes[8]);
  header.base = (get<std::uint32_t>(&bytes[12]) & base_flag) != 0;
  log_uuid::bytes_type id;
  std::copy_n(&bytes[16], id.size(), id.data());
  header.id = log_uuid(id);
  header.number = get<std::uint64_t>(&bytes[32]);
  header.first_lsn = get<std::uint64_t>(&bytes[40]);
  header.synced_lsn = get<std::uint64_t>(&bytes[48]);
  header.size = get<std::uint64_t>(&bytes[56]);
  return header;
}

std::size_t batch_size(std::span<const log_record> records) noexcept {
  std::size_t size = 0;
  for (const log_record& record : records)
    size += frame_size(record.body().size());
  return size;
}

void encode_batch(std::vector<std::byte>& out, std::span<const log_record> records, std::uint64_t segment,
                  std::uint64_t first_lsn) {
  std::size_t offset = out.size();
  out.resize(offset + batch_size(records));
  for (std::size_t i = 0; i < records.size(); ++i) {
    const std::vector<std::byte>& body = records[i].body();
    std::byte* at = out.data() + offset;
    put(at, static_cast<std::uint32_t>(body.size()));
    put(at + 8, first_lsn + i);
    put(at + 16, static_cast<std::uint32_t>(i));
    put(at + 20, static_cast<std::uint8_t>(records[i].type()));
    put(at + 21, i + 1 == records.size() ? last_flag : std::uint8_t{0});
    std::ranges::copy(body, at + frame_header_size);
    put(at + 4, frame_crc(at, body.size(), segment));
    offset += frame_size(body.size());
  }
}

std::optional<frame> read_frame(std::span<const std::byte> segment, std::size_t offset, const segment_header& header) {
  if (offset > segment.size() || segment.size() - offset < frame_header_size) return std::nullopt;
  const std::byte* at = segment.data() + offset;
  const std::size_t body = get<std::uint32_t>(at);
  if (body > segment.size() - offset - frame_header_size) return std::nullopt;
  frame found;
  found.offset = offset;
  found.lsn = get<std::uint64_t>(at + 8);
  found.index = get<std::uint32_t>(at + 16);
  // A lsn that the segment has no room for spares the checksum of nearly everything that is no record. Zeros are none.
  if (found.lsn < header.first_lsn || found.lsn - header.first_lsn > segment.size() / frame_header_size)
    return std::nullopt;
  if (found.lsn == 0 || found.index > found.lsn - header.first_lsn) return std::nullopt;
  if (get<std::uint32_t>(at + 4) != frame_crc(at, body, header.number)) return std::nullopt;
  found.type = static_cast<record_type>(get<std::uint8_t>(at + 20));
  found.last = (get<std::uint8_t>(at + 21) & last_flag) != 0;
  found.body = segment.subspan(offset + frame_header_size, body);
  return found;
}

scan_result scan_segment(std::span<const std::byte> segment, const segment_header& header,
                         const std::function<void(const frame&)>& visit) {
  scan_result result;
  result.next_lsn = header.first_lsn;
  std::vector<frame> batch;
  std::size_t at = records_begin;
  while (const auto found = read_frame(segment, at, header)) {
    if (found->lsn != result.next_lsn + batch.size() || found->index != batch.size()) break;
    batch.push_back(*found);
    at += frame_size(found->body.size());
    if (!found->last) continue;
    for (const frame& record : batch)
      visit(record);
    result.next_lsn += batch.size();
    result.last_batch = result.end;
    result.end = at;
    batch.clear();
  }
  result.stopped = at;
  const auto rest = segment.subspan(std::min(result.end, segment.size()));
  const auto tail = std::ranges::find_if(rest.rbegin(), rest.rend(), [](std::byte b) { return b != std::byte{0}; });
  result.tail_end = result.end + static_cast<std::size_t>(rest.rend() - tail);
  result.damaged = result.next_lsn < header.synced_lsn ||
                   (result.tail_end > result.end && has_later_batch(segment, at, header, result.next_lsn));
  return result;
}

} // namespace two_phase::detail
RONDO_END_NAMESPACE
