// Identifiers and their texts: what is written reads back, and nothing else reads.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/types.hpp>

#include <boost/test/unit_test.hpp>

#include <limits>
#include <random>
#include <set>

namespace two_phase = rondo::two_phase;
using two_phase::branch_id;
using two_phase::log_uuid;
using two_phase::txid;

namespace {

log_uuid uuid_of(std::mt19937_64& random) {
  log_uuid::bytes_type bytes;
  for (auto& byte : bytes)
    byte = static_cast<std::byte>(random() & 255);
  return log_uuid(bytes);
}

/// Numbers of every length, so that short and long texts are both common.
std::uint64_t number_of(std::mt19937_64& random) { return random() >> random() % 64; }

branch_id branch_of(std::mt19937_64& random) {
  const auto uuid = uuid_of(random);
  const auto epoch = number_of(random);
  const auto seq = number_of(random);
  return {txid(uuid, epoch, seq), static_cast<std::uint32_t>(number_of(random))};
}

} // namespace

BOOST_AUTO_TEST_SUITE(two_phase_types)

BOOST_AUTO_TEST_CASE(identifiers_read_back) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const auto id = branch_of(random);
    const auto text = id.to_gid();
    BOOST_TEST_REQUIRE((branch_id::from_gid(text) == id), text);
    BOOST_TEST_REQUIRE((log_uuid::parse(id.transaction().coordinator().to_string()) == id.transaction().coordinator()));
    BOOST_TEST_REQUIRE(text.size() < 80u);
    BOOST_TEST_REQUIRE(text.starts_with(branch_id::gid_prefix(id.transaction().coordinator())));
  }
}

BOOST_AUTO_TEST_CASE(the_longest_identifier) {
  log_uuid::bytes_type ones;
  ones.fill(std::byte{255});
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  const branch_id id({log_uuid(ones), most, most}, std::numeric_limits<std::uint32_t>::max());
  BOOST_TEST(id.to_gid().size() == branch_id::max_gid_size);
  BOOST_TEST((branch_id::from_gid("rondo_______________________w_ffffffffffffffff_ffffffffffffffff_ffffffff") ==
              std::nullopt));
  BOOST_TEST((branch_id::from_gid(id.to_gid()) == id));
  BOOST_TEST((branch_id::from_gid(id.to_gid() + "0") == std::nullopt));
}

BOOST_AUTO_TEST_CASE(one_text_for_each_identifier) {
  std::mt19937_64 random(2);
  const std::string digits = "0123456789abcdefABCDEFwxyz_-+ ";
  for (int i = 0; i < 20'000; ++i) {
    auto text = branch_of(random).to_gid();
    text[random() % text.size()] = digits[random() % digits.size()];
    if (random() % 4 == 0) text.erase(random() % text.size(), 1);
    // A changed text is refused, or it is the text of what it reads as.
    if (const auto read = branch_id::from_gid(text)) BOOST_TEST_REQUIRE(read->to_gid() == text);
  }
}

BOOST_AUTO_TEST_CASE(texts_that_are_not_identifiers) {
  const std::string log(22, 'A');
  BOOST_TEST((branch_id::from_gid("rondo_" + log + "_1_2_3") == branch_id({log_uuid(), 1, 2}, 3)));
  for (const auto& text :
       {std::string(), std::string("rondo_"), "rondo_" + log, "rondo_" + log + "_1_2", "rondo_" + log + "_1_2_",
        "rondo_" + log + "_01_2_3", "rondo_" + log + "_1_2_3_", "rondo_" + log + "_1_2_100000000",
        "rondo_" + log + "_10000000000000000_2_3", "rondo_" + log + "_A_2_3", "rondo_" + log + "__2_3",
        "Rondo_" + log + "_1_2_3", "rondo_" + log.substr(1) + "B_1_2_3", "rondo_" + log.substr(1) + "_1_2_3"})
    BOOST_TEST((branch_id::from_gid(text) == std::nullopt), text);
}

BOOST_AUTO_TEST_CASE(no_prefix_of_an_identifier_but_those_of_its_last_number_reads) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 200; ++i) {
    const auto text = branch_of(random).to_gid();
    const auto last = text.rfind('_') + 1;
    for (std::size_t size = 0; size < text.size(); ++size)
      BOOST_TEST((branch_id::from_gid(text.substr(0, size)).has_value()) == (size > last), text.substr(0, size));
  }
}

BOOST_AUTO_TEST_CASE(arbitrary_bytes_are_no_identifiers) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 20'000; ++i) {
    std::string text(random() % 100, '\0');
    for (auto& c : text)
      c = static_cast<char>(random() & 255);
    BOOST_TEST_REQUIRE((branch_id::from_gid(text) == std::nullopt));
    BOOST_TEST_REQUIRE((branch_id::from_gid("rondo_" + text) == std::nullopt));
    text.resize(22, 'A');
    if (const auto read = log_uuid::parse(text)) BOOST_TEST_REQUIRE(read->to_string() == text);
  }
}

BOOST_AUTO_TEST_CASE(results_say_what_they_say) {
  using two_phase::commit_result;
  const commit_result committed(two_phase::decision::committed);
  BOOST_TEST((committed.committed() && !committed.aborted() && !committed.unknown()));
  BOOST_TEST(!committed.code());
  const commit_result unknown(two_phase::decision::unknown, two_phase::errc::log_poisoned, "disk");
  BOOST_TEST((!unknown.committed() && !unknown.aborted() && unknown.unknown()));
  BOOST_TEST((unknown.code() == two_phase::errc::log_poisoned));
  BOOST_TEST(unknown.reason() == "disk");
  const commit_result mixed(two_phase::decision::heuristic_mixed);
  BOOST_TEST((!mixed.committed() && !mixed.aborted() && !mixed.unknown()));
  static_assert(!std::is_convertible_v<commit_result, bool>);
}

BOOST_AUTO_TEST_CASE(order_follows_time) {
  const log_uuid log;
  BOOST_TEST((txid(log, 1, 9) < txid(log, 2, 1)));
  BOOST_TEST((txid(log, 1, 1) < txid(log, 1, 2)));
  BOOST_TEST((two_phase::position(1, 9) < two_phase::position(2, 0)));
}

BOOST_AUTO_TEST_CASE(random_identities_differ) {
  std::set<log_uuid> seen;
  for (int i = 0; i < 100; ++i)
    seen.insert(log_uuid::random());
  BOOST_TEST(seen.size() == 100u);
  BOOST_TEST(log_uuid().is_nil());
  BOOST_TEST(!seen.begin()->is_nil());
}

BOOST_AUTO_TEST_CASE(every_error_has_words) {
  std::set<std::string> seen;
  for (int code = 1; code <= static_cast<int>(two_phase::errc::wrong_state); ++code)
    seen.insert(make_error_code(static_cast<two_phase::errc>(code)).message());
  BOOST_TEST(seen.size() == static_cast<std::size_t>(two_phase::errc::wrong_state));
  for (const auto& words : seen)
    BOOST_TEST(!words.starts_with("unknown error"));
}

BOOST_AUTO_TEST_SUITE_END()
