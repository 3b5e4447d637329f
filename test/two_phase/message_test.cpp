// Messages: what is set is what is read, and members start with the values that promise least.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/message.hpp>

#include <boost/test/unit_test.hpp>

#include <set>

namespace two_phase = rondo::two_phase;
using two_phase::branch_id;
using two_phase::log_uuid;
using two_phase::message;
using two_phase::message_kind;
using two_phase::participant_name;
using two_phase::txid;

namespace {

log_uuid uuid_of(int number) {
  log_uuid::bytes_type bytes{};
  bytes[15] = static_cast<std::byte>(number);
  return log_uuid(bytes);
}

const branch_id id(txid(uuid_of(1), 2, 3), 4);

} // namespace

BOOST_AUTO_TEST_SUITE(two_phase_message)

BOOST_AUTO_TEST_CASE(members_read_back) {
  const auto what = message(message_kind::prepare, id)
                        .from(uuid_of(5))
                        .sender(participant_name("shop"))
                        .low_water({6, 7})
                        .payload({std::byte{8}})
                        .vote(two_phase::vote::read_only)
                        .ack(two_phase::ack_kind::heuristic_damage)
                        .outcome(two_phase::outcome_kind::not_mine)
                        .decision(two_phase::decision::committed)
                        .prepared_under(uuid_of(9))
                        .reason("why");
  BOOST_TEST((what.kind() == message_kind::prepare));
  BOOST_TEST((what.branch() == id));
  BOOST_TEST((what.transaction() == id.transaction()));
  BOOST_TEST((what.from() == uuid_of(5)));
  BOOST_TEST(what.sender().text() == "shop");
  BOOST_TEST((what.low_water() == two_phase::position(6, 7)));
  BOOST_TEST((what.payload() == std::vector{std::byte{8}}));
  BOOST_TEST((what.vote() == two_phase::vote::read_only));
  BOOST_TEST((what.ack() == two_phase::ack_kind::heuristic_damage));
  BOOST_TEST((what.outcome() == two_phase::outcome_kind::not_mine));
  BOOST_TEST((what.decision() == two_phase::decision::committed));
  BOOST_TEST((what.prepared_under() == uuid_of(9)));
  BOOST_TEST(what.reason() == "why");
}

BOOST_AUTO_TEST_CASE(what_is_not_set_promises_nothing) {
  const message what(message_kind::vote, id);
  BOOST_TEST((what.vote() == two_phase::vote::no));
  BOOST_TEST((what.outcome() == two_phase::outcome_kind::pending));
  BOOST_TEST((what.decision() == two_phase::decision::unknown));
  BOOST_TEST((what.ack() == two_phase::ack_kind::rolled_back));
  BOOST_TEST((what.low_water() == two_phase::position()));
  BOOST_TEST(what.from().is_nil());
  BOOST_TEST(what.prepared_under().is_nil());
  BOOST_TEST(what.sender().empty());
}

BOOST_AUTO_TEST_CASE(every_member_counts_in_comparisons) {
  const message plain(message_kind::vote, id);
  const std::set<message> different{plain,
                                    message(message_kind::ack, id),
                                    message(message_kind::vote, {id.transaction(), 5}),
                                    message(plain).from(uuid_of(5)),
                                    message(plain).sender(participant_name("p")),
                                    message(plain).low_water({0, 1}),
                                    message(plain).payload({std::byte{0}}),
                                    message(plain).vote(two_phase::vote::yes),
                                    message(plain).ack(two_phase::ack_kind::committed),
                                    message(plain).outcome(two_phase::outcome_kind::abort),
                                    message(plain).decision(two_phase::decision::aborted),
                                    message(plain).prepared_under(uuid_of(5)),
                                    message(plain).reason("why")};
  BOOST_TEST(different.size() == 13u);
}

BOOST_AUTO_TEST_CASE(every_kind_has_a_name) {
  std::set<std::string_view> names;
  for (int kind = 0; kind <= static_cast<int>(message_kind::forget); ++kind)
    names.insert(to_string(static_cast<message_kind>(kind)));
  BOOST_TEST(names.size() == 10u);
  BOOST_TEST(!names.contains(""));
  BOOST_TEST(to_string(static_cast<message_kind>(10)).empty());
}

BOOST_AUTO_TEST_SUITE_END()
