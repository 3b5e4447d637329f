// SPDX-License-Identifier: BSL-1.0
#include "scenario.hpp"

#include <algorithm>

namespace sim {
using namespace std::chrono_literals;

scenario::scenario(std::uint64_t the_seed) : seed(the_seed) {
  random_stream random(seed, 0);
  choose_faults(random);
  choose_people(random);
  choose_settings(random);
  choose_users(random);
}

bool scenario::has_crashes() const {
  return has(fault::crash) || has(fault::crash_at_point) || has(fault::crash_in_recovery) || has(fault::write_error) ||
         has(fault::sync_error);
}

void scenario::choose_faults(random_stream& random) {
  const auto kind = random.below(20);
  intensity = random.between(1, 3);
  broker = random.chance(250);
  if (kind < 1) return; // nothing fails
  const bool all = kind == 1;
  const std::uint64_t share = kind < 7 ? 80 : kind < 14 ? 200 : 400;
  for (std::size_t i = 0; i < fault_count; ++i)
    if (all || random.chance(share)) faults.set(static_cast<fault>(i));
  // What a crash leaves of the disk needs a crash.
  const bool disk = has(fault::lost_write) || has(fault::torn_write) || has(fault::bit_flip);
  if (disk && !has_crashes()) faults.set(random.chance(500) ? fault::crash : fault::crash_at_point);
  if (has(fault::crash_in_recovery) && !has(fault::crash)) faults.set(fault::crash_at_point);
  if (!broker) faults.set(fault::connection_loss, false);
}

void scenario::choose_people(random_stream& random) {
  coordinators = random.chance(600) ? 1 : random.between(2, 3);
  participants = random.chance(700) ? random.between(1, 3) : random.between(4, 7);
  locals = random.chance(500) ? 0 : random.between(1, 2);
  for (std::size_t i = 0; i < bank_count(); ++i)
    one_phase_capable.push_back(random.chance(400));
  if (faults.none() && participants > 1 && random.chance(500)) dead = random.below(participants);
}

void scenario::choose_settings(random_stream& random) {
  trouble = faults.none() ? 10s : 5s + random.up_to(random.chance(700) ? 60s : 600s);
  latency = random.chance(300) ? 0ms : 1ms + random.up_to(30ms);
  hook_time = random.chance(300) ? 0ms : 1ms + random.up_to(50ms);
  write_time = random.chance(200) ? 0ms : 100us + random.up_to(10ms);
  prepare_timeout = random.chance(500) ? duration(20s) : 3s + random.up_to(10s);
  lifetime = random.chance(500) ? duration(60s) : 5s + random.up_to(30s);
  sweep = random.chance(300) ? duration(60s) : 2s + random.up_to(20s);
  compact_above = random.chance(500) ? 200 + random.below(2000) : 8192;
  segment_size = std::size_t{8192} << random.below(3);
  max_in_flight = random.chance(900) ? 10'000 : random.between(1, 5);
  log_aborts = random.chance(200);
}

void scenario::choose_users(random_stream& random) {
  const auto size = random.below(10);
  const auto count = size < 6 ? random.between(1, 6) : size < 9 ? random.between(7, 14) : random.between(15, 50);
  // Many small transactions and few large ones: a run is to take milliseconds.
  for (std::uint64_t i = 0; i < count; ++i)
    users.push_back(make_user(random));
}

user_plan scenario::make_user(random_stream& random) const {
  user_plan user;
  user.begins = random.up_to(trouble / 2);
  if (random.chance(400)) user.begins = 0s;
  user.coordinator = random.below(coordinators);
  choose_branches(random, user);
  const auto how = random.below(20);
  user.how = how < 11 ? style::plain : how < 17 ? style::scope : how < 19 ? style::roll_back : style::no_commit;
  user.thinks = random.chance(500) ? duration(0) : random.up_to(random.chance(950) ? duration(3s) : lifetime * 2);
  if (random.chance(100)) user.limit = random.up_to(20s);
  user.waits_for_close = random.chance(700);
  user.misuses = random.chance(100);
  const bool cancelled = random.chance(300), dropped = random.chance(300), thrown = random.chance(300);
  const auto cancelled_at = random.between(1, 5), dropped_at = random.between(2, 5);
  user.passes = random.chance(700) ? random.below(8) : 0;
  user.later = random.chance(500) ? duration(0) : random.up_to(random.chance(800) ? 100ms : 10s);
  if (cancelled && has(fault::cancel)) user.cancelled_at = cancelled_at;
  if (dropped && has(fault::drop_handle)) user.dropped_at = dropped_at;
  user.throws = thrown && has(fault::body_throws);
  return user;
}

void scenario::choose_branches(random_stream& random, user_plan& user) const {
  std::vector<std::size_t> banks;
  for (std::size_t i = 0; i < participants; ++i)
    banks.push_back(i);
  for (std::size_t i = 0; i < locals; ++i)
    banks.push_back(participants + user.coordinator * locals + i);
  for (std::size_t i = banks.size(); i > 1; --i)
    std::swap(banks[i - 1], banks[random.below(i)]);
  const auto most = random.chance(800) ? std::min<std::size_t>(banks.size(), 3) : banks.size();
  banks.resize(random.between(1, most));
  if (random.chance(50)) banks.push_back(banks.front()); // two branches at one participant
  const bool refused = random.chance(150);
  std::int64_t sum = 0;
  std::optional<std::size_t> last_update;
  for (const auto bank : banks) {
    branch_plan branch;
    branch.bank = bank;
    branch.what = random.chance(120) ? work::read : work::update;
    branch.one_phase_capable = one_phase_capable[bank];
    if (branch.what == work::update) {
      branch.amount = static_cast<std::int64_t>(random.between(1, 100)) - 50;
      sum += branch.amount;
      last_update = user.branches.size();
    }
    user.branches.push_back(branch);
  }
  if (last_update) user.branches[*last_update].amount -= sum;
  if (refused) user.branches[random.below(user.branches.size())].what = work::refuse;
  // A bank that has the money on one of its own accounts moved: the total stays the same.
  if (user.branches.size() == 1) user.branches.front().amount = 0;
}

void scenario::switch_off(fault which) {
  faults.set(which, false);
  if (which == fault::connection_loss) return;
  for (auto& user : users) {
    if (which == fault::cancel) user.cancelled_at = 0;
    if (which == fault::drop_handle) user.dropped_at = 0;
    if (which == fault::body_throws) user.throws = false;
  }
}

void scenario::keep_transactions(std::size_t count) {
  if (count < users.size()) users.resize(count);
}

} // namespace sim
