// What a task group is made of: its tasks, who waits for their end, and what is thrown then.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/context.hpp>
#include <rondo/detail/watch.hpp>
#include <rondo/task.hpp>

#include <boost/asio/this_coro.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

RONDO_BEGIN_NAMESPACE

class task_group_options;
template <class T>
class task_status;

namespace detail {

class group_core;
class group_wait;
class place_wait;

/// Hook in the list of the tasks of a group.
struct sibling_hook : list_hook {};

/// A task of a group, from its creation to the pass after its end.
class RONDO_EXPORT group_child final : public watch_node, public sibling_hook {
public:
  explicit group_child(group_core& g) noexcept : group(&g) {}
  ~group_child();

  group_core* const group;
  task_state_base* task = nullptr;     // valid while the node watches
  ref<future_state_base> reported;     // whom `start` waits for
  place_wait* waiting_place = nullptr; // parked until there is a place
  bool has_place = false;

private:
  void done(future_state_base& state) noexcept override;
  void abandoned() noexcept override {}
};

/// asyncio's TaskGroup; the names of its members are the same.
///
/// The tasks are in the order of their creation. With a limit, places are given in that order, so those without one are
/// the end of the list, from `first_queued_` on.
class RONDO_EXPORT group_core {
public:
  explicit group_core(task_group_options options);
  group_core(const group_core&) = delete;
  group_core& operator=(const group_core&) = delete;
  ~group_core();

  bool empty() const noexcept { return count_ == 0; }
  std::size_t size() const noexcept { return count_; }

  /// Makes a task of the group; `reported` is set for `start`.
  template <class S>
  rondo::task<source_value_t<S>> spawn(S&& source, task_options&& options, std::source_location where,
                                       ref<future_state_base> reported);

  void cancel(optional_text message);

  // The end of the block, in this order.
  void body_returned() noexcept { exiting_ = true; }
  void body_threw(std::exception_ptr error) noexcept;
  awaitable<void> children_ended();
  void finish();

  /// "<TaskGroup tasks=2 cancelling>", as asyncio's repr.
  std::string describe() const;

private:
  friend group_child;
  friend group_wait;

  /// Takes a child back whose task could not be made.
  struct take_back {
    void operator()(group_child* child) const noexcept { child->group->leave(*child); }
  };
  using joining_child = std::unique_ptr<group_child, take_back>;

  bool refuses() const;
  [[noreturn]] void throw_refused() const;
  joining_child join(ref<future_state_base> reported);
  void joined(joining_child child, future_state_base& state);
  void leave(group_child& child) noexcept;
  void give_place() noexcept;

  void child_done(group_child& child, future_state_base& state) noexcept;
  bool ended_before_start(group_child& child, future_state_base& state) noexcept;
  std::exception_ptr hand_to_user(future_state_base& state) noexcept;
  void failed(std::exception_ptr error) noexcept;
  void abort(const optional_text& message) noexcept;
  void cancel_parent(const optional_text& message) noexcept;
  bool has_child(const task_state_base* task) noexcept;

  const ref<task_state_base> parent_;
  list<group_child, sibling_hook> tasks_;
  list<ready_node> waiters_; // group_wait, parked
  std::size_t count_ = 0;

  std::vector<std::exception_ptr> errors_;
  std::exception_ptr body_error_;             // unless it is a cancellation
  std::exception_ptr base_error_;             // a keyboard_interrupt
  std::exception_ptr propagate_cancellation_; // what leaves the block if there are no errors
  std::exception_ptr pending_cancellation_;   // the last one that interrupted the wait for the tasks
  bool exiting_ = false;
  bool aborting_ = false;
  bool parent_cancel_requested_ = false;

  const bool limited_;
  std::size_t free_places_;
  group_child* first_queued_ = nullptr;

  struct error_handler {
    std::function<void(const any_task&)> call;
    context variables;
  };
  const std::unique_ptr<error_handler> on_error_;
};

/// Waits until a group has no tasks.
class RONDO_EXPORT group_wait final : public wait_op<void, group_wait> {
  using base = wait_op<void, group_wait>;

public:
  explicit group_wait(group_core& group) noexcept : group_(&group) {}
  group_wait(group_wait&& other) noexcept : group_(other.group_) {}

  bool ready() const noexcept { return group_->empty(); }
  bool cancel(optional_text& message) noexcept override;
  std::string waits_for() const override;

  /// The last task has gone; the node is in no list.
  void wake() noexcept;

private:
  friend base;

  void park() override;
  void take() const noexcept {}

  group_core* group_;
  bool over_ = false;
};

/// Waits for a place in a group with a limit.
class RONDO_EXPORT place_wait final : public wait_op<void, place_wait> {
  using base = wait_op<void, place_wait>;

public:
  explicit place_wait(group_child& child) noexcept : child_(&child) {}
  place_wait(place_wait&& other) noexcept : child_(other.child_) {}

  bool ready() const noexcept { return child_->has_place; }
  bool cancel(optional_text& message) noexcept override;
  std::string waits_for() const override { return "a place in its task group (max_concurrency)"; }

  /// There is a place.
  void wake() noexcept;

private:
  friend base;
  friend group_child;

  void park() override;
  void take() const noexcept {}

  group_child* child_; // null as soon as the wait is over
};

template <class T>
awaitable<T> run_in_place(group_child* child, awaitable<T> body) {
  co_await place_wait(*child);
  co_return co_await std::move(body);
}

template <class S>
rondo::task<source_value_t<S>> group_core::spawn(S&& source, task_options&& options, std::source_location where,
                                                 ref<future_state_base> reported) {
  using value = source_value_t<S>;
  if (refuses()) {
    [[maybe_unused]] const std::decay_t<S> destroyed_here(std::forward<S>(source));
    throw_refused();
  }
  joining_child child = join(std::move(reported));
  loop_core& core = parent_->core();
  rondo::task<value> t;
  if (limited_)
    t = detail::spawn(core, run_in_place<value>(child.get(), as_awaitable(std::forward<S>(source))), std::move(options),
                      where);
  else
    t = detail::spawn(core, std::forward<S>(source), std::move(options), where);
  joined(std::move(child), t.state("create_task"));
  return t;
}

/// The value of the body of a block; there is none if the body was interrupted by `task_group::cancel`.
[[noreturn]] RONDO_EXPORT void throw_no_body_value();

template <class T>
class value_slot {
public:
  void emplace(T&& value) { value_.emplace(std::move(value)); }
  T take() {
    if (!value_) throw_no_body_value();
    return std::move(*value_);
  }

private:
  std::optional<T> value_;
};

template <class T>
class value_slot<std::optional<T>> {
public:
  void emplace(std::optional<T>&& value) { value_ = std::move(value); }
  std::optional<T> take() { return std::move(value_); }

private:
  std::optional<T> value_;
};

template <>
class value_slot<void> {
public:
  void take() noexcept {}
};

template <class T, class F>
awaitable<T> run_task_group(task_group_options options, F body);

// --- start -------------------------------------------------------------------------------------------------------

struct no_status {};

/// The T of a function `f(task_status<T>&)`; no_status if that cannot be told.
template <class F>
struct status_value {
  using type = no_status;
};
template <class R, class T>
struct status_value<R (*)(task_status<T>&)> {
  using type = T;
};
template <class R, class T>
struct status_value<R (*)(task_status<T>&) noexcept> {
  using type = T;
};
template <class F>
  requires requires { &F::operator(); }
struct status_value<F> : status_value<decltype(&F::operator())> {};
template <class R, class C, class T>
struct status_value<R (C::*)(task_status<T>&)> {
  using type = T;
};
template <class R, class C, class T>
struct status_value<R (C::*)(task_status<T>&) const> {
  using type = T;
};
template <class R, class C, class T>
struct status_value<R (C::*)(task_status<T>&) noexcept> {
  using type = T;
};
template <class R, class C, class T>
struct status_value<R (C::*)(task_status<T>&) const noexcept> {
  using type = T;
};

/// Whether somebody waits for the report. Throws if there was one before.
RONDO_EXPORT bool may_report_start(const future_state_base& reported);

/// Waits for the report of a task. One that is there is kept: the cancellation of the waiting task comes later.
template <class T>
class start_wait final : public wait_op<T, start_wait<T>, future_wait> {
  using base = wait_op<T, start_wait, future_wait>;

public:
  explicit start_wait(const ref<future_state<T>>& reported) noexcept : base(reported) {}
  start_wait(start_wait&&) noexcept = default;

  void run() noexcept override {
    this->keeps_outcome_ = !this->state().cancelled();
    wait_node::run();
  }

private:
  friend base;

  T take() { return take_result<T>(this->state()); }
};

/// Cancels a task that nobody waits for any more and waits for its end, whatever that is.
RONDO_EXPORT awaitable<void> give_up(rondo::task<void> child);

template <class Status, class F, class Reported>
awaitable<void> run_and_report(F f, Reported reported) {
  Status status(std::move(reported));
  co_await as_awaitable(f(status));
}

template <class T, class Status, class F>
awaitable<T> start_in_group(group_core& group, F f, task_options options, std::source_location where) {
  const ref<future_state<T>> reported(new future_state<T>(running_core()));
  rondo::task<void> child = group.spawn(run_and_report<Status, F, ref<future_state<T>>>(std::move(f), reported),
                                        std::move(options), where, reported);
  std::exception_ptr error;
  try {
    co_return co_await start_wait<T>(reported);
  } catch (...) {
    error = std::current_exception();
  }
  if (reported->cancelled()) { // with the task that waits here
    const bool throws = co_await boost::asio::this_coro::throw_if_cancelled();
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    co_await give_up(child);
    co_await boost::asio::this_coro::throw_if_cancelled(throws);
  }
  std::rethrow_exception(error);
}

} // namespace detail
RONDO_END_NAMESPACE
