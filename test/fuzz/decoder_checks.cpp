// SPDX-License-Identifier: BSL-1.0
#include "decoder_checks.hpp"

#include "log/crc32c.hpp"
#include "log/segment.hpp"

#include <rondo/two_phase/record.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace log_test {
namespace {

namespace tp = rondo::two_phase;
using namespace tp::detail;

using bytes = std::vector<std::byte>;
using records = std::vector<tp::log_record>;

bytes with_kind(decoder_input kind, std::span<const std::byte> rest) {
  bytes input{static_cast<std::byte>(kind)};
  input.insert(input.end(), rest.begin(), rest.end());
  return input;
}

std::string check_record(const tp::log_record& record) {
  const auto entry = tp::log_entry::decode(record);
  if (!entry) return {};
  if (entry->encode() != record) return "a record that was decoded is encoded otherwise";
  return {};
}

/// Scans, and checks what `scan_segment` promises about what it visits and returns.
std::string check_scan(std::span<const std::byte> segment, const segment_header& header, scan_result& scan,
                       records& found) {
  std::uint64_t next_lsn = header.first_lsn;
  std::uint32_t next_index = 0;
  std::size_t end = records_begin;
  std::string wrong;
  scan = scan_segment(segment, header, [&](const frame& each) {
    if (each.lsn != next_lsn++ || each.index != next_index || each.offset != end) wrong = "a record out of order";
    next_index = each.last ? 0 : next_index + 1;
    end += frame_size(each.body.size());
    found.emplace_back(each.type, bytes(each.body.begin(), each.body.end()));
  });
  if (next_index != 0) return "a batch that is not complete";
  if (scan.next_lsn != next_lsn || scan.end != end) return "the end is not behind the last record";
  if (scan.last_batch > scan.end || scan.stopped < scan.end) return "places in the wrong order";
  if (scan.tail_end < scan.end || scan.tail_end > std::max(segment.size(), scan.end)) return "a tail that is not there";
  if (scan.tail_end > scan.end && segment[scan.tail_end - 1] == std::byte{0}) return "a tail that ends with zeros";
  if (next_lsn < header.synced_lsn && !scan.damaged) return "records that were durable are missing unnoticed";
  for (const tp::log_record& each : found)
    if (wrong.empty()) wrong = check_record(each);
  return wrong;
}

/// What is left when the tail is cut off must read the same, without a tail.
std::string check_segment(bytes segment, const segment_header& header) {
  scan_result scan;
  records found;
  if (auto wrong = check_scan(segment, header, scan, found); !wrong.empty()) return wrong;
  for (std::size_t i = scan.end; i < scan.tail_end; ++i)
    segment[i] = std::byte{0};
  scan_result again;
  records left;
  if (auto wrong = check_scan(segment, header, again, left); !wrong.empty()) return wrong;
  if (left != found || again.end != scan.end) return "cutting the tail changed the records before it";
  if (again.tail_end != again.end) return "the tail was not cut";
  if (again.damaged != (scan.next_lsn < header.synced_lsn)) return "damage appeared or went with the tail";
  return {};
}

std::string check_file(const bytes& file) {
  header_fault fault{};
  const auto header = decode_header(file, fault);
  if (!header) return {};
  const auto encoded = encode_header(*header);
  const auto again = decode_header(encoded, fault);
  if (!again || encode_header(*again) != encoded) return "a header that was decoded is encoded otherwise";
  return check_segment(file, *header);
}

std::size_t number_at(std::span<const std::byte> from, std::size_t offset) {
  std::size_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value |= std::to_integer<std::size_t>(from[offset + i]) << (8 * i);
  return value;
}

void put_number(bytes& to, std::size_t offset, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i)
    to[offset + i] = static_cast<std::byte>(value >> (8 * i) & 0xFF);
}

/// A file of the header and the records behind it, with the checksums that they should have.
bytes repaired(std::span<const std::byte> input) {
  bytes file(records_begin);
  const auto fields = input.first(std::min(input.size(), header_size));
  std::ranges::copy(fields, file.begin());
  const auto records_behind = input.subspan(fields.size());
  file.insert(file.end(), records_behind.begin(), records_behind.end());
  std::copy_n(encode_header({}).begin(), 12, file.begin()); // the magic, and the version of this format
  put_number(file, 68, crc32c(std::span(file).first(68)));
  for (std::size_t at = records_begin; at + frame_header_size <= file.size();) {
    const std::size_t body = number_at(file, at);
    if (body > file.size() - at - frame_header_size) break;
    std::array<std::byte, 12> before;
    std::copy_n(file.begin() + 32, 8, before.begin());
    std::copy_n(file.begin() + static_cast<std::ptrdiff_t>(at), 4, before.begin() + 8);
    put_number(file, at + 4, crc32c(std::span(file).subspan(at + 8, frame_header_size - 8 + body), crc32c(before)));
    at += frame_size(body);
  }
  return file;
}

bytes body_of(std::initializer_list<int> values) {
  bytes body;
  for (const int value : values)
    body.push_back(static_cast<std::byte>(value));
  return body;
}

records one_of_each() {
  const tp::log_uuid log(tp::log_uuid::bytes_type{std::byte{1}, std::byte{2}, std::byte{3}});
  const tp::txid id(log, 3, 42);
  const tp::branch_id branch(id, 1);
  const tp::participant_name name("stock");
  using type = tp::record_type;
  return {
      tp::log_entry(type::epoch, tp::txid(log, 3, 0)).encode(),
      tp::log_entry(type::commit, id).yes_branches({{0, name, log}, {1, tp::participant_name("pay"), log}}).encode(),
      tp::log_entry(type::end, id).encode(),
      tp::log_entry(type::abort, id).encode(),
      tp::log_entry(type::prepared, branch).coordinator(name).token(body_of({1, 2, 3})).encode(),
      tp::log_entry(type::committed, branch).encode(),
      tp::log_entry(type::aborted, branch).encode(),
      tp::log_entry(type::watermark, id).encode(),
      tp::log_entry(type::heuristic, branch).resolved(tp::decision::aborted).who("anna").when(1'700'000'000).encode(),
      tp::log_entry(type::forget, branch).encode()};
}

} // namespace

std::string check_decoders(std::span<const std::byte> input) {
  if (input.empty()) return {};
  const auto rest = input.subspan(1);
  switch (static_cast<decoder_input>(std::to_integer<unsigned char>(input[0]) % 3)) {
  case decoder_input::record: {
    if (rest.empty()) return {};
    const auto body = rest.subspan(1);
    return check_record({static_cast<tp::record_type>(rest[0]), bytes(body.begin(), body.end())});
  }
  case decoder_input::segment:
    return check_file(bytes(rest.begin(), rest.end()));
  case decoder_input::repaired_segment:
    return check_file(repaired(rest));
  }
  return {};
}

std::vector<std::vector<std::byte>> decoder_seeds() {
  std::vector<bytes> seeds;
  const records all = one_of_each();
  for (const tp::log_record& each : all) {
    bytes record{static_cast<std::byte>(each.type())};
    record.insert(record.end(), each.body().begin(), each.body().end());
    seeds.push_back(with_kind(decoder_input::record, record));
  }
  segment_header header;
  header.id = tp::log_uuid(tp::log_uuid::bytes_type{std::byte{1}});
  header.number = 2;
  header.first_lsn = 11;
  header.synced_lsn = 12;
  header.size = 8192;
  const auto head = encode_header(header);
  bytes batches;
  std::uint64_t lsn = header.first_lsn;
  for (const std::size_t count : {std::size_t{1}, std::size_t{3}, std::size_t{2}, std::size_t{4}}) {
    encode_batch(batches, std::span(all).subspan(static_cast<std::size_t>(lsn - header.first_lsn), count),
                 header.number, lsn);
    lsn += count;
    bytes file(head.begin(), head.end());
    bytes joined = file;
    joined.insert(joined.end(), batches.begin(), batches.end());
    seeds.push_back(with_kind(decoder_input::repaired_segment, joined));
    file.resize(records_begin);
    file.insert(file.end(), batches.begin(), batches.end());
    seeds.push_back(with_kind(decoder_input::segment, file));
    file.resize(static_cast<std::size_t>(header.size));
    seeds.push_back(with_kind(decoder_input::segment, file));
  }
  return seeds;
}

} // namespace log_test
