// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/message_codec.hpp>

#include "bytes.hpp"

#include <fmt/format.h>

RONDO_BEGIN_NAMESPACE
namespace two_phase {
namespace {

constexpr std::uint8_t encoding_version = 1;

// The numbers of the enumerations are part of the encoding: they are never changed or used again.
static_assert(static_cast<int>(message_kind::prepare) == 0 && static_cast<int>(message_kind::forget) == 9);
static_assert(static_cast<int>(vote::yes) == 0 && static_cast<int>(vote::read_only) == 2);
static_assert(static_cast<int>(ack_kind::committed) == 0 && static_cast<int>(ack_kind::heuristic_hazard) == 3);
static_assert(static_cast<int>(outcome_kind::commit) == 0 && static_cast<int>(outcome_kind::not_mine) == 3);
static_assert(static_cast<int>(decision::committed) == 0 && static_cast<int>(decision::aborted) == 1);

void write_members(detail::byte_writer& writer, const message& what) {
  switch (what.kind()) {
  case message_kind::prepare:
  case message_kind::commit_one_phase:
    writer.sized(what.payload());
    break;
  case message_kind::vote:
    writer.one_of(what.vote()).text(what.reason());
    break;
  case message_kind::commit:
    writer.uuid(what.prepared_under());
    break;
  case message_kind::ack:
    writer.one_of(what.ack());
    break;
  case message_kind::outcome:
    writer.one_of(what.outcome());
    if (what.outcome() == outcome_kind::commit) writer.uuid(what.prepared_under());
    break;
  case message_kind::done:
    writer.one_of(what.decision()).text(what.reason());
    break;
  case message_kind::rollback:
  case message_kind::inquire:
  case message_kind::forget:
    break;
  }
}

void read_members(detail::byte_reader& reader, message& what) {
  switch (what.kind()) {
  case message_kind::prepare:
  case message_kind::commit_one_phase:
    what.payload(reader.sized());
    break;
  case message_kind::vote:
    what.vote(reader.one_of(vote::read_only));
    what.reason(reader.text());
    break;
  case message_kind::commit:
    what.prepared_under(reader.uuid());
    break;
  case message_kind::ack:
    what.ack(reader.one_of(ack_kind::heuristic_hazard));
    break;
  case message_kind::outcome:
    what.outcome(reader.one_of(outcome_kind::not_mine));
    if (!reader.failed() && what.outcome() == outcome_kind::commit) what.prepared_under(reader.uuid());
    break;
  case message_kind::done:
    what.decision(reader.one_of(decision::aborted));
    what.reason(reader.text());
    break;
  case message_kind::rollback:
  case message_kind::inquire:
  case message_kind::forget:
    break;
  }
}

/// What no coordinator has given to a transaction, or nothing.
std::string_view wrong_place(const message& what) {
  if (what.transaction().coordinator().is_nil()) return "its transaction id names no coordinator";
  if (what.transaction().epoch() == 0) return "its transaction id has epoch 0, but the first start has epoch 1";
  if (what.low_water().epoch() == 0 && what.low_water().seq() != 0) return "its watermark has epoch 0";
  return {};
}

std::string_view wrong_end(const detail::byte_reader& reader) {
  return reader.failed() ? "it is cut off, or one of its values has no meaning" : "there are bytes behind its end";
}

} // namespace

std::vector<std::byte> encode_message(const message& what) {
  detail::byte_writer writer;
  writer.number(encoding_version).one_of(what.kind()).branch(what.branch());
  writer.uuid(what.from()).text(what.sender().text()).place(what.low_water());
  write_members(writer, what);
  return writer.take();
}

std::optional<message> decode_message(std::span<const std::byte> bytes, std::string& why) {
  why.clear();
  if (bytes.empty()) {
    why = "a message without bytes";
    return std::nullopt;
  }
  detail::byte_reader reader(bytes);
  if (const auto version = reader.number<std::uint8_t>(); version != encoding_version) {
    why = fmt::format("a message in version {} of the encoding; this program knows version {}", version,
                      encoding_version);
    return std::nullopt;
  }
  const auto number = reader.number<std::uint8_t>();
  const auto kind = static_cast<message_kind>(number);
  if (!reader.failed() && to_string(kind).empty()) {
    why = fmt::format("a message of the unknown kind {}; the sender may be a newer version of rondo", number);
    return std::nullopt;
  }
  message what(kind, reader.branch());
  what.from(reader.uuid());
  what.sender(participant_name(reader.text()));
  what.low_water(reader.place());
  read_members(reader, what);
  const auto wrong = reader.complete() ? wrong_place(what) : wrong_end(reader);
  if (wrong.empty()) return what;
  why = fmt::format("a {} message that is damaged: {}", to_string(kind), wrong);
  return std::nullopt;
}

} // namespace two_phase
RONDO_END_NAMESPACE
