// The checksum and the decoder, on bytes that nobody wrote.
// SPDX-License-Identifier: BSL-1.0
#include "log/crc32c.hpp"
#include "log/segment.hpp"
#include "log_support.hpp"

#include <boost/crc.hpp>
#include <boost/test/unit_test.hpp>

#include <random>

using namespace log_test;
using namespace rondo::two_phase::detail;

namespace {

std::vector<std::byte> random_bytes(std::mt19937_64& random, std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::byte& each : bytes)
    each = static_cast<std::byte>(random());
  return bytes;
}

segment_header some_header() {
  segment_header header;
  header.id = rondo::two_phase::log_uuid::random();
  header.number = 3;
  header.first_lsn = header.synced_lsn = 100;
  header.size = 64 * 1024;
  return header;
}

} // namespace

BOOST_AUTO_TEST_CASE(the_checksum_is_crc32c) {
  const auto of = [](std::string_view text) { return crc32c(std::as_bytes(std::span(text))); };
  BOOST_TEST(of("") == 0U);
  BOOST_TEST(of("123456789") == 0xE3069283U);
  BOOST_TEST(of(std::string(32, '\0')) == 0x8A9136AAU); // RFC 3720, B.4
  BOOST_TEST(of(std::string(32, '\xFF')) == 0x62A8AB43U);
}

BOOST_AUTO_TEST_CASE(the_checksum_of_any_length_and_of_parts_is_that_of_boost) {
  std::mt19937_64 random(1);
  for (std::size_t size = 0; size < 100; ++size) {
    const auto bytes = random_bytes(random, size);
    boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> expected;
    expected.process_bytes(bytes.data(), bytes.size());
    BOOST_TEST(crc32c(bytes) == expected.checksum());
    const std::size_t half = random() % (size + 1);
    BOOST_TEST(crc32c(std::span(bytes).subspan(half), crc32c(std::span(bytes).first(half))) == expected.checksum());
  }
}

BOOST_AUTO_TEST_CASE(a_header_is_read_as_written) {
  segment_header header = some_header();
  header.base = true;
  header.synced_lsn = 123;
  header_fault fault{};
  const auto found = decode_header(encode_header(header), fault);
  BOOST_TEST_REQUIRE(found.has_value());
  BOOST_TEST(found->version == segment_version);
  BOOST_TEST(found->base);
  BOOST_TEST((found->id == header.id));
  BOOST_TEST(found->number == 3U);
  BOOST_TEST(found->first_lsn == 100U);
  BOOST_TEST(found->synced_lsn == 123U);
  BOOST_TEST(found->size == 64U * 1024);
}

BOOST_AUTO_TEST_CASE(a_header_with_any_bit_changed_is_damaged_and_other_bytes_are_foreign) {
  const auto whole = encode_header(some_header());
  header_fault fault{};
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    auto bytes = whole;
    bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    BOOST_TEST_REQUIRE(!decode_header(bytes, fault));
    BOOST_TEST_REQUIRE((fault == header_fault::damaged));
  }
  BOOST_TEST(!decode_header(std::span(whole).first<71>(), fault));
  BOOST_TEST((fault == header_fault::too_short));
  std::mt19937_64 random(2);
  BOOST_TEST(!decode_header(random_bytes(random, 100), fault));
  BOOST_TEST((fault == header_fault::foreign));
}

BOOST_AUTO_TEST_CASE(stale_bytes_of_another_segment_are_no_records) {
  const segment_header header = some_header();
  std::vector<std::byte> bytes(records_begin);
  const std::vector records = {record(1), record(2)};
  encode_batch(bytes, records, header.number, header.first_lsn);
  BOOST_TEST(read_frame(bytes, records_begin, header).has_value());
  segment_header other = header;
  other.number = 4;
  BOOST_TEST(!read_frame(bytes, records_begin, other));
  other = header;
  other.first_lsn = header.first_lsn + 1;
  BOOST_TEST(!read_frame(bytes, records_begin, other));
}

BOOST_AUTO_TEST_CASE(a_batch_whose_sectors_reached_the_disk_in_any_order_is_torn_and_not_damaged) {
  const segment_header header = some_header();
  std::vector<std::byte> bytes(records_begin);
  const std::vector first = {record(1, 300)};
  const std::vector second = {record(2, 700), record(3, 700), record(4, 700)};
  encode_batch(bytes, first, header.number, header.first_lsn);
  const std::size_t end_of_first = bytes.size();
  encode_batch(bytes, second, header.number, header.first_lsn + 1);
  const std::size_t sectors = (bytes.size() - records_begin + 511) / 512;
  for (std::size_t missing = 1; missing < (std::size_t{1} << sectors); ++missing) {
    auto torn = bytes;
    bool whole = true;
    for (std::size_t i = std::max(end_of_first, records_begin); i < torn.size(); ++i)
      if ((missing >> (i - records_begin) / 512 & 1) != 0) torn[i] = std::byte{0}, whole = false;
    std::vector<rondo::two_phase::log_record> found;
    const auto scan = scan_segment(torn, header, [&](const frame& each) {
      found.emplace_back(each.type, std::vector<std::byte>(each.body.begin(), each.body.end()));
    });
    BOOST_TEST_REQUIRE(!scan.damaged);
    BOOST_TEST_REQUIRE((scan.end == (whole ? bytes.size() : end_of_first)));
    BOOST_TEST_REQUIRE(found.size() == (whole ? 4U : 1U));
  }
}

BOOST_AUTO_TEST_CASE(any_bytes_are_safe_to_scan) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 2000; ++round) {
    segment_header header = some_header();
    header.first_lsn = header.synced_lsn = random() % 3;
    auto bytes = random_bytes(random, random() % 3 * 512);
    bytes.insert(bytes.begin(), records_begin, std::byte{0});
    for (std::size_t i = records_begin; i < bytes.size(); ++i)
      if (random() % 4 != 0) bytes[i] = std::byte{0};
    const auto scan = scan_segment(bytes, header, [](const frame&) { BOOST_ERROR("a record that nobody wrote"); });
    BOOST_TEST_REQUIRE(scan.end == records_begin);
    BOOST_TEST_REQUIRE(scan.tail_end <= std::max(bytes.size(), records_begin));
  }
}
