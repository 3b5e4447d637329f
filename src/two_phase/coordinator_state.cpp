// What a coordinator keeps: the start from a log, what a compacted log needs, and what tells two states apart.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/coordinator_core.hpp>

#include "bytes.hpp"
#include "mutant.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

RONDO_BEGIN_NAMESPACE
namespace two_phase {
using detail::mutant;

void coordinator_core::on(const log_opened& event) {
  if (status_ != status::starting) return;
  log_ = event.log;
  for (const auto& record : event.records) {
    const auto read = log_entry::decode(record);
    if (read && replay(*read)) continue;
    status_ = status::unusable;
    out_.emplace_back(alarm(
        alarm_kind::log_unreadable, read ? read->branch() : branch_id(),
        fmt::format("a record of type {} is of another coordinator, of a participant, or of a newer version of rondo",
                    static_cast<int>(record.type()))));
    return;
  }
  ++epoch_;
  status_ = status::forcing_epoch;
  const txid start(log_, epoch_, 0);
  auto record = log_entry(record_type::epoch, start).encode();
  if (mutant(14)) {
    out_.emplace_back(append(std::move(record)));
    start_running();
    return;
  }
  out_.emplace_back(force(write_id(record_type::epoch, branch_id(start, 0)), std::move(record)));
}

/// Whether the record belongs into this log.
bool coordinator_core::replay(const log_entry& record) {
  const auto& id = record.transaction();
  // Without the highest epoch there is always a next one.
  if (id.coordinator() != log_ || id.epoch() == std::numeric_limits<std::uint64_t>::max()) return false;
  epoch_ = std::max(epoch_, id.epoch());
  auto* tx = find(id);
  switch (record.type()) {
  case record_type::epoch:
    if (record.one_phase()) one_phase_epochs_.insert(id.epoch());
    if (id.seq() > 0) forgotten_below_ = std::max(forgotten_below_, id.place());
    return true;
  case record_type::commit: {
    auto& decided = transactions_[id];
    decided.phase = phase::committing;
    decided.outcome = decision::committed;
    for (const auto& yes : record.yes_branches()) {
      auto& voter = decided.branches[yes.branch()];
      voter.participant = yes.participant();
      voter.prepared_under = yes.prepared_under();
      voter.state = progress::yes;
    }
    committed_before_.insert(id);
    return true;
  }
  case record_type::end:
    transactions_.erase(id);
    return true;
  case record_type::abort:
    return true;
  case record_type::heuristic:
    if (auto* named = tx ? find_branch(*tx, record.branch().branch()) : nullptr) {
      named->state = progress::acknowledged;
      named->resolution = record.encode().body();
      if (record.resolved() != decision::committed) tx->second.outcome = decision::heuristic_mixed;
    }
    return true;
  default:
    return false;
  }
}

void coordinator_core::start_running() {
  status_ = status::running;
  out_.emplace_back(started(epoch_));
  for (auto place = transactions_.begin(); place != transactions_.end();) {
    auto& tx = *place++; // the end of a transaction erases it
    send_commits(tx);
    arm_timer(timer_kind::commit_retry, tx);
    arm_timer(timer_kind::stuck, tx);
    close_if_all_acknowledged(tx);
  }
}

/// Whether the transaction can have been begun here, up to now. The others are somebody else's, or of a lost log.
bool coordinator_core::ever_begun(const txid& id) const noexcept {
  return id.coordinator() == log_ && id.place() < position(epoch_, next_seq_);
}

coordinator_core::entry* coordinator_core::find(const txid& id) {
  const auto place = transactions_.find(id);
  return place == transactions_.end() ? nullptr : &*place;
}

coordinator_core::branch* coordinator_core::find_branch(entry& tx, std::uint32_t number) {
  const auto place = tx.second.branches.find(number);
  return place == tx.second.branches.end() ? nullptr : &place->second;
}

void coordinator_core::on(const sweep_due& event) {
  if (status_ != status::running) return;
  std::set<txid> active;
  for (const auto& [id, tx] : transactions_)
    active.insert(id);
  sweep_.due(event.resource, std::move(active), out_);
}

void coordinator_core::on(const in_doubt_listed& event) {
  if (status_ != status::running) return;
  // What is active and what is decided but not yet carried out are both in the table.
  const auto orphan = [this](const branch_id& id) {
    return ever_begun(id.transaction()) && !transactions_.contains(id.transaction());
  };
  sweep_.listed(event.resource, event.branches, orphan, out_);
}

std::vector<log_record> coordinator_core::live_records() const {
  std::vector<log_record> result;
  // Whatever ended until now leaves no trace but the number of the next transaction.
  if (epoch_ > 0)
    result.push_back(log_entry(record_type::epoch, txid(log_, epoch_, next_seq_))
                         .one_phase(one_phase_note_ == note::durable)
                         .encode());
  for (const auto& [id, tx] : transactions_) {
    if (tx.phase != phase::committing || mutant(16)) continue;
    std::vector<yes_branch> waiting;
    for (const auto& [number, voter] : tx.branches)
      if (voter.state == progress::yes || voter.state == progress::acknowledged)
        waiting.emplace_back(number, voter.participant, voter.prepared_under);
    result.push_back(log_entry(record_type::commit, id).yes_branches(std::move(waiting)).encode());
    for (const auto& [number, voter] : tx.branches)
      if (voter.state == progress::acknowledged && voter.resolving == decision::unknown && !voter.resolution.empty())
        result.emplace_back(record_type::heuristic, voter.resolution);
  }
  return result;
}

decision coordinator_core::query(const txid& id) const {
  if (status_ != status::running || id.coordinator() != log_) return decision::unknown;
  if (committed_before_.contains(id)) return decision::committed;
  if (const auto tx = transactions_.find(id); tx != transactions_.end()) {
    if (tx->second.phase == phase::committing) return decision::committed;
    return tx->second.phase == phase::aborting ? decision::aborted : decision::unknown;
  }
  // An earlier start left no commit record of it, and none was dropped. Those of this start have ended, either way.
  const bool would_be_here =
      id.epoch() < epoch_ && id.place() >= forgotten_below_ && !one_phase_epochs_.contains(id.epoch());
  return would_be_here ? decision::aborted : decision::unknown;
}

std::vector<coordinator_core::info> coordinator_core::list() const {
  std::vector<info> result;
  for (const auto& [id, tx] : transactions_) {
    const bool decided = tx.phase == phase::committing || tx.phase == phase::aborting;
    std::vector<participant_name> missing;
    for (const auto& [number, each] : tx.branches)
      if (each.state == progress::asked || (each.state == progress::yes && decided))
        missing.push_back(each.participant);
    result.emplace_back(id, tx.phase, std::move(missing), tx.attempts);
  }
  return result;
}

std::vector<std::byte> coordinator_core::fingerprint() const {
  detail::byte_writer writer;
  writer.one_of(status_).number<std::uint8_t>(stopping_).uuid(log_).number(epoch_).number(next_seq_);
  writer.count(transactions_.size());
  for (const auto& [id, tx] : transactions_) {
    writer.transaction(id).one_of(tx.phase).one_of(tx.outcome);
    // Elsewhere the attempts only lengthen a delay.
    if (tx.phase == phase::aborting) writer.number(tx.attempts);
    writer.count(tx.branches.size());
    for (const auto& [number, each] : tx.branches)
      writer.number(number)
          .text(each.participant.text())
          .sized(each.payload)
          .uuid(each.prepared_under)
          .one_of(each.state)
          .number<std::uint8_t>(each.one_phase_capable)
          .one_of(each.resolving)
          .sized(each.resolution);
  }
  writer.count(committed_before_.size());
  for (const auto& id : committed_before_)
    writer.transaction(id);
  writer.one_of(one_phase_note_).count(one_phase_epochs_.size());
  for (const auto epoch : one_phase_epochs_)
    writer.number(epoch);
  return writer.place(forgotten_below_).raw(sweep_.fingerprint()).take();
}

std::string_view to_string(coordinator_core::phase phase) noexcept {
  using enum coordinator_core::phase;
  switch (phase) {
  case active:
    return "active";
  case preparing:
    return "preparing";
  case deciding:
    return "deciding";
  case committing:
    return "committing";
  case aborting:
    return "aborting";
  case one_phase:
    return "one_phase";
  }
  return {};
}

} // namespace two_phase
RONDO_END_NAMESPACE
