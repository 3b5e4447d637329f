// orphan_sweep: finds the prepared branches of a resource that nobody will ever decide.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/steps.hpp>

#include <functional>
#include <map>
#include <set>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

/// The sweep over `resource::in_doubt()`, in this order: what is prepared (P), what is active (A), what is decided (T),
/// and what is still prepared (Q). It rolls back P and Q without A and T.
///
/// A and T must be read after P. Otherwise a transaction that begins in between and prepares before P is listed looks
/// like an orphan. Q drops those that were finished, or asked for again, in the meantime. To a participant a resource
/// must list only what this participant prepared there: it takes all that its table does not know for its own
/// leftovers. Thread safety: that of its owner.
class RONDO_EXPORT orphan_sweep {
public:
  /// Whether a branch belongs to the caller, is in no active transaction, and has no decision that is not carried out.
  using is_orphan = std::function<bool(const branch_id&)>;

  /// Starts a sweep, or starts it again.
  void due(const std::string& resource, std::set<txid> active, std::vector<action>& out);
  /// The next step of a sweep. An answer that nobody asked for does nothing.
  void listed(const std::string& resource, const std::vector<branch_id>& branches, const is_orphan& orphan,
              std::vector<action>& out);

  bool idle() const noexcept { return sweeps_.empty(); }

  /// What decides later behaviour, as bytes.
  std::vector<std::byte> fingerprint() const;

private:
  struct sweep {
    bool listed_once = false;
    std::set<branch_id> candidates;
    std::set<txid> active_before; // only mutant 18 looks at it
  };

  std::map<std::string, sweep> sweeps_;
};

} // namespace two_phase
RONDO_END_NAMESPACE
