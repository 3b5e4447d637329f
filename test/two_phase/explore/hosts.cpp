// What both kinds of processes share.
// SPDX-License-Identifier: BSL-1.0
#include "hosts.hpp"

#include <algorithm>
#include <stdexcept>

namespace explore {

const two_phase::participant_name& coordinator_name() {
  static const two_phase::participant_name name("c");
  return name;
}

const two_phase::participant_name& participant_name_of(std::size_t index) {
  static const std::array<two_phase::participant_name, 3> names{
      two_phase::participant_name("p0"), two_phase::participant_name("p1"), two_phase::participant_name("p2")};
  return names.at(index);
}

two_phase::log_uuid uuid_of(std::uint8_t number) {
  two_phase::log_uuid::bytes_type bytes{};
  bytes[0] = std::byte{number};
  return two_phase::log_uuid(bytes);
}

const char* name_of(two_phase::hook_kind hook) {
  switch (hook) {
  case two_phase::hook_kind::prepare:
    return "prepare";
  case two_phase::hook_kind::commit:
    return "commit";
  case two_phase::hook_kind::rollback:
    return "rollback";
  case two_phase::hook_kind::commit_one_phase:
    return "commit_one_phase";
  }
  return "";
}

std::size_t transaction_numbers::of(const two_phase::txid& id) {
  const auto place = std::ranges::find(known_, id);
  const auto number = static_cast<std::size_t>(place - known_.begin());
  if (place == known_.end()) known_.push_back(id);
  if (number >= most_transactions) throw std::logic_error("the model has more transactions than it can count");
  return number;
}

bool log_model::forcing() const {
  return std::ranges::any_of(queue, [](const auto& each) { return each.write.has_value(); });
}

void log_model::sync(std::size_t count) {
  const auto last = queue.begin() + static_cast<std::ptrdiff_t>(count);
  for (auto each = queue.begin(); each != last; ++each)
    durable.push_back(std::move(each->record));
  queue.erase(queue.begin(), last);
}

void queue_record(log_model& log, const two_phase::force& what) { log.queue.push_back({what.record, what.write}); }
void queue_record(log_model& log, const two_phase::append& what) { log.queue.push_back({what.record, {}}); }

std::string describe_queue(const log_model& log, bool lazy_ones_too) {
  std::string text;
  for (const auto& each : log.queue) {
    if (!each.write && !lazy_ones_too) continue;
    text.push_back(each.write ? 'f' : 'a');
    text.push_back(static_cast<char>(each.record.type()));
    text.append(reinterpret_cast<const char*>(each.record.body().data()), each.record.body().size());
  }
  return text + '|';
}

} // namespace explore
