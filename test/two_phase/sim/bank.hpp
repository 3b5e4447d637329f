// The resources: banks whose accounts are plain numbers, so that work that is done twice or by half shows.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "oracle.hpp"

#include <rondo/two_phase/resource.hpp>

#include <map>
#include <memory>
#include <set>

namespace sim {

/// What survives of a bank. Its rows are what a careful user keeps: prepared work under the name of its branch, which
/// goes in the same step in which the account changes.
struct vault {
  std::int64_t account = 1000;
  std::map<branch_id, std::int64_t> prepared; // amounts
  std::set<branch_id> one_phase;              // done at once
};

/// A bank in one life of its process.
class bank final : public two_phase::resource {
public:
  bank(hub& h, oracle& judge, process& owner, vault& durable, std::size_t index, random_stream random);

  /// Its process is crashing: nothing that its hooks do counts any more.
  void die() { dead_ = true; }
  /// Its process is gone: no hook may begin.
  void close() { dead_ = closed_ = true; }

  rondo::awaitable<two_phase::prepare_answer> prepare(branch_id id, std::vector<std::byte> payload) override;
  rondo::awaitable<void> commit(branch_id id) override;
  rondo::awaitable<void> rollback(branch_id id) override;
  bool one_phase_capable() const noexcept override { return hub_.plan.one_phase_capable[index_]; }
  rondo::awaitable<two_phase::prepare_answer> commit_one_phase(branch_id id, std::vector<std::byte> payload) override;
  rondo::awaitable<std::vector<branch_id>> in_doubt() override;
  rondo::awaitable<void> reattach(branch_id id, std::vector<std::byte> token) override;

  static std::vector<std::byte> payload_of(const branch_plan& plan);

private:
  /// At most one hook at a time for each branch.
  class running_hook;

  // Named, since GCC 12 warns of lambdas here (-Wsubobject-linkage).
  struct prepare_hook {
    bank* where;
    rondo::awaitable<two_phase::prepare_answer> operator()(const branch_id& id, std::vector<std::byte> payload) const {
      return where->try_prepare(id, std::move(payload));
    }
  };
  struct commit_hook {
    bank* where;
    rondo::awaitable<bool> operator()(const branch_id& id) const { return where->try_commit(id); }
  };
  struct rollback_hook {
    bank* where;
    rondo::awaitable<bool> operator()(const branch_id& id) const { return where->try_rollback(id); }
  };

  std::unique_ptr<two_phase::resource> make_hooks();
  rondo::awaitable<two_phase::prepare_answer> try_prepare(branch_id id, std::vector<std::byte> payload);
  rondo::awaitable<bool> try_commit(branch_id id);
  rondo::awaitable<bool> try_rollback(branch_id id);
  rondo::awaitable<void> pause();
  rondo::awaitable<bool> trouble(const branch_id& id, two_phase::hook_kind hook);
  bool fails_again(const branch_id& id, two_phase::hook_kind hook);
  void happens(fault which, const branch_id& id);
  bool throws_now(const branch_id& id);

  hub& hub_;
  oracle& judge_;
  process& owner_;
  vault& durable_;
  std::size_t index_;
  random_stream random_;
  bool dead_ = false;
  bool closed_ = false;
  std::set<branch_id> running_;
  std::set<branch_id> listed_; // as prepared, in this life
  std::map<std::pair<branch_id, two_phase::hook_kind>, std::uint64_t> failures_left_;
  std::unique_ptr<two_phase::resource> hooks_; // made of functions, as most users make theirs
};

} // namespace sim
