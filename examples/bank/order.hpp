// What is to happen to the accounts of one shard: the payload of a branch.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "options.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bank {

/// An account of the whole bank: "east/17".
struct account_name {
  std::string shard;
  std::size_t number = 0;

  std::string to_string() const;
  /// Nothing unless the text is SHARD/NUMBER.
  static std::optional<account_name> parse(std::string_view text);

  friend auto operator<=>(const account_name&, const account_name&) = default;
};

/// A change of one account of a shard.
struct posting {
  std::size_t account = 0;
  money amount = 0;

  friend auto operator<=>(const posting&, const posting&) = default;
};

/// Some postings that are made together, or not at all. As text, which logs and messages carry: "17:-50 20:+50".
class order {
public:
  order() = default;
  explicit order(std::vector<posting> postings) : postings_(std::move(postings)) {}

  const std::vector<posting>& postings() const noexcept { return postings_; }
  void add(const posting& p) { postings_.push_back(p); }

  std::string to_string() const;
  std::vector<std::byte> to_bytes() const;
  /// Throws: `std::invalid_argument` for a text that is no order.
  static order parse(std::string_view text);
  static order parse(std::span<const std::byte> bytes);

  friend bool operator==(const order&, const order&) = default;

private:
  std::vector<posting> postings_;
};

/// A whole number, and nothing else.
template <class Number>
std::optional<Number> parse_number(std::string_view text);

/// Splits at single spaces. At most `limit` words: the last one is the rest.
std::vector<std::string_view> words_of(std::string_view text, std::size_t limit = std::string_view::npos);

std::vector<std::byte> bytes_of(std::string_view text);
std::string_view text_of(std::span<const std::byte> bytes);

} // namespace bank
