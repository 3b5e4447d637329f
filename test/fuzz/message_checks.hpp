// What must hold for the decoder of messages, whatever bytes it gets; and bytes to start from.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/message_codec.hpp>

#include <span>
#include <string>
#include <vector>

namespace message_test {

namespace tp = rondo::two_phase;

inline tp::log_uuid uuid_of(int number) {
  tp::log_uuid::bytes_type bytes{};
  bytes[0] = static_cast<std::byte>(number);
  bytes[15] = std::byte{0xA5};
  return tp::log_uuid(bytes);
}

/// Decodes the input. What does not hold, or an empty text.
inline std::string check_message(std::span<const std::byte> input) {
  std::string why = "left from before";
  const auto decoded = tp::decode_message(input, why);
  if (decoded.has_value() != why.empty()) return "a reason without a refusal, or a refusal without a reason";
  if (!decoded) return {};
  const auto encoded = tp::encode_message(*decoded);
  if (!std::equal(encoded.begin(), encoded.end(), input.begin(), input.end()))
    return "a message that was decoded is encoded otherwise";
  return {};
}

/// A message of every kind, with every value that its members can have, from a coordinator and from a participant.
inline std::vector<tp::message> one_of_each() {
  using kind = tp::message_kind;
  const tp::branch_id id(tp::txid(uuid_of(1), 2, 3), 4);
  std::vector<tp::message> all;
  const auto add = [&](tp::message what) {
    all.push_back(what.from(uuid_of(5)).sender(tp::participant_name("stock")));
    all.push_back(what.from(tp::log_uuid()).sender(tp::participant_name("shop")).low_water({6, 7}));
  };
  for (const auto each : {kind::prepare, kind::commit_one_phase}) {
    add(tp::message(each, id));
    add(tp::message(each, id).payload({std::byte{0}, std::byte{255}, std::byte{1}}));
  }
  for (const auto each : {tp::vote::yes, tp::vote::no, tp::vote::read_only})
    add(tp::message(kind::vote, id).vote(each).reason(each == tp::vote::no ? "sold out" : ""));
  add(tp::message(kind::commit, id).prepared_under(uuid_of(8)));
  for (const auto each : {tp::ack_kind::committed, tp::ack_kind::rolled_back, tp::ack_kind::heuristic_damage,
                          tp::ack_kind::heuristic_hazard})
    add(tp::message(kind::ack, id).ack(each));
  add(tp::message(kind::outcome, id).outcome(tp::outcome_kind::commit).prepared_under(uuid_of(9)));
  for (const auto each : {tp::outcome_kind::abort, tp::outcome_kind::pending, tp::outcome_kind::not_mine})
    add(tp::message(kind::outcome, id).outcome(each));
  for (const auto each : {tp::decision::committed, tp::decision::aborted})
    add(tp::message(kind::done, id).decision(each).reason("why"));
  for (const auto each : {kind::rollback, kind::inquire, kind::forget})
    add(tp::message(each, id));
  return all;
}

} // namespace message_test
