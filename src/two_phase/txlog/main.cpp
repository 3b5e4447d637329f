// rondo-txlog: looks into the decision logs of coordinators and participants, and saves what a damaged one still holds.
// SPDX-License-Identifier: BSL-1.0
#include "salvage.hpp"

#include <rondo/version.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <span>
#include <string_view>

namespace {

namespace tp = txlog::tp;
using arguments = std::span<const std::string>;

constexpr std::string_view usage = R"(usage: rondo-txlog print DIRECTORY
       rondo-txlog check DIRECTORY
       rondo-txlog in-doubt DIRECTORY
       rondo-txlog salvage SOURCE TARGET [--yes]

Looks into the decision log of a coordinator or a participant of two-phase commit.

  print     every record: file, offset, number, meaning
  check     whether the log can be opened: its identity, how many records and segments, a torn tail, damage
  in-doubt  what is decided and not yet carried out everywhere (coordinator), and the branches that wait for a decision
            (participant)
  salvage   copies the records before a damage to a new log in TARGET, an empty directory. Without --yes it only says
            what it would do. SOURCE stays as it is. Decisions behind the damage are lost: read what it says about them.

print, check and in-doubt change nothing and take no lock: they are safe while a process uses the log, and show what it
held a moment ago. salvage --yes needs a log that is not in use.

exit status: 0 done; 1 the log is damaged; 2 wrong usage; 3 there is no log, or it cannot be read or written, or it is in
use, or a newer version of rondo wrote it; 4 something is in doubt (in-doubt only)
)";

enum status : int { done = 0, damaged = 1, wrong_usage = 2, unusable = 3, in_doubt = 4 };

/// What is wrong with a log, on the standard error; `damaged` if it cannot be opened.
status report(const txlog::log_view& view) {
  if (view.torn)
    fmt::print(stderr, "{}, offset {}: a torn tail of {} bytes; {}\n", view.torn->file(), view.torn->offset(),
               view.torn->size(),
               view.in_use ? "the process that uses the log may be writing there"
                           : "a crash left it, the next start cuts it off, and nothing that was durable is lost");
  for (const txlog::located_record& each : view.records)
    if (!tp::log_entry::decode(each.record))
      fmt::print(stderr, "{}, offset {}: {}\n", each.file, each.offset, txlog::describe(each.record));
  if (!view.damage) return done;
  fmt::print(stderr, "DAMAGED: {}\n", view.damage->what());
  return damaged;
}

void print_records(const std::vector<txlog::located_record>& records) {
  std::string_view file;
  for (const txlog::located_record& each : records) {
    if (each.file != file) fmt::print("{}\n", file = each.file);
    fmt::print("{:>10} {:>8}  {}\n", each.offset, each.lsn, txlog::describe(each.record));
  }
}

status print(const std::string& directory) {
  const txlog::log_view view = txlog::view_log(directory);
  print_records(view.records);
  return report(view);
}

status check(const std::string& directory) {
  const txlog::log_view view = txlog::view_log(directory);
  fmt::print("log {}: {} records in {} segments{}\n", view.id ? view.id->to_string() : "without a readable header",
             view.records.size(), view.segments.size(), view.in_use ? "; in use" : "");
  const status result = report(view);
  if (result == done) fmt::print("the log is whole\n");
  return result;
}

status list_in_doubt(const std::string& directory) {
  const txlog::log_view view = txlog::view_log(directory);
  const txlog::open_transactions open = txlog::find_open(view.records);
  for (const auto& [id, branches] : open.committing) {
    fmt::print("committing {}\n", id.to_string());
    for (const tp::yes_branch& each : branches)
      fmt::print("    branch {:x} at {} has not confirmed, as far as the log tells\n", each.branch(),
                 each.participant().text());
  }
  for (const auto& [branch, entry] : open.prepared)
    fmt::print("prepared {} branch {:x}: waits for {}\n", branch.transaction().to_string(), branch.branch(),
               entry.coordinator().text());
  for (const auto& [branch, entry] : open.resolved)
    fmt::print("resolved {} branch {:x}: {} by {}, and kept until it is forgotten\n", branch.transaction().to_string(),
               branch.branch(), to_string(entry.resolved()), entry.who());
  if (const status result = report(view); result != done) return result;
  return open.committing.empty() && open.prepared.empty() ? done : in_doubt;
}

void explain(const txlog::salvage_plan& plan, const txlog::log_view& view) {
  fmt::print("{} records stand before the damage\n", view.records.size());
  if (!view.behind.empty()) fmt::print("{} can be read behind it, and are NOT copied:\n", view.behind.size());
  print_records(view.behind);
  if (plan.coordinator)
    fmt::print("A coordinator's log: it keeps its identity {}; its next start has epoch {:x}.\n"
               "What was decided behind the damage will be taken for ABORTED when a participant asks: resolve such\n"
               "branches at their participants before this coordinator starts.\n",
               plan.id.to_string(), plan.first_epoch);
  else
    fmt::print("A participant's log: it gets the new identity {}.\n"
               "COMMIT for a branch that was prepared behind the damage will be answered with a heuristic hazard.\n",
               plan.id.to_string());
}

status salvage(const std::string& source, const std::string& target, bool yes) {
  std::optional<txlog::source_lock> lock;
  if (yes) {
    txlog::view_log(source); // so that no lock file is made where there is no log
    lock.emplace(source);
  }
  const txlog::log_view view = txlog::view_log(source);
  if (!view.damage) {
    fmt::print("the log in {} is not damaged: there is nothing to salvage\n", source);
    return report(view);
  }
  report(view);
  const txlog::salvage_plan plan = txlog::plan_salvage(view);
  explain(plan, view);
  if (!yes) {
    fmt::print("nothing was written; to make the new log in {}: --yes\n", target);
    return done;
  }
  txlog::carry_out(plan, target);
  fmt::print("the new log is in {}\n", target);
  return done;
}

status wrong(std::string_view what) {
  fmt::print(stderr, "rondo-txlog: {}\n\n{}", what, usage);
  return wrong_usage;
}

status run(arguments given) {
  if (given.empty()) return wrong("a command is missing");
  const std::string_view command = given[0];
  if (command == "--help" || command == "-h") return fmt::print("{}", usage), done;
  if (command == "--version") return fmt::print("rondo-txlog {}\n", RONDO_VERSION_STRING), done;
  const bool salvages = command == "salvage";
  if (!salvages && command != "print" && command != "check" && command != "in-doubt")
    return wrong(fmt::format("there is no command '{}'", command));
  std::vector<std::string> rest(given.begin() + 1, given.end());
  const bool yes = salvages && std::erase(rest, "--yes") > 0;
  for (const std::string& each : rest)
    if (each.starts_with("-")) return wrong(fmt::format("{} has no option '{}'", command, each));
  const std::size_t directories = salvages ? 2 : 1;
  if (rest.size() != directories)
    return wrong(
        fmt::format("{} takes {}, not {}", command, salvages ? "two directories" : "one directory", rest.size()));
  if (salvages) return salvage(rest[0], rest[1], yes);
  if (command == "print") return print(rest[0]);
  return command == "check" ? check(rest[0]) : list_in_doubt(rest[0]);
}

} // namespace

int main(int argc, char* argv[]) {
  try {
    const int result = run(std::vector<std::string>(argv + 1, argv + argc));
    if (std::fflush(stdout) == 0) return result;
    fmt::print(stderr, "rondo-txlog: the output could not be written\n");
  } catch (const std::exception& error) {
    fmt::print(stderr, "rondo-txlog: {}\n", error.what());
  }
  return unusable;
}
