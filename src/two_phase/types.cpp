// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/types.hpp>

#include <fmt/format.h>

#include <charconv>
#include <random>

RONDO_BEGIN_NAMESPACE
namespace two_phase {
namespace {

constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t uuid_text_size = 22;
constexpr std::string_view gid_start = "rondo_";

/// Takes a number as `to_gid` writes it, up to the end or the separator: no leading zeros, no capitals.
template <class Unsigned>
std::optional<Unsigned> take_hex(std::string_view& text, bool last) noexcept {
  const auto end = last ? text.size() : text.find('_');
  if (end == std::string_view::npos || end == 0 || (end > 1 && text[0] == '0')) return std::nullopt;
  const auto digits = text.substr(0, end);
  if (digits.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
  Unsigned value = 0;
  const auto [_, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(last ? end : end + 1);
  return value;
}

class category final : public std::error_category {
public:
  const char* name() const noexcept override { return "rondo.two_phase"; }

  std::string message(int code) const override {
    switch (static_cast<errc>(code)) {
    case errc::voted_no:
      return "a participant voted no";
    case errc::prepare_timeout:
      return "not all participants voted in time";
    case errc::cancelled:
      return "the commit was cancelled before the decision";
    case errc::rolled_back:
      return "the transaction was rolled back by its user";
    case errc::lifetime_exceeded:
      return "the transaction was not committed within its lifetime";
    case errc::log_refused:
      return "the log did not take the record";
    case errc::log_poisoned:
      return "a write to the log failed and may have happened; only a restart tells";
    case errc::log_unavailable:
      return "the log cannot be read, or takes no records";
    case errc::one_phase_reply_lost:
      return "the only participant was told to commit and did not answer";
    case errc::recovering:
      return "the coordinator has not yet read its log";
    case errc::stopping:
      return "the coordinator is being stopped";
    case errc::overloaded:
      return "too many transactions are in flight";
    case errc::unknown_transaction:
      return "there is no such transaction or branch";
    case errc::wrong_state:
      return "the state of the transaction does not permit the request";
    }
    return fmt::format("unknown error {}", code);
  }
};

} // namespace

log_uuid log_uuid::random() {
  std::random_device device;
  std::uniform_int_distribution<unsigned> any_byte(0, 255);
  bytes_type bytes;
  for (auto& byte : bytes)
    byte = static_cast<std::byte>(any_byte(device));
  return log_uuid(bytes);
}

std::string log_uuid::to_string() const {
  std::string text;
  text.reserve(uuid_text_size);
  unsigned bits = 0;
  unsigned count = 0;
  for (const auto byte : bytes_) {
    bits = bits << 8 | std::to_integer<unsigned>(byte);
    for (count += 8; count >= 6; count -= 6)
      text.push_back(base64_digits[bits >> (count - 6) & 63]);
  }
  text.push_back(base64_digits[bits << (6 - count) & 63]);
  return text;
}

std::optional<log_uuid> log_uuid::parse(std::string_view text) noexcept {
  if (text.size() != uuid_text_size) return std::nullopt;
  bytes_type bytes{};
  std::size_t filled = 0;
  unsigned bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const auto digit = base64_digits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<unsigned>(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes[filled++] = static_cast<std::byte>(bits >> count & 255);
    }
  }
  // The last digit has four bits more than the bytes need: only zeros are canonical.
  if ((bits & ((1u << count) - 1)) != 0) return std::nullopt;
  return log_uuid(bytes);
}

std::string txid::to_string() const { return fmt::format("{}_{:x}_{:x}", coordinator_.to_string(), epoch(), seq()); }

std::string branch_id::to_gid() const { return fmt::format("{}{}_{:x}", gid_start, transaction_.to_string(), branch_); }

std::string branch_id::gid_prefix(const log_uuid& coordinator) {
  return fmt::format("{}{}_", gid_start, coordinator.to_string());
}

std::optional<branch_id> branch_id::from_gid(std::string_view text) noexcept {
  if (text.size() > max_gid_size || !text.starts_with(gid_start)) return std::nullopt;
  text.remove_prefix(gid_start.size());
  // The identity may contain the separator itself, so it is taken by its length.
  if (text.size() <= uuid_text_size || text[uuid_text_size] != '_') return std::nullopt;
  const auto coordinator = log_uuid::parse(text.substr(0, uuid_text_size));
  text.remove_prefix(uuid_text_size + 1);
  const auto epoch = take_hex<std::uint64_t>(text, false);
  if (!coordinator || !epoch) return std::nullopt;
  const auto seq = take_hex<std::uint64_t>(text, false);
  if (!seq) return std::nullopt;
  const auto branch = take_hex<std::uint32_t>(text, true);
  if (!branch) return std::nullopt;
  return branch_id({*coordinator, *epoch, *seq}, *branch);
}

std::string_view to_string(vote value) noexcept {
  switch (value) {
  case vote::yes:
    return "yes";
  case vote::no:
    return "no";
  case vote::read_only:
    return "read_only";
  }
  return {};
}

std::string_view to_string(decision value) noexcept {
  switch (value) {
  case decision::committed:
    return "committed";
  case decision::aborted:
    return "aborted";
  case decision::unknown:
    return "unknown";
  case decision::heuristic_mixed:
    return "heuristic_mixed";
  case decision::heuristic_hazard:
    return "heuristic_hazard";
  }
  return {};
}

const std::error_category& two_phase_category() noexcept {
  static const category instance;
  return instance;
}

std::error_code make_error_code(errc code) noexcept { return {static_cast<int>(code), two_phase_category()}; }

} // namespace two_phase
RONDO_END_NAMESPACE
