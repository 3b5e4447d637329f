// The mutants of the state machines: each must be killed, or the explorer proves nothing.
// SPDX-License-Identifier: BSL-1.0
#include "cases.hpp"

#include <two_phase/mutant.hpp>

#include <fmt/format.h>

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace explore {
namespace {

struct mutant {
  int number;
  const char* rule;   // that is broken
  const char* in;     // the smallest case that shows it
  const char* damage; // the smallest case that shows what comes of it
  int study;          // the length of the shortest counterexample in the study's model, which looks for damage; 0: none
};

constexpr mutant mutants[] = {
    {1, "COMMIT is sent before its record is forced", "n1", "yes-crash", 9},
    {2, "no decision log", "n1", "yes-crash", 12},
    {3, "an ambiguous write is taken for a failed one", "log-faults", "d", 9},
    {4, "YES is sent before PREPARED is forced", "n1", "a", 12},
    {5, "ACK is sent before COMMITTED is forced", "n1", "a", 11},
    {6, "an inquiry about an undecided transaction is answered with abort", "n1", "n1", 10},
    {7, "inquiries are answered before the log is read", "yes-crash", "yes-crash", 10},
    {8, "a committed branch is forgotten after the ACK", "n1", "n1", 13},
    {9, "a committed branch is forgotten after the end, without a watermark", "n1", "n1", 20},
    {10, "a prepared participant rolls back on timeout", "n1", "n1", 8},
    {11, "a prepared participant commits on timeout", "n1", "no-crash", 4},
    {12, "a commit hook that throws leads to a rollback", "hooks", "hooks", 9},
    {13, "the coordinator gives up after retries", "n1", "n1", 11},
    {14, "the epoch is not forced", "e", "e", 0},
    {15, "a branch of another log is answered with abort", "strangers", "strangers", 0},
    {16, "compaction drops commit records that are old", "compaction", "compaction", 0},
    {17, "a message is acknowledged to the broker before its effect is forced", "broker", nullptr, 0},
    {18, "the sweep reads what is active before it asks what is prepared", "sweep", "sweep", 0},
};

/// What a child found out, in memory that it shares with its parent.
struct finding {
  bool killed = false;
  std::size_t states = 0;
  std::size_t length = 0;
  char violation[128] = {};
};

class shared_finding {
public:
  shared_finding()
      : memory_(mmap(nullptr, sizeof(finding), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    if (memory_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    new (memory_) finding;
  }
  ~shared_finding() { munmap(memory_, sizeof(finding)); }
  shared_finding(const shared_finding&) = delete;
  shared_finding& operator=(const shared_finding&) = delete;

  finding& operator*() { return *static_cast<finding*>(memory_); }

private:
  void* memory_;
};

finding hunt(int number, const char* in, bool only_damage, const limits& bounds) {
  shared_finding shared;
  in_child([&] {
    two_phase::detail::active_mutant = number;
    auto options = find_case(in)->options;
    options.only_damage = only_damage;
    options.plain = true;
    network model(options);
    const auto result = explorer<network>(model, bounds).run();
    auto& found = *shared;
    found.killed = !result.violation.empty();
    found.states = result.states;
    found.length = result.trace.size();
    std::strncpy(found.violation, result.violation.c_str(), sizeof found.violation - 1);
    return true;
  });
  return *shared;
}

std::string length_of(const finding& found) { return found.killed ? fmt::format("{}", found.length) : "-"; }

class table {
public:
  void add(const mutant& each, const finding& first, const finding& damage) {
    const auto study = each.study > 0 ? fmt::format("{}", each.study) : "-";
    text_ += fmt::format("| M{} | {} | {} | {} | {} | {} | {} | {} | {} |\n", each.number, each.rule, each.in,
                         first.killed ? first.violation : "**survived**", length_of(first), first.states,
                         damage.killed ? damage.violation : "-", length_of(damage), study);
  }

  void write(const std::string& path) const {
    std::ofstream file(path);
    file
        << "# Mutants of two-phase commit\n\n"
           "Each mutant is the state machines of `src/two_phase` with one rule broken (`src/two_phase/mutant.hpp`). "
           "The\n"
           "explorer (`test/two_phase/explore`) must find each; `explore --mutants --table FILE` writes this page.\n"
           "Lengths are the events of the shortest counterexample. *Caught as* is the first rule that is seen to be "
           "broken,\n"
           "often one of order: S6 and S7 look at what is durable when a message leaves. *Damage* ignores the rules of "
           "order\n"
           "and waits until something is really wrong; this is what the study's model looks for, so its lengths stand "
           "there.\n"
           "Events differ: here a hook, its record and its message are events of their own, and a message is received\n"
           "in one event with what it makes the process send.\n\n"
           "M7 does no damage here: a participant ignores an answer that does not name its coordinator's log, which "
           "the\n"
           "coordinator cannot name before it has read it. M17 is looked for by its rule alone: the coordinator sends "
           "again\n"
           "and the participant asks, so that a message that the broker lost costs time and nothing else.\n\n"
           "| mutant | broken rule | case | caught as | length | states | damage | length | study |\n"
           "|---|---|---|---|---|---|---|---|---|\n"
        << text_;
    file.close();
    if (!file) throw std::runtime_error("cannot write " + path);
  }

private:
  std::string text_;
};

} // namespace

bool run_mutants(const limits& bounds, const std::string& path) {
  table results;
  bool all_killed = true;
  for (const auto& each : mutants) {
    const auto first = hunt(each.number, each.in, false, bounds);
    all_killed = all_killed && first.killed;
    fmt::print("M{:<2} {:<68} {:<10} {}  length {:>2}  {:>8} states  {}\n", each.number, each.rule, each.in,
               first.killed ? "killed  " : "SURVIVED", length_of(first), first.states, first.violation);
    std::fflush(stdout);
    if (path.empty()) continue;
    const auto damage = each.damage ? hunt(each.number, each.damage, true, bounds) : finding();
    if (each.damage)
      fmt::print("    {:<68} {:<10} {}  length {:>2}  {:>8} states  {}\n", "  damage", each.damage,
                 damage.killed ? "found   " : "none    ", length_of(damage), damage.states, damage.violation);
    std::fflush(stdout);
    results.add(each, first, damage);
  }
  if (!path.empty()) results.write(path);
  return all_killed;
}

} // namespace explore
