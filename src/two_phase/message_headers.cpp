// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/message_headers.hpp>

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace two_phase {
namespace {

template <class Value, std::size_t N>
using words = std::array<std::pair<Value, std::string_view>, N>;

constexpr words<message_kind, 10> kinds{{{message_kind::prepare, "PREPARE"},
                                         {message_kind::vote, "VOTE"},
                                         {message_kind::commit, "COMMIT"},
                                         {message_kind::rollback, "ROLLBACK"},
                                         {message_kind::ack, "ACK"},
                                         {message_kind::inquire, "INQUIRE"},
                                         {message_kind::outcome, "OUTCOME"},
                                         {message_kind::commit_one_phase, "COMMIT_1P"},
                                         {message_kind::done, "DONE"},
                                         {message_kind::forget, "FORGET"}}};
constexpr words<vote, 3> votes{{{vote::yes, "YES"}, {vote::no, "NO"}, {vote::read_only, "READ_ONLY"}}};
constexpr words<ack_kind, 4> acks{{{ack_kind::committed, "COMMITTED"},
                                   {ack_kind::rolled_back, "ROLLED_BACK"},
                                   {ack_kind::heuristic_damage, "HEURISTIC_DAMAGE"},
                                   {ack_kind::heuristic_hazard, "HEURISTIC_HAZARD"}}};
constexpr words<outcome_kind, 4> outcomes{{{outcome_kind::commit, "COMMIT"},
                                           {outcome_kind::abort, "ABORT"},
                                           {outcome_kind::pending, "PENDING"},
                                           {outcome_kind::not_mine, "NOT_MINE"}}};
constexpr words<decision, 2> decisions{{{decision::committed, "COMMITTED"}, {decision::aborted, "ABORTED"}}};

template <class Value, std::size_t N>
std::string_view word_of(const words<Value, N>& all, Value value) noexcept {
  for (const auto& [candidate, word] : all)
    if (candidate == value) return word;
  return {};
}

template <class Value, std::size_t N>
std::optional<Value> value_of(const words<Value, N>& all, std::string_view word) noexcept {
  for (const auto& [value, candidate] : all)
    if (candidate == word) return value;
  return std::nullopt;
}

/// One half of a watermark as `to_headers` writes it: no leading zeros, no capitals.
std::optional<std::uint64_t> parse_hex(std::string_view digits) noexcept {
  if (digits.empty() || (digits.size() > 1 && digits[0] == '0')) return std::nullopt;
  if (digits.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
  std::uint64_t value = 0;
  const auto [_, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

std::optional<position> parse_position(std::string_view text) noexcept {
  const auto middle = text.find('_');
  if (middle == std::string_view::npos) return std::nullopt;
  const auto epoch = parse_hex(text.substr(0, middle));
  const auto seq = parse_hex(text.substr(middle + 1));
  return epoch && seq && *epoch != 0 ? std::optional(position(*epoch, *seq)) : std::nullopt;
}

/// What a broker delivered may be anything, and is shown to people: a short piece, without control characters.
std::string quoted(std::string_view text) {
  constexpr std::size_t longest = 40;
  std::string shown = "\"";
  for (const char c : text.substr(0, longest))
    shown.push_back(c >= ' ' && c <= '~' ? c : '?');
  shown += text.size() > longest ? "...\"" : "\"";
  return shown;
}

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

/// Takes one header after the other, and notes the first that is missing or has no meaning.
class header_reader {
public:
  header_reader(const message_headers& headers, std::string& why) : headers_(headers), why_(why) {}

  const std::string* find(const char* name) const {
    const auto found = headers_.find(name);
    return found == headers_.end() ? nullptr : &found->second;
  }

  /// The value of a header that must be there, as `parse` understands it.
  template <class Parse, class Value = typename std::invoke_result_t<Parse&, std::string_view>::value_type>
  Value take(const char* name, Parse parse) {
    const auto* text = find(name);
    if (!text) {
      fail(fmt::format("without the header {}", name));
      return Value();
    }
    const auto value = parse(std::string_view(*text));
    if (!value) fail(fmt::format("with {} in the header {}", quoted(*text), name));
    return value.value_or(Value());
  }

  log_uuid uuid(const char* name) {
    return take(name, [](std::string_view text) { return log_uuid::parse(text); });
  }

  template <class Value, std::size_t N>
  Value one_of(const char* name, const words<Value, N>& all) {
    return take(name, [&all](std::string_view text) { return value_of(all, text); });
  }

  void fail(std::string what) {
    if (why_.empty()) why_ = std::move(what);
  }

private:
  const message_headers& headers_;
  std::string& why_;
};

void read_common(header_reader& reader, message& what) {
  what.from(reader.uuid("__log__"));
  const auto not_empty = [](std::string_view text) -> std::optional<std::string> {
    if (text.empty()) return std::nullopt;
    return std::string(text);
  };
  what.sender(participant_name(reader.take("__sender__", not_empty)));
  if (reader.find("__low_water__")) what.low_water(reader.take("__low_water__", parse_position));
  if (what.transaction().coordinator().is_nil()) reader.fail("with a transaction id that names no coordinator");
  if (what.transaction().epoch() == 0) reader.fail("with a transaction id of epoch 0; the first start has epoch 1");
}

void read_members(header_reader& reader, message& what, std::span<const std::byte> body) {
  const std::string text(reinterpret_cast<const char*>(body.data()), body.size());
  switch (what.kind()) {
  case message_kind::prepare:
  case message_kind::commit_one_phase:
    what.payload({body.begin(), body.end()});
    return;
  case message_kind::vote:
    what.vote(reader.one_of("__vote__", votes)).reason(text);
    return;
  case message_kind::done:
    what.decision(reader.one_of("__decision__", decisions)).reason(text);
    return;
  case message_kind::commit:
    what.prepared_under(reader.uuid("__prepared_under__"));
    break;
  case message_kind::ack:
    what.ack(reader.one_of("__ack__", acks));
    break;
  case message_kind::outcome:
    what.outcome(reader.one_of("__outcome__", outcomes));
    if (what.outcome() == outcome_kind::commit) what.prepared_under(reader.uuid("__prepared_under__"));
    break;
  case message_kind::rollback:
  case message_kind::inquire:
  case message_kind::forget:
    break;
  }
  if (!body.empty()) reader.fail(fmt::format("with a body of {} bytes, where none belongs", body.size()));
}

} // namespace

std::string_view type_header(message_kind kind) noexcept { return word_of(kinds, kind); }

headed_message to_headers(const message& what) {
  message_headers headers{{"__type__", std::string(type_header(what.kind()))},
                          {"__branch__", what.branch().to_gid()},
                          {"__log__", what.from().to_string()},
                          {"__sender__", what.sender().text()}};
  const auto& mark = what.low_water();
  if (mark != position()) headers.emplace("__low_water__", fmt::format("{:x}_{:x}", mark.epoch(), mark.seq()));
  const bool commit = what.kind() == message_kind::commit ||
                      (what.kind() == message_kind::outcome && what.outcome() == outcome_kind::commit);
  if (commit) headers.emplace("__prepared_under__", what.prepared_under().to_string());
  if (what.kind() == message_kind::vote) headers.emplace("__vote__", word_of(votes, what.vote()));
  if (what.kind() == message_kind::ack) headers.emplace("__ack__", word_of(acks, what.ack()));
  if (what.kind() == message_kind::outcome) headers.emplace("__outcome__", word_of(outcomes, what.outcome()));
  if (what.kind() == message_kind::done) headers.emplace("__decision__", word_of(decisions, what.decision()));
  const bool work = what.kind() == message_kind::prepare || what.kind() == message_kind::commit_one_phase;
  const bool answer = what.kind() == message_kind::vote || what.kind() == message_kind::done;
  return {std::move(headers), work ? what.payload() : answer ? bytes_of(what.reason()) : std::vector<std::byte>()};
}

std::optional<message> from_headers(const message_headers& headers, std::span<const std::byte> body, std::string& why) {
  why.clear();
  header_reader reader(headers, why);
  const auto kind = reader.one_of("__type__", kinds);
  if (!why.empty()) {
    why = "a message " + why;
    return std::nullopt;
  }
  message what(kind, reader.take("__branch__", [](std::string_view text) { return branch_id::from_gid(text); }));
  if (why.empty()) read_common(reader, what);
  if (why.empty()) read_members(reader, what, body);
  if (why.empty()) return what;
  why = fmt::format("a message of type {} {}", type_header(kind), why);
  return std::nullopt;
}

} // namespace two_phase
RONDO_END_NAMESPACE
