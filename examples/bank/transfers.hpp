// The client's own journal: what it asked for, and what it was told.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "line_file.hpp"
#include "order.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace bank {

struct transfer {
  enum class state { requested, committed, aborted, unknown };

  std::uint64_t number = 0; // in its journal
  std::string transaction;
  account_name from;
  account_name to;
  money amount = 0;
  state what = state::requested; // the last word

  bool settled() const noexcept { return what == state::committed || what == state::aborted; }
};

std::string_view to_string(transfer::state what);

/// Lines of text, each written before the client goes on:
///
///     requested NUMBER TXID FROM TO AMOUNT
///     committed NUMBER TXID
///     aborted   NUMBER TXID WHY
///     unknown   NUMBER TXID WHY              perhaps followed by one of the two above
class transfer_journal {
public:
  /// Reads what an earlier run has written. Throws: `std::runtime_error` that names the line that is none of these.
  explicit transfer_journal(const std::string& path);

  std::uint64_t next_number() const noexcept { return next_; }

  /// Those of which the last word is not known.
  std::vector<transfer> open_questions() const;

  void requested(const transfer& t);
  void answered(const transfer& t, std::string_view why);

  static std::map<std::uint64_t, transfer> read(const std::string& path);

private:
  line_file file_; // locked from here on
  std::map<std::uint64_t, transfer> earlier_;
  std::uint64_t next_;
};

} // namespace bank
