// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/record.hpp>

#include "bytes.hpp"

RONDO_BEGIN_NAMESPACE
namespace two_phase {
namespace {

constexpr std::uint8_t encoding_version = 1;

std::vector<yes_branch> read_yes_branches(detail::byte_reader& reader) {
  std::vector<yes_branch> result;
  // The count is not trusted: the loop ends where the bytes do.
  for (auto left = reader.number<std::uint32_t>(); left > 0 && !reader.failed(); --left) {
    const auto branch = reader.number<std::uint32_t>();
    auto participant = participant_name(reader.text());
    result.emplace_back(branch, std::move(participant), reader.uuid());
  }
  return result;
}

} // namespace

std::string_view to_string(record_type type) noexcept {
  switch (type) {
  case record_type::epoch:
    return "epoch";
  case record_type::commit:
    return "commit";
  case record_type::end:
    return "end";
  case record_type::abort:
    return "abort";
  case record_type::prepared:
    return "prepared";
  case record_type::committed:
    return "committed";
  case record_type::aborted:
    return "aborted";
  case record_type::watermark:
    return "watermark";
  case record_type::heuristic:
    return "heuristic";
  case record_type::forget:
    return "forget";
  }
  return {};
}

log_record log_entry::encode() const {
  detail::byte_writer writer;
  writer.number(encoding_version).branch(branch_);
  if (type_ == record_type::epoch) writer.number<std::uint8_t>(one_phase_);
  if (type_ == record_type::commit) {
    writer.count(yes_.size());
    for (const auto& yes : yes_)
      writer.number(yes.branch()).text(yes.participant().text()).uuid(yes.prepared_under());
  }
  if (type_ == record_type::prepared) writer.text(coordinator_.text()).sized(token_);
  if (type_ == record_type::heuristic) writer.one_of(resolved_).text(who_).number(when_);
  return {type_, writer.take()};
}

std::optional<log_entry> log_entry::decode(const log_record& record) {
  if (to_string(record.type()).empty()) return std::nullopt;
  detail::byte_reader reader(record.body());
  if (reader.number<std::uint8_t>() != encoding_version) return std::nullopt;
  log_entry entry(record.type(), reader.branch());
  if (record.type() == record_type::epoch) {
    const auto flag = reader.number<std::uint8_t>();
    if (flag > 1) return std::nullopt;
    entry.one_phase(flag == 1);
  }
  if (record.type() == record_type::commit) entry.yes_branches(read_yes_branches(reader));
  if (record.type() == record_type::prepared) {
    entry.coordinator(participant_name(reader.text()));
    entry.token(reader.sized());
  }
  if (record.type() == record_type::heuristic) {
    entry.resolved(reader.one_of(decision::aborted));
    entry.who(reader.text());
    entry.when(reader.number<std::uint64_t>());
  }
  if (!reader.complete()) return std::nullopt;
  return entry;
}

} // namespace two_phase
RONDO_END_NAMESPACE
