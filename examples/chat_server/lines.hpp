// From bytes to lines, and what counts as text.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/buffer.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace chat {

/// A line of a client, without its end. One that cannot be used has no text, but a reason.
struct line {
  enum class defect { none, too_long, not_text };

  std::string text;
  defect problem = defect::none;
};

/// Cuts what arrives into lines, in a buffer of fixed size.
class line_splitter {
public:
  explicit line_splitter(std::size_t max_line) : max_line_(max_line), buffer_(max_line + end_of_line) {}

  /// Where the next bytes go. Never empty after `next` has returned nothing.
  boost::asio::mutable_buffer space() noexcept { return boost::asio::buffer(buffer_) + end_; }

  /// That many bytes were put there.
  void arrived(std::size_t n) noexcept { end_ += n; }

  /// The next line, or nothing if it is not complete. A line that is too long is reported once, as soon as that is known;
  /// the rest of it is dropped as it arrives.
  std::optional<line> next();

private:
  static constexpr std::size_t end_of_line = 2; // "\r\n"

  std::optional<line> whole_line(std::string_view text);

  std::size_t max_line_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0; // the bytes in [begin_, end_) have not been looked at
  std::size_t end_ = 0;
  bool dropping_ = false; // the rest of a line that is too long
};

/// Whether this is UTF-8 without control characters; a tab is allowed.
bool is_text(std::string_view s) noexcept;

/// Whether this can name a client or a room: 1 to 20 letters, digits, '-' and '_'.
bool is_name(std::string_view s) noexcept;

} // namespace chat
