// The command lines of the simulator's programs.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "fault.hpp"

#include <fmt/format.h>

#include <charconv>
#include <stdexcept>
#include <string>

namespace sim {

class bad_option : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Goes from option to option.
class arguments {
public:
  arguments(int argc, char** argv) : argc_(argc), argv_(argv) {}

  bool next() {
    if (++at_ >= argc_) return false;
    option_ = argv_[at_];
    return true;
  }
  const std::string& option() const { return option_; }

  std::string value() {
    if (++at_ >= argc_) throw bad_option(fmt::format("{} takes a value", option_));
    return argv_[at_];
  }
  std::uint64_t number() { return number_in(value()); }
  void range(std::uint64_t& first, std::uint64_t& last) {
    const auto text = value();
    const auto dots = text.find("..");
    if (dots == std::string::npos) throw bad_option(fmt::format("{} takes A..B, not '{}'", option_, text));
    first = number_in(text.substr(0, dots));
    last = number_in(text.substr(dots + 2));
    if (first > last) throw bad_option(fmt::format("{}: {} is more than {}", option_, first, last));
  }
  fault kind() {
    const auto text = value();
    const auto which = fault_named(text);
    if (!which) throw bad_option(fmt::format("there is no fault '{}'; see --list-faults", text));
    return *which;
  }

private:
  std::uint64_t number_in(const std::string& text) const {
    std::uint64_t result = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
    if (error != std::errc() || end != text.data() + text.size() || result == 0)
      throw bad_option(fmt::format("{} takes a positive number, not '{}'", option_, text));
    return result;
  }

  int argc_;
  char** argv_;
  int at_ = 0;
  std::string option_;
};

} // namespace sim
