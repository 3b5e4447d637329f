// Records: every type reads back, and no bytes confuse the decoder.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/record.hpp>

#include <boost/test/unit_test.hpp>

#include <random>

namespace two_phase = rondo::two_phase;
using two_phase::branch_id;
using two_phase::log_entry;
using two_phase::log_record;
using two_phase::log_uuid;
using two_phase::participant_name;
using two_phase::record_type;
using two_phase::txid;

namespace {

std::vector<log_entry> one_of_each() {
  log_uuid::bytes_type bytes{};
  bytes[3] = std::byte{7};
  const txid tx(log_uuid(bytes), 5, 12);
  const branch_id branch(tx, 3);
  std::vector<log_entry> result;
  result.push_back(log_entry(record_type::epoch, txid(log_uuid(bytes), 6, 0)));
  result.push_back(
      log_entry(record_type::commit, tx)
          .yes_branches({{0, participant_name("stock"), log_uuid(bytes)}, {4, participant_name(""), log_uuid()}}));
  result.push_back(log_entry(record_type::end, tx));
  result.push_back(log_entry(record_type::abort, tx));
  result.push_back(log_entry(record_type::prepared, branch)
                       .coordinator(participant_name("shop"))
                       .token({std::byte{1}, std::byte{0}, std::byte{255}}));
  result.push_back(log_entry(record_type::committed, branch));
  result.push_back(log_entry(record_type::aborted, branch));
  result.push_back(log_entry(record_type::watermark, tx));
  result.push_back(log_entry(record_type::heuristic, branch)
                       .resolved(two_phase::decision::committed)
                       .who("root")
                       .when(1'700'000'000));
  result.push_back(log_entry(record_type::forget, branch));
  return result;
}

} // namespace

BOOST_AUTO_TEST_SUITE(two_phase_record)

BOOST_AUTO_TEST_CASE(every_type_reads_back) {
  for (const auto& entry : one_of_each()) {
    const auto read = log_entry::decode(entry.encode());
    BOOST_TEST_REQUIRE(read.has_value(), to_string(entry.type()));
    BOOST_TEST((*read == entry), to_string(entry.type()));
  }
}

BOOST_AUTO_TEST_CASE(no_prefix_and_no_longer_record_reads) {
  for (const auto& entry : one_of_each()) {
    auto body = entry.encode().body();
    for (std::size_t size = 0; size < body.size(); ++size)
      BOOST_TEST((log_entry::decode({entry.type(), {body.begin(), body.begin() + static_cast<std::ptrdiff_t>(size)}}) ==
                  std::nullopt));
    body.push_back(std::byte{0});
    BOOST_TEST((log_entry::decode({entry.type(), body}) == std::nullopt));
  }
}

BOOST_AUTO_TEST_CASE(what_reads_is_what_encodes) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 200'000; ++i) {
    const auto entries = one_of_each();
    const auto record = entries[random() % entries.size()].encode();
    auto body = record.body();
    for (auto flips = 1 + random() % 3; flips > 0; --flips)
      body[random() % body.size()] = static_cast<std::byte>(random() & 255);
    const auto type =
        static_cast<record_type>(random() % 4 == 0 ? random() % 256 : static_cast<unsigned>(record.type()));
    const log_record changed(type, body);
    // The encoding is a bijection on what decodes: two different bodies never mean the same.
    if (const auto read = log_entry::decode(changed)) BOOST_TEST_REQUIRE((read->encode() == changed));
  }
}

BOOST_AUTO_TEST_CASE(arbitrary_bytes_are_safe_to_read) {
  std::mt19937_64 random(4);
  std::size_t read_back = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::vector<std::byte> body(random() % 120);
    for (auto& byte : body)
      byte = static_cast<std::byte>(random() % 3 ? random() & 3 : random() & 255); // small counts get further
    if (!body.empty()) body[0] = std::byte{1};
    const log_record record(static_cast<record_type>(random() % 12), body);
    if (const auto read = log_entry::decode(record)) {
      ++read_back;
      BOOST_TEST_REQUIRE((read->encode() == record));
    }
  }
  BOOST_TEST(read_back > 0u);
}

BOOST_AUTO_TEST_CASE(a_count_is_not_trusted) {
  for (const auto& entry : one_of_each()) {
    if (entry.type() != record_type::commit && entry.type() != record_type::prepared) continue;
    auto body = entry.encode().body();
    const std::size_t count = 1 + 16 + 8 + 8 + 4; // after the version and the branch
    for (std::size_t i = 0; i < 4; ++i)
      body[count + i] = std::byte{255};
    BOOST_TEST((log_entry::decode({entry.type(), body}) == std::nullopt)); // and no 4 GiB are reserved
  }
}

BOOST_AUTO_TEST_CASE(only_a_decision_of_an_administrator_reads) {
  const auto record = log_entry(record_type::heuristic, branch_id()).resolved(two_phase::decision::aborted).encode();
  auto body = record.body();
  const std::size_t decision = 1 + 16 + 8 + 8 + 4;
  BOOST_TEST(log_entry::decode({record.type(), body}).has_value());
  for (int value = 2; value < 256; ++value) {
    body[decision] = static_cast<std::byte>(value);
    BOOST_TEST((log_entry::decode({record.type(), body}) == std::nullopt));
  }
}

BOOST_AUTO_TEST_CASE(a_newer_version_is_refused) {
  const auto record = one_of_each().front().encode();
  auto body = record.body();
  BOOST_TEST(std::to_integer<int>(body[0]) == 1);
  body[0] = std::byte{2};
  BOOST_TEST((log_entry::decode({record.type(), body}) == std::nullopt));
}

BOOST_AUTO_TEST_CASE(numbers_of_types_are_fixed) {
  BOOST_TEST(static_cast<int>(record_type::epoch) == 1);
  BOOST_TEST(static_cast<int>(record_type::commit) == 2);
  BOOST_TEST(static_cast<int>(record_type::forget) == 10);
  BOOST_TEST(to_string(static_cast<record_type>(0)).empty());
  BOOST_TEST(to_string(static_cast<record_type>(11)).empty());
}

BOOST_AUTO_TEST_SUITE_END()
