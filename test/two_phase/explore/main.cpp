// Explores the state machines of two-phase commit: every order of messages, crashes, timers, writes and hooks. See
// --help.
// SPDX-License-Identifier: BSL-1.0
#include "cases.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <stdexcept>

using namespace explore;

namespace {

constexpr const char* usage = R"(usage: explore [--quick | --smoke | --mutants | --case NAME | --list] [options]

Runs the state machines of two-phase commit through everything that can happen in a small system, and checks the rules
S1 to S14 on every step. Each case runs in a process of its own; states, edges, depth, time and peak memory are printed.

  (nothing)      the oracles, every case, every mutant
  --quick        the oracles and every case that takes a second or two
  --smoke        the oracles and the cases without a fault, for builds that are slow
  --mutants      every mutant in the smallest case that shows it
  --case NAME    one case
  --list         the names of the cases
  --table FILE   with --mutants: also looks for the damage that each does, and writes a table in Markdown
  --plain        with --case: without the two reductions that test/two_phase/explore/network.hpp describes; slow
  --seconds N    ends a case after this time
  --states N     ends a case after this number of states
  --memory MiB   ends a case before it takes more memory; 12288 unless told
  -h, --help     this text

A case that a limit ends is incomplete, which is printed and is not an error. Exit status: 0 = all is as it must be,
1 = a rule is broken, a mutant survives or something never happened, 2 = a wrong option, 3 = it could not run.
)";

class bad_option : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct command {
  std::string mode = "all";
  std::string name;
  std::string table;
  bool plain = false;
  limits bounds;
};

std::size_t number(const std::string& option, const std::string& text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0)
    throw bad_option(fmt::format("{} takes a positive number, not '{}'", option, text));
  return value;
}

command parse(int argc, char** argv) {
  command result;
  const auto choose = [&](const std::string& mode) {
    if (result.mode != "all") throw bad_option(fmt::format("{} and {} exclude each other", result.mode, mode));
    result.mode = mode;
  };
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    const auto value = [&]() -> std::string {
      if (i + 1 == argc) throw bad_option(fmt::format("{} takes a value", option));
      return argv[++i];
    };
    if (option == "--quick" || option == "--smoke" || option == "--mutants" || option == "--list")
      choose(option);
    else if (option == "--help" || option == "-h")
      result.mode = "--help";
    else if (option == "--case")
      choose(option), result.name = value();
    else if (option == "--plain")
      result.plain = true;
    else if (option == "--table")
      result.table = value();
    else if (option == "--seconds")
      result.bounds.seconds(static_cast<double>(number(option, value())));
    else if (option == "--states")
      result.bounds.states(number(option, value()));
    else if (option == "--memory")
      result.bounds.bytes(number(option, value()) << 20);
    else
      throw bad_option(fmt::format("unknown option '{}'", option));
    if (result.mode == "--help") return result;
  }
  if (!result.table.empty() && result.mode != "--mutants") throw bad_option("--table goes with --mutants");
  if (result.plain && result.mode != "--case") throw bad_option("--plain goes with --case");
  if (result.mode == "--case" && !find_case(result.name))
    throw bad_option(fmt::format("there is no case '{}'; see --list", result.name));
  return result;
}

template <class Predicate>
bool run_cases(Predicate wanted, const limits& bounds) {
  bool good = true;
  for (const auto& each : all_cases())
    if (wanted(each)) good = run_case(each, bounds) && good;
  return good;
}

bool run(const command& wanted) {
  const auto& bounds = wanted.bounds;
  if (wanted.mode == "--case") {
    auto one = *find_case(wanted.name);
    one.options.plain = wanted.plain;
    return run_case(one, bounds);
  }
  if (wanted.mode == "--mutants") return run_mutants(bounds, wanted.table);
  if (wanted.mode == "--smoke")
    return oracles() && run_cases([](const named_case& each) { return !each.options.has_faults(); }, bounds);
  if (wanted.mode == "--quick")
    return oracles() && run_cases([](const named_case& each) { return !each.slow; }, bounds);
  const bool good = oracles() && run_cases([](const named_case&) { return true; }, bounds);
  return run_mutants(bounds, {}) && good;
}

} // namespace

int main(int argc, char** argv) {
  try {
    const auto wanted = parse(argc, argv);
    if (wanted.mode == "--help") return fmt::print("{}", usage), 0;
    if (wanted.mode == "--list") {
      for (const auto& each : all_cases())
        fmt::print("{:<12} {}\n", each.name, each.what);
      return 0;
    }
    return run(wanted) ? 0 : 1;
  } catch (const bad_option& error) {
    fmt::print(stderr, "explore: {}\nSee explore --help.\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "explore: {}\n", error.what());
    return 3;
  }
}
