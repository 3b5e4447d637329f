// SPDX-License-Identifier: BSL-1.0
#include "transfers.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace bank {

namespace {

using state = transfer::state;

std::optional<state> parse_state(std::string_view word) {
  for (const state each : {state::requested, state::committed, state::aborted, state::unknown})
    if (word == to_string(each)) return each;
  return std::nullopt;
}

/// Whether the line makes sense after what stands before it.
bool read_line(std::string_view line, std::map<std::uint64_t, transfer>& into) {
  const std::vector<std::string_view> words = words_of(line);
  const auto what = words.empty() ? std::nullopt : parse_state(words[0]);
  const auto number = words.size() < 3 ? std::nullopt : parse_number<std::size_t>(words[1]);
  if (!what || !number) return false;
  if (*what != state::requested) {
    const auto place = into.find(*number);
    if (place == into.end() || place->second.transaction != words[2] || place->second.settled()) return false;
    place->second.what = *what;
    return true;
  }
  if (words.size() != 6) return false;
  const auto from = account_name::parse(words[3]);
  const auto to = account_name::parse(words[4]);
  const auto amount = parse_number<money>(words[5]);
  if (!from || !to || !amount) return false;
  return into.emplace(*number, transfer{*number, std::string(words[2]), *from, *to, *amount}).second;
}

} // namespace

std::string_view to_string(transfer::state what) {
  switch (what) {
  case state::requested:
    return "requested";
  case state::committed:
    return "committed";
  case state::aborted:
    return "aborted";
  case state::unknown:
    return "unknown";
  }
  return {};
}

std::map<std::uint64_t, transfer> transfer_journal::read(const std::string& path) {
  std::map<std::uint64_t, transfer> all;
  std::size_t number = 0;
  for (const std::string& line : line_file::read(path)) {
    ++number;
    if (!read_line(line, all))
      throw std::runtime_error(fmt::format("{}:{}: I do not understand: {}", path, number, line));
  }
  return all;
}

transfer_journal::transfer_journal(const std::string& path)
    : file_(path), earlier_(read(path)), next_(earlier_.empty() ? 1 : earlier_.rbegin()->first + 1) {}

std::vector<transfer> transfer_journal::open_questions() const {
  std::vector<transfer> result;
  for (const auto& [number, each] : earlier_)
    if (!each.settled()) result.push_back(each);
  return result;
}

void transfer_journal::requested(const transfer& t) {
  next_ = t.number + 1;
  file_.append(fmt::format("requested {} {} {} {} {}\n", t.number, t.transaction, t.from.to_string(), t.to.to_string(),
                           t.amount));
}

void transfer_journal::answered(const transfer& t, std::string_view why) {
  file_.append(fmt::format("{} {} {}{}{}\n", to_string(t.what), t.number, t.transaction, why.empty() ? "" : " ", why));
}

} // namespace bank
