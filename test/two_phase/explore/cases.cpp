// SPDX-License-Identifier: BSL-1.0
#include "cases.hpp"

#include "oracles.hpp"

#include <fmt/format.h>

#include <sys/resource.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace explore {
namespace {

void all_vote_yes(settings& s) { s.votes_no = s.deadlines = false; }

std::vector<named_case> make_cases() {
  std::vector<named_case> result;
  const auto add = [&](const char* name, const char* what, bool completion,
                       const std::function<void(settings&)>& change) {
    settings options;
    change(options);
    const bool slow = options.heuristics > 0;
    result.push_back({name, what, options, completion, slow});
  };
  add("n1", "nothing fails, all vote yes: it must commit", true,
      [](settings& s) { all_vote_yes(s), s.promised = promise::committed; });
  add("n2", "nothing fails, one votes no: the user must be told so", true,
      [](settings& s) { all_vote_yes(s), s.promised = promise::refused; });
  add("no-crash", "no crash", true, [](settings&) {});
  add("yes-crash", "1 coordinator crash, all vote yes", true,
      [](settings& s) { all_vote_yes(s), s.coordinator_crashes = 1; });
  add("hooks", "hooks that fail, all vote yes", true, [](settings& s) { all_vote_yes(s), s.hooks_fail = true; });
  add("compaction", "1 coordinator crash, 1 compaction of each log, all vote yes", true,
      [](settings& s) { all_vote_yes(s), s.coordinator_crashes = s.compactions = 1; });
  add("log-faults", "every log outcome once in each log", false,
      [](settings& s) { s.coordinator_log_faults = s.participant_log_faults = 1; });
  add("strangers", "inquiries about transactions of others, 1 coordinator crash, all vote yes", false,
      [](settings& s) { all_vote_yes(s), s.strangers = true, s.coordinator_crashes = 1, s.participants = 1; });
  add("one-phase", "1 participant in one phase, hooks that fail, 1 crash of each", false, [](settings& s) {
    s.participants = 1, s.one_phase = s.hooks_fail = true, s.coordinator_crashes = s.participant_crashes = 1;
  });
  add("sweep", "1 participant, 1 sweep of its resource, 1 crash of each", false,
      [](settings& s) { s.sweeps = 1, s.participants = 1, s.coordinator_crashes = s.participant_crashes = 1; });
  add("broker", "1 participant, messages stay until they are acknowledged, 1 crash of each", false,
      [](settings& s) { s.participants = 1, s.broker = true, s.coordinator_crashes = s.participant_crashes = 1; });
  add("a", "1 crash of each process", true, [](settings& s) { s.coordinator_crashes = s.participant_crashes = 1; });
  add("a-read-only", "1 crash of each process, read-only votes", true,
      [](settings& s) { s.coordinator_crashes = s.participant_crashes = 1, s.read_only = true; });
  add("a-hooks", "1 coordinator crash, hooks that fail, 1 compaction of each log", true,
      [](settings& s) { s.coordinator_crashes = 1, s.hooks_fail = true, s.compactions = 1; });
  add("b", "2 coordinator crashes", true, [](settings& s) { s.coordinator_crashes = 2; });
  add("c", "2 crashes of each participant", true, [](settings& s) { s.participant_crashes = 2; });
  add("d", "1 coordinator crash, every log outcome once in each log", false,
      [](settings& s) { s.coordinator_crashes = s.coordinator_log_faults = s.participant_log_faults = 1; });
  add("e", "2 transactions, 1 participant, a coordinator crash between them, inquiries of strangers", false,
      [](settings& s) {
        s.transactions = 2, s.participants = s.coordinator_crashes = 1, s.strangers = s.crash_between = true;
      });
  add("e-2", "2 transactions, 2 participants that vote yes, a coordinator crash between them, no deadline", false,
      [](settings& s) {
        all_vote_yes(s), s.transactions = 2, s.coordinator_crashes = 1, s.crash_between = true, s.keep_labels = false;
      });
  add("f", "1 decision of an administrator at each process, 1 coordinator crash", false,
      [](settings& s) { s.heuristics = 1, s.coordinator_crashes = 1; });
  add("n3", "3 participants, no crash", true, [](settings& s) { s.participants = 3; });
  add("n3-crash", "3 participants, 1 coordinator crash", true,
      [](settings& s) { s.participants = 3, s.coordinator_crashes = 1; });
  return result;
}

double peak_mebibytes() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_maxrss) / 1024;
}

/// What a model without these events would prove nothing about.
std::vector<std::string> must_occur(const settings& s) {
  std::vector<std::string> events{"c: receives vote", "p: receives prepare", "p: hook prepare ends: yes"};
  const auto add = [&](bool when, std::initializer_list<const char*> names) {
    if (when) events.insert(events.end(), names.begin(), names.end());
  };
  if (s.one_phase)
    return {"p: receives commit_one_phase",
            "p: hook commit_one_phase ends: no",
            "p: hook commit_one_phase ends: failed",
            "p: force of committed ends: ok",
            "p: force of aborted ends: ok",
            "c: receives done",
            "c: timer one_phase_deadline",
            "c: crashes",
            "p: crashes"};
  add(true, {"c: timer prepare_retry", "p: timer inquiry", "c: receives inquire", "p: receives outcome"});
  const bool commits = s.promised != promise::refused;
  add(commits, {"c: force of commit ends: ok", "p: receives commit", "p: hook commit ends: done", "c: receives ack",
                "c: timer commit_retry", "c: timer prepare_deadline", "c: the user cancels"});
  add(s.votes_no || s.promised == promise::refused,
      {"p: hook prepare ends: no", "p: receives rollback", "p: hook rollback ends: done", "c: timer rollback_retry"});
  add(s.read_only, {"p: hook prepare ends: read-only"});
  add(s.hooks_fail, {"p: hook commit ends: failed", "p: timer hook_retry"});
  add(s.coordinator_crashes > 0, {"c: crashes", "c: reads its log", "c: force of epoch ends: ok"});
  add(s.participant_crashes > 0, {"p: crashes"});
  add(s.coordinator_log_faults > 0,
      {"c: force of commit ends: definitely not written", "c: force of commit ends: ambiguous, there",
       "c: force of commit ends: ambiguous, not there"});
  add(s.participant_log_faults > 0,
      {"p: force of prepared ends: definitely not written", "p: force of committed ends: definitely not written",
       "p: force of prepared ends: ambiguous, there", "p: force of committed ends: ambiguous, not there"});
  add(s.compactions > 0, {"c: compacts its log", "p: compacts its log"});
  add(s.sweeps > 0, {"p: sweep is due", "p: the resource rolls back an orphan"});
  add(s.heuristics > 0, {"p: an administrator decides: committed", "p: an administrator decides: aborted", "p: forget",
                         "p: force of forget ends: ok", "c: an administrator says"});
  return events;
}

/// Whether everything that can happen in the case did; says what did not.
bool all_occurred(const named_case& each, const std::set<std::string>& seen) {
  bool good = true;
  for (const auto& event : must_occur(each.options))
    if (!seen.contains(event)) {
      fmt::print("  never happened: {}\n", event);
      good = false;
    }
  return good;
}

bool explore_case(const named_case& each, limits bounds) {
  network model(each.options);
  const auto result = explorer<network>(model, bounds.completion(each.completion)).run();
  print(each.name, result);
  fmt::print("{:<13} {}; states of each: {}\n", "", each.what, model.sizes());
  if (!result.violation.empty() || result.stuck.value_or(0) > 0) return false;
  if (!result.exhausted) return true;
  const bool occurred = !each.options.keep_labels || all_occurred(each, model.seen());
  return occurred && result.complete > 0 && result.idle > 0;
}

template <class Spec>
bool oracle(const char* name, std::size_t count, std::size_t states, std::size_t edges, std::size_t depth) {
  Spec spec(count);
  const auto result = explorer<Spec>(spec, limits()).run();
  print(fmt::format("{} n={}", name, count), result);
  const bool same = result.states == states && (edges == 0 || (result.edges == edges && result.depth == depth));
  if (!same) fmt::print("FAILED: published are {} states, {} edges, depth {}\n", states, edges, depth);
  return same && result.violation.empty();
}

std::string verdict(const report& result) {
  if (!result.violation.empty()) return "VIOLATION: " + result.violation;
  if (!result.exhausted) return fmt::format("incomplete (limit of {}), no violation", result.limit);
  if (!result.stuck) return "complete, no violation";
  return fmt::format("complete, no violation, {} stuck", *result.stuck);
}

} // namespace

const std::vector<named_case>& all_cases() {
  static const auto cases = make_cases();
  return cases;
}

const named_case* find_case(const std::string& name) {
  for (const auto& each : all_cases())
    if (each.name == name) return &each;
  return nullptr;
}

void print(const std::string& name, const report& result) {
  fmt::print("{:<13} {:>11} states {:>12} edges  depth {:>3}  {:8.2f} s  {:6.0f} MiB  {}\n", name, result.states,
             result.edges, result.depth, result.seconds, peak_mebibytes(), verdict(result));
  std::size_t number = 0;
  for (const auto& event : result.trace)
    fmt::print("  {:>3}. {}\n", ++number, event);
  std::fflush(stdout);
}

bool oracles() {
  bool good = oracle<tcommit>("TCommit", 3, 34, 94, 7);
  good = oracle<two_phase_spec>("TwoPhase", 3, 288, 1146, 11) && good;
  return oracle<two_phase_spec>("TwoPhase", 6, 50'816, 0, 0) && good;
}

std::optional<bool> in_child(const std::function<bool()>& function) {
  std::fflush(nullptr);
  const auto child = fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child == 0) {
    int status = 2;
    try {
      status = function() ? 0 : 1;
    } catch (const std::exception& error) {
      fmt::print(stderr, "explore: {}\n", error.what());
    }
    std::fflush(nullptr);
    std::_Exit(status);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "waitpid");
  if (!WIFEXITED(status) || WEXITSTATUS(status) > 1) return std::nullopt;
  return WEXITSTATUS(status) == 0;
}

bool run_case(const named_case& each, const limits& bounds) {
  const auto good = in_child([&] { return explore_case(each, bounds); });
  if (!good) fmt::print("{:<13} FAILED: its process ended before it was explored\n", each.name);
  return good.value_or(false);
}

} // namespace explore
