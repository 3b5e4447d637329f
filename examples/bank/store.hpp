// The durable store of a shard: a resource of two-phase commit, as an application writes it.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "journal.hpp"
#include "ledger.hpp"
#include "options.hpp"

#include <rondo/two_phase/resource.hpp>

namespace bank {

/// Accounts that survive every crash.
///
/// Its journal is the truth, its ledger what that says so far. An order is held once `prepare` has said yes: from then on
/// it can be booked and can be released, whatever happens. Each hook does nothing for a branch that it has seen to before;
/// that is all the memory that two-phase commit asks for. What was booked goes to a statement, a file for people, before
/// the journal drops it.
class store final : public rondo::two_phase::resource {
public:
  /// Throws: `std::system_error` if the directory cannot be used.
  explicit store(const shard_options& o);

  /// Reads the journal; a new one begins with the accounts of the options.
  /// Throws: `std::runtime_error` if the directory is another shard's; as `decision_log::open`.
  rondo::awaitable<void> open();
  rondo::awaitable<void> close() { return journal_.close(); }

  rondo::awaitable<rondo::two_phase::prepare_answer> prepare(rondo::two_phase::branch_id branch,
                                                             std::vector<std::byte> payload) override;
  rondo::awaitable<void> commit(rondo::two_phase::branch_id branch) override;
  rondo::awaitable<void> rollback(rondo::two_phase::branch_id branch) override;
  rondo::awaitable<std::vector<rondo::two_phase::branch_id>> in_doubt() override;

  const ledger& accounts() const noexcept { return ledger_; }

  /// See `journal::failed`.
  const rondo::future<void>& failed() const noexcept { return journal_.failed(); }

private:
  rondo::awaitable<journal::records> write_statement();

  shard_options options_;
  ledger ledger_;
  journal journal_;
};

// The files of a shard, in its directory.
std::string journal_directory(const std::string& shard);
std::string decisions_directory(const std::string& shard);
std::string statement_file(const std::string& shard);

} // namespace bank
