// hook_runner: calls the hooks of a resource as tasks.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/event_loop.hpp>
#include <rondo/two_phase/resource.hpp>
#include <rondo/two_phase/steps.hpp>

#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

/// What an exception of a hook says, whatever it is.
std::string text_of(const std::exception_ptr& error);

/// A hook to be called.
struct hook_call {
  resource* what;
  hook_kind hook;
  branch_id branch;
  std::vector<std::byte> payload;
};

/// Who wants to know how hooks end; on its loop.
class hook_owner {
public:
  virtual void on_hook_finished(const hook_finished& how, const std::exception_ptr& error) = 0;

protected:
  ~hook_owner() = default;
};

/// Cancels tasks of the user's code and waits until they have ended, since they use what the user may destroy next; not for
/// ever, if one refuses.
awaitable<void> end_tasks(std::vector<any_task> tasks);

/// Runs hooks, on the owner's loop or on another one. At most one at a time for each branch.
class hook_runner {
public:
  hook_runner(hook_owner& owner, const std::optional<event_loop>& elsewhere);
  hook_runner(const hook_runner&) = delete;
  hook_runner& operator=(const hook_runner&) = delete;
  ~hook_runner() { abandon(); }

  /// The owner may be told before this returns.
  void start(hook_call call);
  /// Cancels the hook of a branch, if one runs; it ends as it likes.
  void cancel(const branch_id& branch);
  bool idle() const noexcept;
  /// Cancels all, and tells the owner nothing more.
  void abandon() noexcept;
  /// The same, and waits until they have ended.
  awaitable<void> end();

private:
  struct running;

  bool run_now(hook_call& call);
  static awaitable<void> run(std::shared_ptr<running> state, hook_call call);

  std::shared_ptr<running> state_;
};

} // namespace two_phase::detail
RONDO_END_NAMESPACE
