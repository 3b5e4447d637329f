// SPDX-License-Identifier: BSL-1.0
#include "hook_runner.hpp"

#include <rondo/errors.hpp>
#include <rondo/two_phase/calls.hpp>
#include <rondo/wait.hpp>

#include <fmt/format.h>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

namespace {

const char* name_of(hook_kind hook) noexcept {
  switch (hook) {
  case hook_kind::prepare:
    return "prepare";
  case hook_kind::commit:
    return "commit";
  case hook_kind::rollback:
    return "rollback";
  case hook_kind::commit_one_phase:
    return "commit_one_phase";
  }
  return "hook";
}

awaitable<prepare_answer> refuse_one_phase() {
  co_return prepare_answer::no("the resource cannot commit in one phase");
}

awaitable<prepare_answer> without_answer(awaitable<void> hook) {
  co_await std::move(hook);
  co_return prepare_answer(vote::yes);
}

awaitable<prepare_answer> invoke(hook_call& call) {
  switch (call.hook) {
  case hook_kind::prepare:
    return call.what->prepare(call.branch, std::move(call.payload));
  case hook_kind::commit_one_phase:
    if (!call.what->one_phase_capable()) return refuse_one_phase();
    return call.what->commit_one_phase(call.branch, std::move(call.payload));
  case hook_kind::commit:
    return without_answer(call.what->commit(call.branch));
  case hook_kind::rollback:
    return without_answer(call.what->rollback(call.branch));
  }
  std::terminate();
}

hook_finished how_it_ended(const hook_call& call, std::optional<prepare_answer>& answer,
                           const std::exception_ptr& error) {
  if (error) {
    const auto result = call.hook == hook_kind::prepare ? hook_result::no : hook_result::failed;
    return hook_finished(call.hook, call.branch, result, {}, text_of(error));
  }
  if (call.hook == hook_kind::commit || call.hook == hook_kind::rollback)
    return hook_finished(call.hook, call.branch, hook_result::done);
  const bool prepare = call.hook == hook_kind::prepare;
  const auto yes = prepare ? hook_result::yes : hook_result::done;
  const auto result = answer->vote() == vote::no                ? hook_result::no
                      : answer->vote() == vote::yes || !prepare ? yes
                                                                : hook_result::read_only;
  return hook_finished(call.hook, call.branch, result, answer->token(), answer->reason());
}

} // namespace

std::string text_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (const cancelled_error& e) {
    return e.message().empty() ? "cancelled" : e.message();
  } catch (...) {
    return "an exception of an unknown type";
  }
}

struct hook_runner::running {
  hook_owner* owner;
  std::optional<event_loop> elsewhere;
  std::map<branch_id, any_task> tasks; // those that did not end at once
  bool abandoned = false;
};

hook_runner::hook_runner(hook_owner& owner, const std::optional<event_loop>& elsewhere)
    : state_(std::make_shared<running>(running{&owner, elsewhere, {}, false})) {}

awaitable<void> hook_runner::run(std::shared_ptr<running> state, hook_call call) {
  std::optional<prepare_answer> answer;
  std::exception_ptr error;
  try {
    if (state->elsewhere) {
      auto there = [&call] { return invoke(call); };
      answer = co_await call_on<prepare_answer>(*state->elsewhere, there);
    } else {
      answer = co_await invoke(call);
    }
  } catch (...) {
    error = std::current_exception();
  }
  if (state->abandoned) co_return;
  state->tasks.erase(call.branch);
  state->owner->on_hook_finished(how_it_ended(call, answer, error), error);
}

/// Whether it was a plain function, and has ended.
bool hook_runner::run_now(hook_call& call) {
  auto* const hooks = state_->elsewhere ? nullptr : call.what->plain();
  if (!hooks) return false;
  const auto state = state_;
  std::optional<prepare_answer> answer;
  std::exception_ptr error;
  try {
    switch (call.hook) {
    case hook_kind::prepare:
      if (answer = hooks->prepare_now(call.branch, call.payload); !answer) return false;
      break;
    case hook_kind::commit:
      if (!hooks->commit_now(call.branch)) return false;
      break;
    case hook_kind::rollback:
      if (!hooks->rollback_now(call.branch)) return false;
      break;
    case hook_kind::commit_one_phase:
      return false;
    }
  } catch (...) {
    error = std::current_exception();
  }
  if (!state->abandoned) state->owner->on_hook_finished(how_it_ended(call, answer, error), error);
  return true;
}

void hook_runner::start(hook_call call) {
  if (run_now(call)) return;
  const auto branch = call.branch;
  const auto* name = name_of(call.hook);
  const auto state = state_; // the hook may end at once, and its end may end the owner
  const auto task = create_task(run(state, std::move(call)), task_options().eager(true));
  if (task.done() || state->abandoned) return;
  task.set_name(fmt::format("{} {}", name, branch.to_gid()));
  state->tasks.insert_or_assign(branch, task);
}

void hook_runner::cancel(const branch_id& branch) {
  const auto found = state_->tasks.find(branch);
  if (found != state_->tasks.end()) found->second.cancel("the branch is rolled back");
}

bool hook_runner::idle() const noexcept { return state_->tasks.empty(); }

void hook_runner::abandon() noexcept {
  if (state_->abandoned) return;
  state_->abandoned = true;
  for (const auto& [branch, task] : std::exchange(state_->tasks, {})) {
    try {
      task.cancel("the coordinator or participant is gone");
    } catch (...) { // a circle of tasks that wait for each other: they are the user's
    }
  }
}

awaitable<void> hook_runner::end() {
  std::vector<any_task> left;
  for (const auto& [branch, task] : state_->tasks)
    left.push_back(task);
  abandon();
  return end_tasks(std::move(left));
}

awaitable<void> end_tasks(std::vector<any_task> tasks) {
  std::erase_if(tasks, [](const any_task& each) { return !each || each.done(); });
  for (const auto& each : tasks)
    each.cancel("the coordinator or participant has stopped");
  if (!tasks.empty()) co_await wait(std::move(tasks), wait_options().timeout(std::chrono::seconds(5)));
}

} // namespace two_phase::detail
RONDO_END_NAMESPACE
