// SPDX-License-Identifier: BSL-1.0
#include "order.hpp"

#include <fmt/format.h>

#include <charconv>
#include <stdexcept>

namespace bank {

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template std::optional<std::size_t> parse_number(std::string_view);
template std::optional<money> parse_number(std::string_view);
template std::optional<std::uint16_t> parse_number(std::string_view);

std::vector<std::string_view> words_of(std::string_view text, std::size_t limit) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t length = words.size() + 1 < limit ? std::min(text.find(' '), text.size()) : text.size();
    words.push_back(text.substr(0, length));
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return words;
}

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string account_name::to_string() const { return fmt::format("{}/{}", shard, number); }

std::optional<account_name> account_name::parse(std::string_view text) {
  const std::size_t slash = text.rfind('/');
  if (slash == 0 || slash == text.npos) return std::nullopt;
  const auto number = parse_number<std::size_t>(text.substr(slash + 1));
  if (!number) return std::nullopt;
  return account_name{std::string(text.substr(0, slash)), *number};
}

std::string order::to_string() const {
  std::string text;
  for (const posting& p : postings_)
    text += fmt::format("{}{}:{:+}", text.empty() ? "" : " ", p.account, p.amount);
  return text;
}

std::vector<std::byte> order::to_bytes() const { return bytes_of(to_string()); }

order order::parse(std::string_view text) {
  order result;
  for (const std::string_view word : words_of(text)) {
    const std::size_t colon = std::min(word.find(':'), word.size());
    std::string_view number = word.substr(std::min(colon + 1, word.size()));
    if (number.starts_with('+')) number.remove_prefix(1);
    const auto account = parse_number<std::size_t>(word.substr(0, colon));
    const auto amount = parse_number<money>(number);
    if (!account || !amount) throw std::invalid_argument(fmt::format("'{}' is not ACCOUNT:AMOUNT", word));
    result.add({*account, *amount});
  }
  if (result.postings_.empty()) throw std::invalid_argument("an order without postings");
  return result;
}

order order::parse(std::span<const std::byte> bytes) { return parse(text_of(bytes)); }

} // namespace bank
