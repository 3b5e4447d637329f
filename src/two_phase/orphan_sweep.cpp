// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/orphan_sweep.hpp>

#include "bytes.hpp"
#include "mutant.hpp"

RONDO_BEGIN_NAMESPACE
namespace two_phase {

void orphan_sweep::due(const std::string& resource, std::set<txid> active, std::vector<action>& out) {
  sweep fresh;
  if (detail::mutant(18)) fresh.active_before = std::move(active);
  sweeps_.insert_or_assign(resource, std::move(fresh));
  out.emplace_back(list_in_doubt(resource));
}

void orphan_sweep::listed(const std::string& resource, const std::vector<branch_id>& branches, const is_orphan& orphan,
                          std::vector<action>& out) {
  const auto found = sweeps_.find(resource);
  if (found == sweeps_.end()) return;
  auto& current = found->second;
  if (!current.listed_once) {
    for (const auto& branch : branches)
      if (detail::mutant(18) ? !current.active_before.contains(branch.transaction()) : orphan(branch))
        current.candidates.insert(branch);
    current.listed_once = true;
    if (!current.candidates.empty()) {
      out.emplace_back(list_in_doubt(resource));
      return;
    }
  } else {
    for (const auto& branch : branches)
      // A participant may have been asked again to prepare it.
      if (current.candidates.contains(branch) && (detail::mutant(18) || orphan(branch)))
        out.emplace_back(roll_back_orphan(resource, branch));
  }
  sweeps_.erase(found);
}

std::vector<std::byte> orphan_sweep::fingerprint() const {
  detail::byte_writer writer;
  writer.count(sweeps_.size());
  for (const auto& [resource, current] : sweeps_) {
    writer.text(resource).number<std::uint8_t>(current.listed_once).count(current.candidates.size());
    for (const auto& branch : current.candidates)
      writer.branch(branch);
    writer.count(current.active_before.size());
    for (const auto& transaction : current.active_before)
      writer.transaction(transaction);
  }
  return writer.take();
}

} // namespace two_phase
RONDO_END_NAMESPACE
