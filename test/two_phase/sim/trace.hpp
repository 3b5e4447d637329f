// Everything that happens in a run, as a hash and, when wanted, as text.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/time.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <string_view>

namespace sim {

/// Two runs of a seed are the same if their hashes are (FNV-1a, a word at a time).
class trace {
public:
  explicit trace(bool prints) : prints_(prints) {}

  /// An event of a process that concerns a branch of a transaction (by its number; 0 if none).
  void note(std::string_view what, std::string_view who, std::size_t transaction = 0, std::uint32_t branch = 0,
            std::uint64_t detail = 0, std::string_view text = {}) {
    const auto now = static_cast<std::uint64_t>(rondo::clock::now().time_since_epoch().count());
    add(now), add(what), add(who), add(transaction << 16 | branch), add(detail), add(text);
    ++events_;
    if (!prints_) return;
    fmt::print("{:>14.6f}  {:<6} {:<22}", static_cast<double>(now) / 1e9, who, what);
    if (transaction != 0) fmt::print(" tx {}.{}", transaction, branch);
    if (detail != 0) fmt::print(" [{}]", detail);
    fmt::print(" {}\n", text);
  }

  std::uint64_t hash() const { return hash_; }
  std::uint64_t events() const { return events_; }
  bool prints() const { return prints_; }

private:
  void add(std::uint64_t word) { hash_ = (hash_ ^ word) * 0x100000001b3; }
  void add(std::string_view text) {
    for (const char c : text)
      add(static_cast<std::uint64_t>(static_cast<unsigned char>(c)));
  }

  bool prints_;
  std::uint64_t hash_ = 0xcbf29ce484222325;
  std::uint64_t events_ = 0;
};

} // namespace sim
