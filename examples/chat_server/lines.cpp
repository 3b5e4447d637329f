// SPDX-License-Identifier: BSL-1.0
#include "lines.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace chat {

std::optional<line> line_splitter::next() {
  while (true) {
    const std::string_view rest(buffer_.data() + begin_, end_ - begin_);
    const std::size_t length = rest.find('\n');
    if (length == rest.npos) break;
    begin_ += length + 1;
    if (std::exchange(dropping_, false)) continue; // that was the end of a line which has been reported
    return whole_line(rest.substr(0, length));
  }
  std::copy(buffer_.data() + begin_, buffer_.data() + end_, buffer_.data());
  end_ -= std::exchange(begin_, 0);
  const bool full = end_ == buffer_.size();
  if (full || dropping_) end_ = 0;
  if (!full || std::exchange(dropping_, true)) return std::nullopt;
  return line{{}, line::defect::too_long};
}

std::optional<line> line_splitter::whole_line(std::string_view text) {
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.size() > max_line_) return line{{}, line::defect::too_long};
  if (!is_text(text)) return line{{}, line::defect::not_text};
  return line{std::string(text)};
}

bool is_text(std::string_view s) noexcept {
  for (std::size_t i = 0; i < s.size();) {
    const auto byte = [&](std::size_t k) { return static_cast<std::uint8_t>(s[k]); };
    const std::uint8_t lead = byte(i);
    const std::size_t length = lead < 0x80 ? 1 : lead >> 5 == 0b110 ? 2 : lead >> 4 == 0b1110 ? 3 : 4;
    if (lead >= 0x80 && (lead < 0xC2 || lead > 0xF4)) return false;
    if (length > s.size() - i) return false;
    std::uint32_t code = length == 1 ? lead : lead & (0x7Fu >> length);
    for (std::size_t k = i + 1; k < i + length; ++k) {
      if (byte(k) >> 6 != 0b10) return false;
      code = code << 6 | (byte(k) & 0x3Fu);
    }
    const bool control = (code < 0x20 && code != '\t') || (code >= 0x7F && code < 0xA0);
    const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    const bool surrogate = code >= 0xD800 && code < 0xE000;
    if (control || overlong || surrogate || code > 0x10FFFF) return false;
    i += length;
  }
  return true;
}

bool is_name(std::string_view s) noexcept {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !s.empty() && s.size() <= 20 && std::ranges::all_of(s, allowed);
}

} // namespace chat
