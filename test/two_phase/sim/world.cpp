// A run from its beginning to its end; see world_faults.cpp for what happens in between.
// SPDX-License-Identifier: BSL-1.0
#include "world.hpp"

#include <rondo/diagnostics.hpp>
#include <rondo/sleep.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <algorithm>

namespace sim {
using namespace std::chrono_literals;
using rondo::awaitable;

outcome run(const scenario& plan, coverage& covered, bool prints) {
  outcome result;
  rondo::testing::virtual_runner runner(rondo::run_options().handle_sigint(false).debug(false));
  std::unique_ptr<world> everything; // outlives the tasks of the loop
  std::string unhandled;
  runner.loop().set_exception_handler([&](rondo::event_loop, const rondo::exception_context& what) {
    if (unhandled.empty()) unhandled = what.message;
  });
  const auto body = [&]() -> awaitable<void> {
    everything = std::make_unique<world>(plan, covered, prints);
    std::exception_ptr error;
    try {
      co_await everything->live();
    } catch (...) {
      error = std::current_exception();
    }
    result = everything->result();
    everything->end();
    if (error) std::rethrow_exception(error);
  };
  try {
    runner.run(body);
    runner.close();
  } catch (const std::exception& error) {
    if (result.violation.empty()) result.violation = error.what();
  }
  if (result.violation.empty() && !unhandled.empty()) result.violation = "nobody handled: " + unhandled;
  return result;
}

world::world(const scenario& plan, coverage& covered, bool prints)
    : hub_(plan, covered, prints), judge_(hub_), net_(hub_, judge_), random_(plan.stream(2)) {
  for (std::size_t i = 0; i < plan.coordinators; ++i)
    hub_.processes.push_back(
        coordinators_.emplace_back(std::make_unique<coordinator_node>(hub_, judge_, net_, i)).get());
  for (std::size_t i = 0; i < plan.participants; ++i)
    hub_.processes.push_back(
        participants_.emplace_back(std::make_unique<participant_node>(hub_, judge_, net_, i)).get());
  net_.is_done = [this](std::size_t process, const message& what) { return at(process).is_done_with(what); };
  for (std::size_t i = 0; i < plan.users.size(); ++i)
    users_.push_back(std::make_unique<user>(hub_, judge_, coordinator(plan.users[i].coordinator), i, plan.users[i],
                                            [this](std::size_t bank) { return bank_name(bank); }));
}

outcome world::result() const {
  outcome how;
  how.violation = judge_.violation();
  how.hash = hub_.log.hash();
  how.events = hub_.log.events();
  how.transactions = judge_.all().size();
  return how;
}

void world::end() {
  for (const auto& each : coordinators_)
    each->abandon();
  for (const auto& each : participants_)
    each->abandon();
}

std::string world::bank_name(std::size_t bank) const {
  if (bank < participants_.size()) return participants_[bank]->name();
  const auto local = bank - participants_.size();
  return coordinator_node::local_name(local / hub_.plan.locals, local % hub_.plan.locals);
}

node& world::at(std::size_t process) {
  if (process < coordinators_.size()) return *coordinators_[process];
  return *participants_[process - coordinators_.size()];
}

awaitable<void> world::live() {
  for (std::size_t i = 0; i < hub_.processes.size(); ++i)
    if (!hub_.plan.dead || i != coordinators_.size() + *hub_.plan.dead) at(i).start();
  co_await rondo::sleep(100ms);
  for (const auto& each : users_)
    each->start();
  schedule_faults();
  co_await rondo::sleep(hub_.plan.trouble);
  heal();
  co_await wait_until_quiet();
  if (!judge_.violation().empty()) co_return;
  co_await run_last_transactions();
  if (!judge_.violation().empty()) co_return;
  co_await check_queries();
  judge_.check_end();
  check_money();
  co_await check_logs();
}

// ---- the end

void world::heal() {
  hub_.log.note("everything is healed", "world");
  hub_.healed = true;
  hub_.all_is_well.set();
  net_.heal();
  if (hub_.plan.dead) participants_[*hub_.plan.dead]->start();
}

bool world::is_quiet() const {
  const auto done = [](const auto& each) { return each->is_done(); };
  const auto quiet = [](const auto& each) { return each->is_quiet(); };
  return net_.pending() == 0 && std::ranges::all_of(users_, done) && std::ranges::all_of(coordinators_, quiet) &&
         std::ranges::all_of(participants_, quiet);
}

std::string world::describe() const {
  std::string text;
  for (const auto& each : users_)
    if (!each->is_done()) text += fmt::format(" user {} waits;", each->number());
  for (const auto& each : coordinators_)
    text += " " + each->describe();
  for (const auto& each : participants_)
    text += " " + each->describe();
  return text + (net_.pending() > 0 ? " messages:" + net_.describe() : "");
}

/// Local rows are swept, messages of ten minutes arrive, whoever waits for half a minute asks again.
awaitable<void> world::wait_until_quiet() {
  const auto deadline = hub_.loop.time() + 1800s;
  auto pause = duration(1s);
  for (;;) {
    co_await forget_decisions(true);
    if (!judge_.violation().empty()) co_return;
    const auto prepared = [&] {
      for (const auto& each : coordinators_)
        for (std::size_t i = 0; i < hub_.plan.locals; ++i)
          if (!each->safe(i).prepared.empty()) return true;
      return false;
    };
    if (is_quiet() && !prepared()) co_return;
    if (hub_.loop.time() > deadline) {
      judge_.violated("L1: half an hour after the last fault it is not over:" + describe() +
                      (prepared() ? " rows of local banks;" : ""));
      co_return;
    }
    co_await rondo::sleep(pause);
    pause = std::min<duration>(pause * 2, 20s);
  }
}

/// Everything works again: what all agree on is committed, what one refuses is not. They also carry the low-water marks
/// that let the participants forget what went before.
awaitable<void> world::run_last_transactions() {
  hub_.faults = 0;
  last_plans_.reserve(coordinators_.size() * 2);
  for (std::size_t i = 0; i < coordinators_.size(); ++i) {
    co_await run_last_transaction(i, false);
    co_await run_last_transaction(i, true);
  }
  co_await wait_until_quiet();
}

awaitable<void> world::run_last_transaction(std::size_t coordinator_number, bool refused) {
  auto& where = coordinator(coordinator_number);
  if (!where.is_well()) {
    judge_.violated(where.name() + " is not well, although nothing fails any more");
    co_return;
  }
  auto begin = where.get().begin();
  auto tx = co_await std::move(begin);
  const auto id = tx.id();
  judge_.begun(id, 0, coordinator_number);
  for (std::size_t i = 0; i < participants_.size(); ++i) {
    branch_plan plan;
    plan.bank = i;
    if (refused && i == 0) plan.what = work::refuse;
    judge_.enlisted(tx.enlist(two_phase::participant_name(participants_[i]->name()), bank::payload_of(plan)), plan);
  }
  judge_.asked(id);
  auto deciding = tx.commit();
  const auto result = co_await std::move(deciding);
  judge_.told(id, result);
  auto closing = tx.wait_for_close(std::chrono::seconds(60));
  judge_.waited(id, co_await std::move(closing));
  const bool right =
      refused ? result.aborted() && result.code() == two_phase::errc::voted_no && result.reason() == "not today"
              : result.committed();
  if (!right)
    judge_.violated(fmt::format("{}: everything works, and a transaction that {} is {}: {} {}", refused ? "N2" : "N1",
                                refused ? "one refuses" : "all agree on", to_string(result.decision()),
                                result.code().message(), result.reason()));
}

awaitable<void> world::check_queries() {
  for (const auto& [id, tx] : judge_.all()) {
    const auto asked = id; // the table may move
    auto query = coordinator(tx.coordinator).get().query(asked);
    const auto answer = co_await std::move(query);
    judge_.answered_query(asked, answer);
  }
}

void world::check_money() {
  std::int64_t sum = 0;
  for (const auto& each : participants_)
    sum += each->safe(0).account - 1000;
  for (const auto& each : coordinators_)
    for (std::size_t i = 0; i < hub_.plan.locals; ++i)
      sum += each->safe(i).account - 1000;
  if (sum != judge_.damage()) judge_.violated(fmt::format("money: {} are there that should not be", sum));
}

/// Nothing is open: what a new process reads leaves nothing to be done, and next to nothing to be remembered.
awaitable<void> world::check_logs() {
  if (!judge_.violation().empty()) co_return;
  const auto most = 3 * coordinators_.size(); // of each: a mark, and its last two transactions
  for (const auto& each : participants_)
    if (const auto held = at_once(each->get().list()); !held || held->size() > most)
      judge_.violated(fmt::format("S16: {} remembers {} branches", each->name(), held ? held->size() : 0));
  for (std::size_t i = 0; i < hub_.processes.size(); ++i)
    co_await at(i).stop_for_good();
  for (const auto& each : coordinators_) {
    const auto contents = each->read_log();
    two_phase::coordinator_core core{two_phase::participant_name(each->name())};
    core.step(two_phase::log_opened(contents.id(), contents.records()));
    // A disk that was full may have lost an END; then the next start says once more what was decided.
    for (const auto& open : core.list())
      if (const auto* tx = judge_.find(open.id()); !tx || !tx->ended)
        judge_.violated(fmt::format("L6: the log of {} holds a transaction that is open", each->name()));
  }
  for (const auto& each : participants_) {
    const auto contents = each->read_log();
    two_phase::participant_core core{two_phase::participant_name(each->name())};
    core.step(two_phase::log_opened(contents.id(), contents.records()));
    // Marks are written along with something else: a full disk may have lost one.
    if (core.live_records().size() > most && !hub_.plan.has(fault::disk_full))
      judge_.violated(fmt::format("L6: the log of {} needs {} records", each->name(), core.live_records().size()));
  }
}

} // namespace sim
