// What the command lines of the bank's programs set.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "fail_point.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace bank {

/// A host and a port.
struct address {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
};

/// Whole units of a currency without cents.
using money = std::int64_t;

struct shard_options {
  std::string name;
  std::string directory;
  std::string key_file;
  address listen;
  std::size_t accounts = 100;                       // when the directory is new
  money opening = 1000;                             // of each account
  std::size_t compact_above = std::size_t(1) << 20; // bytes of the store's journal
  std::chrono::milliseconds sweep{2000};
  std::chrono::milliseconds drain{5000};
  std::optional<fail_point> fail_at;
};

struct coordinator_options {
  std::string directory;
  std::string key_file;
  address listen; // for clients
  std::map<std::string, address> shards;
  std::chrono::milliseconds prepare_timeout{5000};
  std::chrono::milliseconds drain{5000};
  std::optional<fail_point> fail_at;
};

/// One transfer that somebody typed.
struct single_transfer {
  std::string from;
  std::string to;
  money amount = 0;
};

struct client_options {
  address coordinator;
  std::string journal;
  std::optional<single_transfer> single; // instead of random ones
  std::size_t transfers = 1000;          // 0: until the time is over
  std::chrono::milliseconds time{0};     // 0: until the transfers are done
  std::size_t in_flight = 16;
  std::size_t accounts = 100; // of each shard
  money greatest = 100;       // amount of a transfer
  int same_shard = 10;        // per cent of the transfers
  std::chrono::milliseconds patience{30'000};
  std::optional<std::uint64_t> seed;
};

struct audit_options {
  std::vector<std::string> shards; // directories
  std::vector<std::string> journals;
};

} // namespace bank
