// Runs coordinators, participants and their users in a simulated world that fails. See --help.
// SPDX-License-Identifier: BSL-1.0
#include "options.hpp"
#include "runs.hpp"

#include <fmt/format.h>

#include <cstdio>

using namespace sim;

namespace {

constexpr const char* usage = R"(usage: sim --seeds A..B | --seed N | --check-repeat COUNT [options]

Runs coordinators, participants and users on virtual time, with a network, disks, banks and users that fail, and checks
the rules S1 to S16, N1, N2 and L1 to L6 from outside. A seed is a run: everything in it follows from the number.

  --seeds A..B         many seeds, each a run; a seed that breaks a rule is made smaller, and printed with what repeats it
  --seed N             one seed
  --check-repeat N     whether two runs of each of the first N seeds are the same to the last event
  --jobs N             processes, for --seeds; 1 unless told
  --unreachable FILE   with --seeds: every cell of the table of states and faults is hit, or is in this file
  --fault-off KIND     without this kind of fault; may be repeated
  --transactions N     with the first N transactions of each run only
  --trace              with --seed: prints what happens
  --list-faults        the kinds of faults
  -h, --help           this text

Exit status: 0 = all is as it must be, 1 = a rule is broken or a cell is wrong, 2 = a wrong option, 3 = it could not run.
)";

struct command {
  std::string mode;
  std::uint64_t count = 0; // for --check-repeat
  bool trace = false;
  std::string unreachable;
  request what;
};

command parse(int argc, char** argv) {
  command result;
  const auto choose = [&](const std::string& mode) {
    if (!result.mode.empty()) throw bad_option(fmt::format("{} and {} exclude each other", result.mode, mode));
    result.mode = mode;
  };
  for (arguments rest(argc, argv); rest.next();) {
    const auto& option = rest.option();
    if (option == "--help" || option == "-h")
      return result.mode = "--help", result;
    else if (option == "--list-faults")
      choose(option);
    else if (option == "--seeds")
      choose(option), rest.range(result.what.first, result.what.last);
    else if (option == "--seed")
      choose(option), result.what.first = result.what.last = rest.number();
    else if (option == "--check-repeat")
      choose(option), result.count = rest.number();
    else if (option == "--jobs")
      result.what.jobs = rest.number();
    else if (option == "--unreachable")
      result.unreachable = rest.value();
    else if (option == "--fault-off")
      result.what.off.push_back(rest.kind());
    else if (option == "--transactions")
      result.what.transactions = rest.number();
    else if (option == "--trace")
      result.trace = true;
    else
      throw bad_option(fmt::format("unknown option '{}'", option));
  }
  if (result.mode.empty()) throw bad_option("say what to run");
  if (result.trace && result.mode != "--seed") throw bad_option("--trace goes with --seed");
  if (!result.unreachable.empty() && result.mode != "--seeds") throw bad_option("--unreachable goes with --seeds");
  return result;
}

bool run_one(const command& wanted) {
  const auto seed = wanted.what.first;
  coverage covered;
  const auto result = run(wanted.what.plan(seed), covered, wanted.trace);
  fmt::print("seed {}: {} events, {} transactions, hash {:016x}: {}\n", seed, result.events, result.transactions,
             result.hash, result.violation.empty() ? "no violation" : result.violation);
  return result.violation.empty();
}

bool check_repeat(const command& wanted) {
  bool good = true;
  coverage covered;
  for (std::uint64_t seed = 1; seed <= wanted.count; ++seed) {
    const auto once = run(wanted.what.plan(seed), covered);
    const auto again = run(wanted.what.plan(seed), covered);
    if (once.hash == again.hash && once.events == again.events && once.violation == again.violation) continue;
    fmt::print("seed {}: {} events with hash {:016x}, then {} with {:016x}\n", seed, once.events, once.hash,
               again.events, again.hash);
    good = false;
  }
  if (good) fmt::print("{} seeds, each twice: the same\n", wanted.count);
  return good;
}

bool run_many(const command& wanted) {
  auto what = wanted.what;
  what.shows_progress = true;
  const auto result = run_all(what);
  fmt::print("{} runs, {} transactions, {} events in {:.1f} s: {:.0f} runs/s; {} violations\n", result.runs,
             result.transactions, result.events, result.seconds, static_cast<double>(result.runs) / result.seconds,
             result.findings.size());
  for (const auto& each : result.findings)
    fmt::print("seed {}: {}\n", each.seed, each.what);
  constexpr std::size_t most_shrunk = 3;
  for (std::size_t i = 0; i < std::min(most_shrunk, result.findings.size()); ++i) {
    const auto seed = result.findings[i].seed;
    const auto smaller = shrunk(what, seed);
    const auto found = run_all(smaller).findings;
    fmt::print("repeat with: sim {} --trace\n  {}\n", smaller.arguments(seed), found.empty() ? "" : found[0].what);
  }
  const bool covered = result.covered.print(wanted.unreachable);
  return result.findings.empty() && covered;
}

bool run_command(const command& wanted) {
  if (wanted.mode == "--seed") return run_one(wanted);
  if (wanted.mode == "--check-repeat") return check_repeat(wanted);
  return run_many(wanted);
}

} // namespace

int main(int argc, char** argv) {
  try {
    const auto wanted = parse(argc, argv);
    if (wanted.mode == "--help") return fmt::print("{}", usage), 0;
    if (wanted.mode == "--list-faults") {
      for (const auto name : fault_names)
        fmt::print("{}\n", name);
      return 0;
    }
    return run_command(wanted) ? 0 : 1;
  } catch (const bad_option& error) {
    fmt::print(stderr, "sim: {}\nSee sim --help.\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "sim: {}\n", error.what());
    return 3;
  }
}
