// local_resources: the coordinator's own resources, in the place of participants.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "hook_runner.hpp"

#include <rondo/two_phase/timeouts.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

/// Whom local resources answer to.
class local_owner {
public:
  virtual void on_local_answer(message what) = 0;
  virtual void on_local_listed(const std::string& resource, std::vector<branch_id> branches) = 0;
  virtual void on_local_failed(const hook_finished& how, const std::exception_ptr& error) = 0;
  virtual void on_local_idle() = 0;
  virtual clock::duration local_retry_delay(std::uint32_t attempt) = 0;

protected:
  ~local_owner() = default;
};

/// Calls hooks where a participant would get messages.
///
/// It needs no log: nothing is lost on the way, and what a crash leaves prepared is found by asking the resource. Commits
/// and rollbacks are tried again until they succeed.
class local_resources {
public:
  using resources = std::map<participant_name, resource*>;

  local_resources(local_owner& owner, hook_runner& hooks) : owner_(owner), hooks_(hooks) {}

  void add(participant_name name, resource& what);
  resource* find(const participant_name& name) const noexcept;
  const resources& all() const noexcept { return resources_; }

  void deliver(resource& to, message what);
  void on_hook_finished(const hook_finished& how, const std::exception_ptr& error);
  void list_in_doubt(const std::string& name);
  void roll_back_orphan(const std::string& name, const branch_id& branch);

  bool idle() const noexcept { return work_.empty(); }
  void drop_all() noexcept;
  std::vector<any_task> listings() const;

private:
  /// A branch for which a hook runs, or will run again.
  struct work {
    resource* what;
    hook_kind hook;
    std::vector<std::byte> payload;
    std::uint32_t attempts = 0;
    bool doomed = false; // to be rolled back when prepare has ended
    callback_handle retry;
  };
  using entry = std::map<branch_id, work>::value_type;

  void start(resource& what, hook_kind hook, const branch_id& branch, std::vector<std::byte> payload = {});
  void run(entry& e);
  void prepared(entry& e, const hook_finished& how);
  void retry_later(entry& e);
  void finish(const branch_id& branch, message answer);

  local_owner& owner_;
  hook_runner& hooks_;
  resources resources_; // fixed once the coordinator has started
  std::map<branch_id, work> work_;
  std::map<std::string, any_task> listings_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true); // for listings, whose resource may not let go
};

} // namespace two_phase::detail
RONDO_END_NAMESPACE
