// Messages as headers and bodies: every kind reads back, and whatever else comes is refused with its reason.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/message_headers.hpp>

#include "../support/expect.hpp"

#include <random>

using namespace rondo::two_phase;
using support::contains;

namespace {

log_uuid uuid_of(int number) {
  log_uuid::bytes_type bytes{};
  bytes[15] = static_cast<std::byte>(number);
  return log_uuid(bytes);
}

const branch_id id(txid(uuid_of(1), 2, 3), 4);

message common(message_kind kind) {
  return message(kind, id).from(uuid_of(5)).sender(participant_name("shop")).low_water({2, 0xabc});
}

/// At least one of each kind, with all the values that its members can have.
std::vector<message> all_messages() {
  const std::vector<std::byte> payload{std::byte{0}, std::byte{255}, std::byte{'"'}};
  std::vector<message> all{common(message_kind::prepare).payload(payload),
                           common(message_kind::prepare),
                           common(message_kind::commit_one_phase).payload(payload),
                           common(message_kind::commit).prepared_under(uuid_of(6)),
                           common(message_kind::rollback),
                           common(message_kind::rollback).low_water({}),
                           common(message_kind::inquire),
                           common(message_kind::forget)};
  for (const auto value : {vote::yes, vote::no, vote::read_only})
    all.push_back(common(message_kind::vote).vote(value).reason("no\nmoney"));
  for (int i = 0; i < 4; ++i) {
    all.push_back(common(message_kind::ack).ack(static_cast<ack_kind>(i)));
    auto outcome = common(message_kind::outcome).outcome(static_cast<outcome_kind>(i));
    if (outcome.outcome() == outcome_kind::commit) outcome.prepared_under(uuid_of(7));
    all.push_back(std::move(outcome));
  }
  for (const auto value : {decision::committed, decision::aborted})
    all.push_back(common(message_kind::done).decision(value).reason("why"));
  return all;
}

/// What is wrong with a message, or "" if nothing is.
std::string refusal(const message_headers& headers, std::span<const std::byte> body = {}) {
  std::string why = "left over";
  const auto what = from_headers(headers, body, why);
  BOOST_TEST(what.has_value() == why.empty());
  return why;
}

message_headers with(const message& what, const std::string& name, std::string value) {
  auto headers = to_headers(what).headers();
  headers[name] = std::move(value);
  return headers;
}

} // namespace

BOOST_AUTO_TEST_SUITE(two_phase_message_headers)

BOOST_AUTO_TEST_CASE(every_message_reads_back) {
  for (const auto& what : all_messages()) {
    const auto text = to_headers(what);
    std::string why;
    const auto back = from_headers(text.headers(), text.body(), why);
    BOOST_TEST_REQUIRE(back.has_value(), to_string(what.kind()) << ": " << why);
    BOOST_TEST((*back == what), to_string(what.kind()));
    BOOST_TEST((to_headers(*back) == text));
  }
}

BOOST_AUTO_TEST_CASE(the_headers_are_those_of_the_documentation) {
  const auto prepare = to_headers(common(message_kind::prepare).payload({std::byte{'x'}}));
  BOOST_TEST(prepare.headers().at("__type__") == "PREPARE");
  BOOST_TEST(prepare.headers().at("__branch__") == id.to_gid());
  BOOST_TEST(prepare.headers().at("__log__") == uuid_of(5).to_string());
  BOOST_TEST(prepare.headers().at("__sender__") == "shop");
  BOOST_TEST(prepare.headers().at("__low_water__") == "2_abc");
  BOOST_TEST(prepare.headers().size() == 5u);
  BOOST_TEST((prepare.body() == std::vector{std::byte{'x'}}));
  BOOST_TEST(!to_headers(common(message_kind::forget).low_water({})).headers().contains("__low_water__"));
  const auto done = to_headers(common(message_kind::done).decision(decision::aborted).reason("why"));
  BOOST_TEST(done.headers().at("__decision__") == "ABORTED");
  BOOST_TEST(done.body().size() == 3u);
  const std::string_view types[] = {"PREPARE", "VOTE",    "COMMIT",    "ROLLBACK", "ACK",
                                    "INQUIRE", "OUTCOME", "COMMIT_1P", "DONE",     "FORGET"};
  for (int kind = 0; kind < 10; ++kind)
    BOOST_TEST(type_header(static_cast<message_kind>(kind)) == types[kind]);
  BOOST_TEST(type_header(static_cast<message_kind>(10)).empty());
}

BOOST_AUTO_TEST_CASE(a_missing_header_is_named) {
  for (const auto& what : all_messages()) {
    const auto text = to_headers(what);
    for (const auto& [name, value] : text.headers()) {
      auto fewer = text.headers();
      fewer.erase(name);
      const auto why = refusal(fewer, text.body());
      if (name == "__low_water__") // nothing is below it then
        BOOST_TEST(why == "");
      else
        BOOST_TEST(contains(why, "without the header " + name));
    }
  }
  BOOST_TEST(refusal({}) == "a message without the header __type__");
}

BOOST_AUTO_TEST_CASE(a_damaged_header_is_quoted) {
  for (const auto& what : all_messages()) {
    const auto text = to_headers(what);
    for (const auto& [name, value] : text.headers()) {
      if (name == "__sender__") continue; // any text is a name
      for (const auto& damaged : {std::string("?") + value, value + " ", std::string(), std::string("\0", 1)})
        BOOST_TEST(contains(refusal(with(what, name, damaged), text.body()), "in the header " + name));
    }
  }
  BOOST_TEST(refusal(with(common(message_kind::rollback), "__sender__", "")) ==
             "a message of type ROLLBACK with \"\" in the header __sender__");
  BOOST_TEST(refusal({{"__type__", "prepare"}}) == "a message with \"prepare\" in the header __type__");
  BOOST_TEST(refusal({{"__type__", std::string("\x1b[31m\n") + std::string(100, 'x')}}) ==
             "a message with \"?[31m?" + std::string(34, 'x') + "...\" in the header __type__");
}

BOOST_AUTO_TEST_CASE(numbers_are_taken_exactly) {
  const auto what = common(message_kind::rollback);
  for (const auto* damaged : {"1", "_", "1_", "_1", "01_1", "1_01", "1_A", "1_1_1", "1_ 1", "+1_1", "0x1_1", "0_1",
                              "10000000000000000_1", "1_10000000000000000"})
    BOOST_TEST(contains(refusal(with(what, "__low_water__", damaged)), "__low_water__"), damaged);
  BOOST_TEST(refusal(with(what, "__low_water__", "ffffffffffffffff_0")) == "");
}

BOOST_AUTO_TEST_CASE(ids_of_nobody_are_refused) {
  const auto gid = [](const txid& tx) { return branch_id(tx, 0).to_gid(); };
  const auto what = common(message_kind::rollback);
  BOOST_TEST(contains(refusal(with(what, "__branch__", gid({log_uuid(), 1, 1}))), "names no coordinator"));
  BOOST_TEST(contains(refusal(with(what, "__branch__", gid({uuid_of(1), 0, 1}))), "epoch 0"));
}

BOOST_AUTO_TEST_CASE(a_body_belongs_to_few_kinds) {
  const std::vector<std::byte> body(3);
  for (const auto& what : all_messages()) {
    const auto kind = what.kind();
    const bool has = kind == message_kind::prepare || kind == message_kind::commit_one_phase ||
                     kind == message_kind::vote || kind == message_kind::done;
    const auto why = refusal(to_headers(what).headers(), body);
    BOOST_TEST(why == (has ? ""
                           : "a message of type " + std::string(type_header(kind)) +
                                 " with a body of 3 bytes, where none belongs"));
  }
}

BOOST_AUTO_TEST_CASE(headers_of_others_do_not_matter) {
  BOOST_TEST(refusal(with(common(message_kind::rollback), "x-death", std::string(1000, '\xff'))) == "");
}

BOOST_AUTO_TEST_CASE(any_bytes_are_safe) {
  std::mt19937_64 random(1);
  const auto all = all_messages();
  std::size_t read = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto text = to_headers(all[random() % all.size()]);
    auto headers = text.headers();
    auto changed = headers.begin();
    std::advance(changed, static_cast<std::ptrdiff_t>(random() % headers.size()));
    auto& value = changed->second;
    if (!value.empty()) value[random() % value.size()] = static_cast<char>(random() & 255);
    if (random() % 4 == 0) value.resize(random() % (value.size() + 3));
    std::string why;
    const auto what = from_headers(headers, text.body(), why);
    BOOST_TEST_REQUIRE(what.has_value() == why.empty());
    if (!what) continue;
    ++read;
    std::string ignored;
    const auto again = to_headers(*what);
    BOOST_TEST_REQUIRE((from_headers(again.headers(), again.body(), ignored) == what));
  }
  BOOST_TEST(read > 1000u);
}

BOOST_AUTO_TEST_SUITE_END()
