// What happens to processes, connections and branches from outside.
// SPDX-License-Identifier: BSL-1.0
#include "world.hpp"

#include <rondo/sleep.hpp>

#include <system_error>

namespace sim {
using namespace std::chrono_literals;
using rondo::awaitable;
using two_phase::branch_id;

void world::at_some_times(random_stream& random, std::uint64_t most, duration within, std::function<void()> what) {
  for (auto count = random.between(1, most); count > 0; --count)
    hub_.loop.call_later(random.up_to(random.chance(700) ? within / 2 : within), [this, what] {
      if (!hub_.healed) what();
    });
}

void world::schedule_faults() {
  schedule_crashes(hub_.plan.stream(3));
  schedule_partitions(hub_.plan.stream(4));
  schedule_others(hub_.plan.stream(5));
}

namespace {

/// Crashes in some pass of the loop that comes, since virtual time stands still while many things happen.
void crash_after(hub& h, process& who, std::uint64_t passes) {
  if (h.healed) return;
  if (passes == 0) return who.crash(fault::crash);
  h.loop.call_soon([&h, &who, passes] { crash_after(h, who, passes - 1); });
}

} // namespace

void world::schedule_crashes(random_stream random) {
  for (std::size_t i = 0; i < hub_.processes.size(); ++i) {
    auto& who = *hub_.processes[i];
    if (hub_.plan.has(fault::crash) && random.chance(700))
      at_some_times(random, hub_.plan.intensity, hub_.plan.trouble,
                    [this, &who] { crash_after(hub_, who, random_.below(12)); });
    if (hub_.plan.has(fault::stop) && random.chance(400))
      at_some_times(random, hub_.plan.intensity, hub_.plan.trouble, [this, i] { at(i).stop_for_a_while(); });
  }
}

void world::schedule_partitions(random_stream random) {
  if (hub_.plan.has(fault::partition))
    at_some_times(random, 2 * hub_.plan.intensity, hub_.plan.trouble, [this] { partition(true); });
  if (hub_.plan.has(fault::one_way_partition))
    at_some_times(random, 2 * hub_.plan.intensity, hub_.plan.trouble, [this] { partition(false); });
  if (hub_.plan.has(fault::connection_loss))
    at_some_times(random, 20 * hub_.plan.intensity, hub_.plan.trouble,
                  [this] { net_.lose_connection(hub_.processes[random_.below(hub_.processes.size())]->name()); });
}

void world::schedule_others(random_stream random) {
  if (hub_.plan.has(fault::stranger)) at_some_times(random, 8, hub_.plan.trouble, [this] { ask_as_a_stranger(); });
  if (hub_.plan.has(fault::administrator))
    at_some_times(random, 20 * hub_.plan.intensity, hub_.plan.trouble, [this] { decide_by_hand(); });
  at_some_times(random, 4, hub_.plan.trouble, [this] { ask_for_outcomes(); });
}

void world::partition(bool both_ways) {
  const auto one = random_.below(coordinators_.size());
  const auto other = coordinators_.size() + random_.below(participants_.size());
  const bool swapped = random_.chance(500);
  const std::size_t from = swapped ? other : one, to = swapped ? one : other;
  hub_.log.note(both_ways ? "partition" : "one-way partition", hub_.processes[from]->name(), 0, 0, 0,
                hub_.processes[to]->name());
  net_.cut(from, to);
  if (both_ways) net_.cut(to, from);
  hub_.loop.call_later(random_.up_to(random_.chance(700) ? 10s : 120s), [this, from, to] {
    net_.mend(from, to);
    net_.mend(to, from);
  });
}

/// Asks about a transaction of a log that nobody has, or of one of this coordinator's that is yet to come.
void world::ask_as_a_stranger() {
  const auto which = random_.below(coordinators_.size());
  auto& where = coordinator(which);
  two_phase::log_uuid::bytes_type bytes{};
  bytes[0] = std::byte{0xEE};
  auto id = branch_id(txid(two_phase::log_uuid(bytes), 1, random_.between(1, 20)), 0);
  if (random_.chance(500))
    for (const auto& [known, tx] : judge_.all())
      if (tx.coordinator == which) id = branch_id(txid(known.coordinator(), known.epoch() + 1'000'000, 1), 0);
  const auto from = random_.below(participants_.size());
  ++hub_.faults;
  judge_.stranger(id);
  where.hit_everything(fault::stranger);
  auto question = message(two_phase::message_kind::inquire, id);
  question.sender(two_phase::participant_name(participants_[from]->name()));
  net_.post_as(coordinators_.size() + from, where.name(), question);
}

/// What `query` says while things happen must never turn out to be wrong.
void world::ask_for_outcomes() {
  for (const auto& [id, tx] : judge_.all()) {
    if (!coordinator(tx.coordinator).is_up()) continue;
    const auto asked = id;
    if (const auto answer = at_once(coordinator(tx.coordinator).get().query(asked)))
      judge_.answered_query(asked, *answer);
  }
}

// ---- administrators

void world::decide_by_hand() {
  rondo::create_task(forget_decisions(false));
  if (random_.chance(200)) return decide_at_a_coordinator();
  const auto how = random_.chance(500) ? decision::committed : decision::aborted;
  const auto first = random_.below(participants_.size());
  for (std::size_t i = 0; i < participants_.size(); ++i) {
    auto& where = *participants_[(first + i) % participants_.size()];
    const auto all = where.is_up() ? at_once(where.get().in_doubt()) : std::nullopt;
    if (!all || all->empty()) continue;
    rondo::create_task(decide_for(where, (*all)[random_.below(all->size())].id(), how));
    return trouble_meanwhile(where);
  }
}

void world::decide_at_a_coordinator() {
  const auto how = random_.chance(500) ? decision::committed : decision::aborted;
  auto& where = coordinator(random_.below(coordinators_.size()));
  const auto all = where.is_up() ? at_once(where.get().list()) : std::nullopt;
  if (!all) return;
  for (const auto& each : *all) {
    const auto* facts = judge_.find(each.id());
    if (each.phase() != two_phase::coordinator_core::phase::committing || !facts) continue;
    const branch_id branch(each.id(), static_cast<std::uint32_t>(random_.below(facts->branches.size())));
    rondo::create_task(decide_at(where, branch, how));
    return trouble_meanwhile(where);
  }
}

/// What an administrator does takes a moment, which a fault at any time would seldom meet.
void world::trouble_meanwhile(node& who) {
  if (hub_.may(fault::crash) && random_.chance(200)) crash_after(hub_, who, random_.below(8));
  if (hub_.may(fault::crash_at_point) && random_.chance(200)) who.crash_at_point(random_.between(1, 3));
  if (hub_.may(fault::stop) && random_.chance(100)) who.stop_for_a_while();
  if (hub_.may(fault::partition) && random_.chance(300)) partition(true);
  if (hub_.may(fault::one_way_partition) && random_.chance(300)) partition(false);
  if (hub_.may(fault::connection_loss))
    at_some_times(random_, 3, 1s, [this, &who] { net_.lose_connection(who.name()); });
}

awaitable<void> world::decide_for(participant_node& where, branch_id branch, decision how) {
  if (!where.is_up()) co_return;
  where.hit(fault::administrator, branch);
  ++hub_.faults;
  judge_.by_hand(branch, how, false);
  try {
    auto deciding = where.get().resolve_heuristically(branch, how, "the simulated administrator");
    co_await std::move(deciding);
    judge_.by_hand(branch, how, true);
  } catch (const std::system_error& error) {
    hub_.log.note("not decided by hand", "admin", judge_.number(branch.transaction()), branch.branch(), 0,
                  error.code().message());
  }
}

awaitable<void> world::decide_at(coordinator_node& where, branch_id branch, decision how) {
  if (!where.is_up()) co_return;
  where.hit(fault::administrator, branch);
  ++hub_.faults;
  judge_.by_hand(branch, how, false);
  judge_.given_up(branch);
  try {
    auto deciding = where.get().resolve_heuristically(branch, how, "the simulated administrator");
    co_await std::move(deciding);
  } catch (const std::system_error& error) {
    hub_.log.note("not decided by hand", "admin", judge_.number(branch.transaction()), branch.branch(), 0,
                  error.code().message());
  }
}

/// Has decisions noted, so that participants need not remember them.
awaitable<void> world::forget_decisions(bool all) {
  for (const auto& each : participants_) {
    if (!each->is_up()) continue;
    const auto list = at_once(each->get().list());
    if (!list) continue;
    for (const auto& held : *list) {
      if (held.phase() != two_phase::participant_core::phase::heuristic || !each->is_up()) continue;
      if (!all && random_.chance(500)) continue;
      const auto branch = held.id();
      co_await forget_one(*each, branch);
    }
  }
}

/// At the participant itself, and by its coordinator, which passes it on; some do it twice.
awaitable<void> world::forget_one(participant_node& where, branch_id branch) {
  where.hit(fault::administrator, branch);
  if (!hub_.healed) {
    for (auto times = random_.below(5); times > 0; --times)
      hub_.loop.call_later(random_.up_to(random_.chance(500) ? 3ms : 1s),
                           [this, &where, branch] { forget_from_afar(where, branch); });
    co_await rondo::sleep(random_.up_to(20ms));
    trouble_meanwhile(where);
  }
  if (!where.is_up()) co_return;
  try {
    auto forgetting = where.get().forget(branch);
    co_await std::move(forgetting);
  } catch (const std::system_error& error) {
    hub_.log.note("not forgotten", "admin", judge_.number(branch.transaction()), branch.branch(), 0,
                  error.code().message());
  }
}

void world::forget_from_afar(participant_node& where, branch_id branch) {
  const auto* facts = judge_.find(branch.transaction());
  if (!facts || !coordinator(facts->coordinator).is_up()) return;
  if (where.is_up()) where.hit(fault::administrator, branch);
  rondo::create_task(coordinator(facts->coordinator).get().forget(branch, two_phase::participant_name(where.name())));
}

} // namespace sim
