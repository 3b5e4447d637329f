// Messages as bytes: every kind reads back, and no bytes confuse the decoder.
// SPDX-License-Identifier: BSL-1.0
#include "../fuzz/message_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <limits>
#include <random>
#include <set>

namespace two_phase = rondo::two_phase;
using message_test::check_message;
using message_test::one_of_each;
using message_test::uuid_of;
using two_phase::branch_id;
using two_phase::decode_message;
using two_phase::encode_message;
using two_phase::message;
using two_phase::message_kind;
using two_phase::txid;

namespace {

using bytes = std::vector<std::byte>;

constexpr std::size_t kind_at = 1;
constexpr std::size_t coordinator_at = 2;
constexpr std::size_t epoch_at = coordinator_at + 16;
constexpr std::size_t sender_size_at = epoch_at + 8 + 8 + 4 + 16;
constexpr std::size_t size_without_texts = sender_size_at + 4 + 16;

std::string refusal(const bytes& input) {
  std::string why;
  BOOST_TEST((decode_message(input, why) == std::nullopt));
  return why;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

} // namespace

BOOST_AUTO_TEST_SUITE(two_phase_message_codec)

BOOST_AUTO_TEST_CASE(every_kind_reads_back) {
  std::set<message_kind> kinds;
  for (const auto& what : one_of_each()) {
    kinds.insert(what.kind());
    std::string why = "left from before";
    const auto read = decode_message(encode_message(what), why);
    BOOST_TEST_REQUIRE(read.has_value(), to_string(what.kind()) << ": " << why);
    BOOST_TEST((*read == what), to_string(what.kind()));
    BOOST_TEST(why == "");
  }
  BOOST_TEST(kinds.size() == 10u);
}

BOOST_AUTO_TEST_CASE(the_greatest_numbers_read_back) {
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  const auto what = message(message_kind::vote, branch_id(txid(uuid_of(7), most, most), 0xFFFFFFFF))
                        .low_water({most, most})
                        .sender(two_phase::participant_name(std::string(70'000, 'n')))
                        .reason(std::string("a\0b\xFF", 4));
  std::string why;
  BOOST_TEST((decode_message(encode_message(what), why) == what));
}

BOOST_AUTO_TEST_CASE(members_that_a_kind_does_not_have_are_left_out) {
  auto what = message(message_kind::rollback, branch_id(txid(uuid_of(1), 1, 1), 0));
  const auto plain = encode_message(what);
  BOOST_TEST(plain.size() == size_without_texts);
  what.payload(bytes(100)).reason("no").prepared_under(uuid_of(3)).vote(two_phase::vote::yes);
  BOOST_TEST((encode_message(what) == plain));
}

BOOST_AUTO_TEST_CASE(no_prefix_and_no_longer_message_reads) {
  for (const auto& what : one_of_each()) {
    auto all = encode_message(what);
    for (std::size_t size = 0; size < all.size(); ++size)
      BOOST_TEST(refusal({all.begin(), all.begin() + static_cast<std::ptrdiff_t>(size)}) != "");
    all.push_back(std::byte{0});
    BOOST_TEST(contains(refusal(all), "bytes behind its end"));
  }
}

BOOST_AUTO_TEST_CASE(every_changed_byte_is_another_message_or_none) {
  for (const auto& what : one_of_each()) {
    const auto all = encode_message(what);
    for (std::size_t i = 0; i < all.size(); ++i)
      for (const int change : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
        auto changed = all;
        changed[i] ^= static_cast<std::byte>(change);
        std::string why = check_message(changed);
        BOOST_TEST_REQUIRE(why == "");
        BOOST_TEST_REQUIRE((decode_message(changed, why) != what));
      }
  }
}

BOOST_AUTO_TEST_CASE(mutated_messages_keep_what_the_decoder_promises) {
  std::mt19937_64 random(5);
  const auto all = one_of_each();
  for (int i = 0; i < 50'000; ++i) {
    auto input = encode_message(all[random() % all.size()]);
    for (auto steps = 1 + random() % 3; steps > 0 && !input.empty(); --steps) {
      const auto place = input.begin() + static_cast<std::ptrdiff_t>(random() % input.size());
      if (random() % 4 == 0)
        input.insert(place, static_cast<std::byte>(random() & 3));
      else if (random() % 4 == 0)
        input.erase(place);
      else
        *place = static_cast<std::byte>(random() % 2 ? random() & 3 : random() & 255);
    }
    BOOST_TEST_REQUIRE(check_message(input) == "");
  }
}

BOOST_AUTO_TEST_CASE(arbitrary_bytes_are_safe_to_read) {
  std::mt19937_64 random(6);
  std::size_t read = 0;
  for (int i = 0; i < 50'000; ++i) {
    bytes input(random() % 2 ? size_without_texts + random() % 24 : random() % 150);
    for (auto& byte : input)
      byte = static_cast<std::byte>(random() % 16 ? random() & 1 : random() & 255); // small counts get further
    if (!input.empty()) input[0] = std::byte{1};
    BOOST_TEST_REQUIRE(check_message(input) == "");
    std::string why;
    if (decode_message(input, why)) ++read;
  }
  BOOST_TEST(read > 0u);
}

BOOST_AUTO_TEST_CASE(a_count_is_not_trusted) {
  for (const auto& what : one_of_each()) {
    auto input = encode_message(what);
    for (std::size_t i = 0; i < 4; ++i)
      input[sender_size_at + i] = std::byte{255};
    BOOST_TEST(contains(refusal(input), "cut off")); // and no 4 GiB are reserved
  }
}

BOOST_AUTO_TEST_CASE(a_newer_version_and_an_unknown_kind_are_named) {
  auto input = encode_message(one_of_each().front());
  BOOST_TEST(std::to_integer<int>(input[0]) == 1);
  input[0] = std::byte{2};
  BOOST_TEST(contains(refusal(input), "version 2"));
  input[0] = std::byte{1};
  for (int kind = 10; kind < 256; ++kind) {
    input[kind_at] = static_cast<std::byte>(kind);
    BOOST_TEST(contains(refusal(input), "unknown kind " + std::to_string(kind)));
  }
  BOOST_TEST(refusal({}) == "a message without bytes");
}

BOOST_AUTO_TEST_CASE(an_id_that_no_coordinator_has_given_is_refused) {
  for (const auto& what : one_of_each()) {
    auto nobody = encode_message(what);
    std::fill_n(nobody.begin() + coordinator_at, 16, std::byte{0});
    BOOST_TEST(contains(refusal(nobody), "names no coordinator"));
    auto never = encode_message(what);
    std::fill_n(never.begin() + epoch_at, 8, std::byte{0});
    BOOST_TEST(contains(refusal(never), "epoch 0"));
  }
  const message watermark = message(message_kind::commit, branch_id(txid(uuid_of(1), 1, 0), 0)).low_water({0, 1});
  BOOST_TEST(contains(refusal(encode_message(watermark)), "watermark"));
}

BOOST_AUTO_TEST_CASE(values_without_a_meaning_are_refused) {
  const branch_id id(txid(uuid_of(1), 1, 0), 0);
  const std::pair<message_kind, int> meanings[] = {
      {message_kind::vote, 3}, {message_kind::ack, 4}, {message_kind::outcome, 4}, {message_kind::done, 2}};
  for (const auto& [kind, count] : meanings) {
    auto input = encode_message(message(kind, id).decision(two_phase::decision::aborted));
    for (int value = count; value < 256; ++value) {
      input[size_without_texts] = static_cast<std::byte>(value);
      BOOST_TEST(contains(refusal(input), "no meaning"), to_string(kind) << " " << value);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_bytes_are_fixed) {
  const auto input = encode_message(message(message_kind::vote, branch_id(txid(uuid_of(0x11), 0x22, 0x33), 0x44))
                                        .from(uuid_of(0x55))
                                        .sender(two_phase::participant_name("ab"))
                                        .low_water({0x66, 0x77})
                                        .vote(two_phase::vote::read_only)
                                        .reason("c"));
  std::string hex;
  for (const auto byte : input)
    for (const int digit : {std::to_integer<int>(byte) >> 4, std::to_integer<int>(byte) & 15})
      hex += "0123456789abcdef"[digit];
  BOOST_TEST(hex == "0101"
                    "110000000000000000000000000000a5"
                    "2200000000000000"
                    "3300000000000000"
                    "44000000"
                    "550000000000000000000000000000a5"
                    "02000000"
                    "6162"
                    "6600000000000000"
                    "7700000000000000"
                    "02"
                    "01000000"
                    "63");
}

BOOST_AUTO_TEST_SUITE_END()
