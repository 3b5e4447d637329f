// SPDX-License-Identifier: BSL-1.0
#include "fail_point.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <stdexcept>

namespace bank {

namespace {

using namespace std::string_view_literals;

constexpr std::array coordinator_points = {"coord.begin"sv,
                                           "coord.prepare_sent"sv,
                                           "coord.vote_k"sv,
                                           "coord.before_force"sv,
                                           "coord.after_write_before_sync"sv,
                                           "coord.after_sync"sv,
                                           "coord.commit_sent_k"sv,
                                           "coord.ack_k"sv,
                                           "coord.before_end"sv,
                                           "coord.after_end"sv};

constexpr std::array shard_points = {"part.before_prepare"sv,
                                     "part.after_prepare"sv,
                                     "part.before_prepared_force"sv,
                                     "part.after_prepared_force"sv,
                                     "part.after_vote"sv,
                                     "part.before_commit"sv,
                                     "part.after_commit"sv,
                                     "part.before_committed_force"sv,
                                     "part.after_committed_force"sv,
                                     "part.after_ack"sv};

} // namespace

std::span<const std::string_view> fail_point::names(process where) {
  if (where == process::coordinator) return coordinator_points;
  return shard_points;
}

fail_point fail_point::parse(std::string_view text, process where) {
  const std::string_view name = text.substr(0, text.find(':'));
  const auto known = names(where);
  if (std::ranges::find(known, name) == known.end())
    throw std::invalid_argument(
        fmt::format("there is no fail-point '{}' here; there are: {}", name, fmt::join(known, ", ")));
  int count = 1;
  if (name.size() < text.size()) {
    const std::string_view digits = text.substr(name.size() + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    if (error != std::errc() || end != digits.data() + digits.size() || count < 1)
      throw std::invalid_argument(fmt::format("'{}' is not a count: NAME:COUNT, with a COUNT of 1 or more", digits));
  }
  return {std::string(name), count};
}

void assassin::reached(std::string_view prefix, std::string_view name) {
  if (!point_ || point_->name().size() != prefix.size() + name.size()) return;
  if (!point_->name().starts_with(prefix) || !point_->name().ends_with(name)) return;
  if (++seen_ != point_->count()) return;
  fmt::print(stderr, "fail-point {}, time {}: killing myself\n", point_->name(), point_->count());
  ::kill(::getpid(), SIGKILL);
  while (true)
    ::pause(); // not one more step of the protocol
}

} // namespace bank
