// SPDX-License-Identifier: BSL-1.0
#include "crc32c.hpp"

#include <array>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {
namespace {

using table = std::array<std::uint32_t, 256>;

// tables[k][b]: what the byte b does to the checksum when k more bytes follow it.
constexpr std::array<table, 8> make_tables() {
  constexpr std::uint32_t reflected_polynomial = 0x82F63B78;
  std::array<table, 8> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? reflected_polynomial : 0);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < tables.size(); ++k)
    for (std::size_t byte = 0; byte < 256; ++byte)
      tables[k][byte] = (tables[k - 1][byte] >> 8) ^ tables[0][tables[k - 1][byte] & 0xFF];
  return tables;
}

constexpr std::array<table, 8> tables = make_tables();

} // namespace

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before) noexcept {
  std::uint32_t crc = ~before;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  const auto value = [&at](std::size_t i) { return std::to_integer<std::uint32_t>(at[i]); };
  for (; left >= 8; left -= 8, at += 8) {
    const std::uint32_t low = crc ^ (value(0) | value(1) << 8 | value(2) << 16 | value(3) << 24);
    crc = tables[7][low & 0xFF] ^ tables[6][low >> 8 & 0xFF] ^ tables[5][low >> 16 & 0xFF] ^ tables[4][low >> 24] ^
          tables[3][value(4)] ^ tables[2][value(5)] ^ tables[1][value(6)] ^ tables[0][value(7)];
  }
  for (; left > 0; --left, ++at)
    crc = crc >> 8 ^ tables[0][(crc ^ value(0)) & 0xFF];
  return ~crc;
}

} // namespace two_phase::detail
RONDO_END_NAMESPACE
