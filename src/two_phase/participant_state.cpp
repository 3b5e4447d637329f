// What a participant keeps: the start from a log, watermarks, what a compacted log needs, and what tells two states
// apart.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/participant_core.hpp>

#include "bytes.hpp"
#include "mutant.hpp"

#include <fmt/format.h>

RONDO_BEGIN_NAMESPACE
namespace two_phase {
using detail::mutant;

void participant_core::on(const log_opened& event) {
  if (status_ != status::starting) return;
  log_ = event.log;
  for (const auto& record : event.records) {
    const auto read = log_entry::decode(record);
    if (read && replay(*read)) continue;
    status_ = status::unusable;
    out_.emplace_back(alarm(alarm_kind::log_unreadable, read ? read->branch() : branch_id(),
                            fmt::format("a record of type {} is of a coordinator or of a newer version of rondo",
                                        static_cast<int>(record.type()))));
    return;
  }
  status_ = status::running;
  for (const auto& [coordinator, mark] : logged_watermarks_)
    drop_below_watermark(coordinator);
  for (auto& held : branches_)
    resume(held);
}

/// Whether the record belongs into the log of a participant.
bool participant_core::replay(const log_entry& record) {
  const auto& id = record.branch();
  switch (record.type()) {
  case record_type::prepared: {
    branch held;
    held.phase = phase::prepared;
    held.durable = true;
    held.coordinator = record.coordinator();
    held.token = record.token();
    branches_.insert_or_assign(id, std::move(held));
    return true;
  }
  case record_type::committed:
  case record_type::aborted: {
    // Without PREPARED it is a branch that was committed in one phase.
    auto& state = branches_[id];
    const bool commit = record.type() == record_type::committed;
    state.durable = true;
    if (state.phase == phase::heuristic) {
      state.decided = commit ? decision::committed : decision::aborted;
      state.decision_logged = true;
    } else {
      state.phase = commit ? phase::committed : phase::aborted;
    }
    return true;
  }
  case record_type::heuristic: {
    auto& state = branches_[id];
    state.phase = phase::heuristic;
    state.durable = true;
    state.wanted = record.resolved();
    state.resolution = record.encode().body();
    return true;
  }
  case record_type::forget:
    if (auto* held = find(id))
      held->second.phase = held->second.wanted == decision::committed ? phase::committed : phase::aborted;
    return true;
  case record_type::watermark: {
    const auto& coordinator = record.transaction().coordinator();
    logged_watermarks_[coordinator] = watermarks_[coordinator] =
        std::max(watermarks_[coordinator], record.transaction().place());
    return true;
  }
  default:
    return false;
  }
}

/// The hook of an administrator's decision may not have run: it runs again, since hooks can be repeated.
void participant_core::resume(entry& held) {
  auto& [id, state] = held;
  if (state.phase != phase::prepared && state.phase != phase::heuristic) return;
  out_.emplace_back(reattach(id, state.token));
  if (state.phase == phase::heuristic) run_hook_of(held);
  if (state.phase == phase::prepared || state.decided == decision::unknown) inquire(held);
}

void participant_core::note_low_water(const message& from) {
  const auto& coordinator = from.transaction().coordinator();
  if (from.low_water() == position()) return;
  auto& mark = watermarks_[coordinator];
  if (from.low_water() <= mark) return;
  mark = from.low_water();
  drop_below_watermark(coordinator);
}

/// The record of the mark follows those of what is dropped: a log that lost it still has them.
void participant_core::drop_below_watermark(log_uuid coordinator) {
  const auto found = watermarks_.find(coordinator);
  if (found == watermarks_.end()) return;
  const auto mark = found->second;
  bool dropped = false;
  const auto first = branches_.lower_bound(branch_id(txid(coordinator, 0, 0), 0));
  const auto last = branches_.lower_bound(branch_id(txid(coordinator, mark.epoch(), mark.seq()), 0));
  for (auto place = first; place != last;) {
    const auto now = place->second.phase;
    const bool in_log = now == phase::committed || now == phase::aborted;
    const bool finished = in_log || now == phase::refused || now == phase::read_only;
    dropped = dropped || in_log;
    place = finished ? branches_.erase(place) : std::next(place);
  }
  if (!dropped || logged_watermarks_[coordinator] >= mark) return;
  logged_watermarks_[coordinator] = mark;
  out_.emplace_back(append(log_entry(record_type::watermark, txid(coordinator, mark.epoch(), mark.seq())).encode()));
}

bool participant_core::below_watermark(const txid& id) const {
  const auto mark = watermarks_.find(id.coordinator());
  return mark != watermarks_.end() && id.place() < mark->second;
}

participant_core::entry* participant_core::find(const branch_id& id) {
  const auto place = branches_.find(id);
  return place == branches_.end() ? nullptr : &*place;
}

void participant_core::on(const sweep_due& event) {
  std::set<txid> active;
  for (const auto& [id, state] : branches_)
    active.insert(id.transaction());
  sweep_.due(event.resource, std::move(active), out_);
}

/// A branch that the resource holds and that is not in the table was prepared before a crash and never voted yes. One
/// that was refused and is still held was swept before, and the resource failed to roll it back.
void participant_core::on(const in_doubt_listed& event) {
  const auto orphan = [this](const branch_id& id) {
    const auto held = branches_.find(id);
    return held == branches_.end() || held->second.phase == phase::refused;
  };
  sweep_.listed(event.resource, event.branches, orphan, out_);
  for (const auto& each : out_)
    if (const auto* ordered = std::get_if<roll_back_orphan>(&each)) refuse_swept(ordered->branch);
}

/// A late copy of PREPARE must not meet the rollback: the branch would vote yes and be rolled back.
void participant_core::refuse_swept(const branch_id& id) {
  if (below_watermark(id.transaction())) return; // it is refused there already
  const auto [place, is_new] = branches_.emplace(id, branch());
  if (!is_new) return;
  place->second.phase = phase::refused;
  place->second.reason = "swept: prepared before a crash, and never voted";
}

std::vector<log_record> participant_core::live_records() const {
  std::vector<log_record> result;
  for (const auto& [coordinator, mark] : watermarks_)
    if (mark > position())
      result.push_back(log_entry(record_type::watermark, txid(coordinator, mark.epoch(), mark.seq())).encode());
  for (const auto& [id, state] : branches_) {
    if (!state.durable) continue;
    const bool finished = state.phase == phase::committed || state.phase == phase::aborted;
    if (finished && state.wanted == decision::unknown) {
      const auto type = state.phase == phase::committed ? record_type::committed : record_type::aborted;
      result.push_back(log_entry(type, id).encode());
      continue;
    }
    result.push_back(log_entry(record_type::prepared, id).coordinator(state.coordinator).token(state.token).encode());
    if (state.wanted != decision::unknown && state.phase != phase::resolving)
      result.emplace_back(record_type::heuristic, state.resolution);
    if (state.decision_logged) {
      const auto type = state.decided == decision::committed ? record_type::committed : record_type::aborted;
      result.push_back(log_entry(type, id).encode());
    }
    if (finished) result.push_back(log_entry(record_type::forget, id).encode());
  }
  return result;
}

std::vector<participant_core::info> participant_core::list() const {
  std::vector<info> result;
  for (const auto& [id, state] : branches_)
    result.emplace_back(id, state.phase, state.coordinator, state.attempts);
  return result;
}

std::vector<std::byte> participant_core::fingerprint() const {
  detail::byte_writer writer;
  const auto flag = [&writer](bool value) { writer.number<std::uint8_t>(value); };
  writer.one_of(status_).uuid(log_).count(branches_.size());
  for (const auto& [id, state] : branches_) {
    writer.branch(id).one_of(state.phase).text(state.coordinator.text()).sized(state.token).sized(state.payload);
    for (const bool each : {state.durable, state.hook_running, state.writing, state.doomed, state.single,
                            state.carried_out, state.decision_logged})
      flag(each);
    writer.one_of(state.wanted).one_of(state.decided).sized(state.resolution).text(state.reason);
    writer.count(state.deliveries.size());
    for (const auto delivery : state.deliveries)
      writer.number(delivery);
  }
  for (const auto* marks : {&watermarks_, &logged_watermarks_}) {
    writer.count(marks->size());
    for (const auto& [coordinator, mark] : *marks)
      writer.uuid(coordinator).place(mark);
  }
  return writer.raw(sweep_.fingerprint()).take();
}

std::string_view to_string(participant_core::phase phase) noexcept {
  using enum participant_core::phase;
  switch (phase) {
  case preparing:
    return "preparing";
  case forcing_prepared:
    return "forcing_prepared";
  case prepared:
    return "prepared";
  case committing:
    return "committing";
  case forcing_committed:
    return "forcing_committed";
  case committed:
    return "committed";
  case rolling_back:
    return "rolling_back";
  case aborted:
    return "aborted";
  case refused:
    return "refused";
  case read_only:
    return "read_only";
  case one_phase:
    return "one_phase";
  case forcing_aborted:
    return "forcing_aborted";
  case resolving:
    return "resolving";
  case heuristic:
    return "heuristic";
  case forgetting:
    return "forgetting";
  }
  return {};
}

} // namespace two_phase
RONDO_END_NAMESPACE
