// Which broken rules of the state machines (src/two_phase/mutant.hpp) the simulator notices. See --help.
// SPDX-License-Identifier: BSL-1.0
#include "options.hpp"
#include "runs.hpp"

#include <two_phase/mutant.hpp>

#include <fmt/format.h>

#include <cstdio>

using namespace sim;

namespace {

constexpr const char* usage = R"(usage: sim_mutants [--mutant K] [--seeds A..B] [--jobs N]

Runs each mutant of the state machines in the simulator until a rule is seen to be broken.

  --mutant K     one of them; all unless told
  --seeds A..B   the seeds that are tried; 1..10000 unless told
  --jobs N       processes; 1 unless told
  -h, --help     this text

Exit status: 0 = those that can be noticed were, 1 = one survived, 2 = a wrong option, 3 = it could not run.
)";

struct mutant {
  int number;
  const char* rule;             // that is broken
  const char* cannot = nullptr; // why it cannot be noticed here
};

constexpr mutant mutants[] = {
    {1, "COMMIT is sent before its record is forced"},
    {2, "no decision log"},
    {3, "an ambiguous write is taken for a failed one"},
    {4, "YES is sent before PREPARED is forced"},
    {5, "ACK is sent before COMMITTED is forced"},
    {6, "an inquiry about an undecided transaction is answered with abort"},
    {7, "inquiries are answered before the log is read",
     "a coordinator reads its log before it opens its transport: no message comes that early"},
    {8, "a committed branch is forgotten after the ACK"},
    {9, "a committed branch is forgotten after the end, without a watermark"},
    {10, "a prepared participant rolls back on timeout"},
    {11, "a prepared participant commits on timeout"},
    {12, "a commit hook that throws leads to a rollback"},
    {13, "the coordinator gives up after retries"},
    {14, "the epoch is not forced"},
    {15, "a branch of another log is answered with abort"},
    {16, "compaction drops commit records that are old"},
    {17, "a message is acknowledged to the broker before its effect is forced"},
    {18, "the sweep reads what is active before it asks what is prepared"},
};

/// Whether it is as expected.
bool hunt(const mutant& each, request what) {
  what.only_first = true;
  what.prepare = [number = each.number] { two_phase::detail::active_mutant = number; };
  const auto result = run_all(what);
  const bool killed = !result.findings.empty();
  const auto verdict = killed ? fmt::format("killed by seed {}: {}", result.findings[0].seed, result.findings[0].what)
                       : each.cannot ? fmt::format("not noticed: {}", each.cannot)
                                     : fmt::format("SURVIVED {} seeds", result.runs);
  fmt::print("M{:<2} {:<70} {}\n", each.number, each.rule, verdict);
  std::fflush(stdout);
  return killed == (each.cannot == nullptr);
}

} // namespace

int main(int argc, char** argv) {
  try {
    request what;
    what.last = 10'000;
    std::uint64_t only = 0;
    for (arguments rest(argc, argv); rest.next();) {
      const auto& option = rest.option();
      if (option == "--help" || option == "-h") return fmt::print("{}", usage), 0;
      if (option == "--mutant")
        only = rest.number();
      else if (option == "--seeds")
        rest.range(what.first, what.last);
      else if (option == "--jobs")
        what.jobs = rest.number();
      else
        throw bad_option(fmt::format("unknown option '{}'", option));
    }
    if (only > std::size(mutants)) throw bad_option(fmt::format("there are {} mutants", std::size(mutants)));
    bool good = true;
    for (const auto& each : mutants)
      if (only == 0 || static_cast<std::uint64_t>(each.number) == only) good = hunt(each, what) && good;
    return good ? 0 : 1;
  } catch (const bad_option& error) {
    fmt::print(stderr, "sim_mutants: {}\nSee sim_mutants --help.\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "sim_mutants: {}\n", error.what());
    return 3;
  }
}
