// Little-endian numbers, texts and identifiers to bytes and back. The reader is total: any bytes are safe to read.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/types.hpp>

#include <algorithm>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

class byte_writer {
public:
  template <class Unsigned>
  byte_writer& number(Unsigned value) {
    for (std::size_t i = 0; i < sizeof value; ++i)
      bytes_.push_back(static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xff));
    return *this;
  }

  template <class Enum>
  byte_writer& one_of(Enum value) {
    return number(static_cast<std::uint8_t>(value));
  }

  byte_writer& raw(std::span<const std::byte> value) {
    bytes_.insert(bytes_.end(), value.begin(), value.end());
    return *this;
  }

  byte_writer& sized(std::span<const std::byte> value) { return count(value.size()).raw(value); }
  byte_writer& text(const std::string& value) { return sized(std::as_bytes(std::span(value))); }

  byte_writer& count(std::size_t value) {
    if (value > std::numeric_limits<std::uint32_t>::max())
      throw std::length_error("rondo: a part of a two-phase commit record has more than 2^32 - 1 elements");
    return number(static_cast<std::uint32_t>(value));
  }

  byte_writer& uuid(const log_uuid& value) { return raw(value.bytes()); }
  byte_writer& place(const position& value) { return number(value.epoch()).number(value.seq()); }
  byte_writer& transaction(const txid& value) { return uuid(value.coordinator()).place(value.place()); }
  byte_writer& branch(const branch_id& value) { return transaction(value.transaction()).number(value.branch()); }

  std::vector<std::byte> take() { return std::move(bytes_); }

private:
  std::vector<std::byte> bytes_;
};

/// After the first failure everything reads as zero or empty, and `complete()` stays false.
class byte_reader {
public:
  explicit byte_reader(std::span<const std::byte> bytes) : rest_(bytes) {}

  template <class Unsigned>
  Unsigned number() {
    std::uint64_t value = 0;
    const auto bytes = raw(sizeof(Unsigned));
    for (std::size_t i = 0; i < bytes.size(); ++i)
      value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
    return static_cast<Unsigned>(value);
  }

  template <class Enum>
  Enum one_of(Enum last) {
    const auto value = number<std::uint8_t>();
    if (value > static_cast<std::uint8_t>(last)) failed_ = true;
    return static_cast<Enum>(value);
  }

  std::span<const std::byte> raw(std::size_t size) {
    if (size > rest_.size()) failed_ = true;
    if (failed_) return {};
    const auto result = rest_.first(size);
    rest_ = rest_.subspan(size);
    return result;
  }

  std::vector<std::byte> sized() {
    const auto bytes = raw(number<std::uint32_t>());
    return {bytes.begin(), bytes.end()};
  }

  std::string text() {
    const auto bytes = raw(number<std::uint32_t>());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  log_uuid uuid() {
    log_uuid::bytes_type bytes{};
    std::ranges::copy(raw(bytes.size()), bytes.begin());
    return log_uuid(bytes);
  }

  position place() {
    const auto epoch = number<std::uint64_t>();
    return {epoch, number<std::uint64_t>()};
  }

  txid transaction() {
    const auto coordinator = uuid();
    const auto at = place();
    return {coordinator, at.epoch(), at.seq()};
  }

  branch_id branch() {
    const auto of = transaction();
    return {of, number<std::uint32_t>()};
  }

  bool failed() const noexcept { return failed_; }
  bool complete() const noexcept { return !failed_ && rest_.empty(); }

private:
  std::span<const std::byte> rest_;
  bool failed_ = false;
};

} // namespace two_phase::detail
RONDO_END_NAMESPACE
