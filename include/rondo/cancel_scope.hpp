// Cancel scopes: level-triggered cancellation of a part of a task, in the manner of Trio.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/body.hpp>
#include <rondo/detail/shield.hpp>
#include <rondo/time.hpp>

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE

class cancel_scope;

/// How a scope begins: `cancel_scope_options().shield(true).deadline(clock::now() + 5s)`.
class RONDO_EXPORT cancel_scope_options {
public:
  cancel_scope_options() = default;

  /// Whether the scope hides the cancellation of the scopes around it.
  cancel_scope_options& shield(bool b) & { return shield_ = b, *this; }
  cancel_scope_options&& shield(bool b) && { return std::move(shield(b)); }

  /// When the scope is cancelled by itself; by default never.
  cancel_scope_options& deadline(std::optional<clock::time_point> d) & { return deadline_ = d, *this; }
  cancel_scope_options&& deadline(std::optional<clock::time_point> d) && { return std::move(deadline(d)); }

  bool shield() const noexcept { return shield_; }
  std::optional<clock::time_point> deadline() const noexcept { return deadline_; }

private:
  std::optional<clock::time_point> deadline_;
  bool shield_ = false;
};

namespace detail {

/// A scope: in the task's chain of scopes while its block runs. The node is in the timer heap or in the ready queue
/// exactly while `armed_` is set, which it is in the block only; the block's frame holds a reference.
class RONDO_EXPORT cancel_scope_state final : public counted, public ready_node {
public:
  explicit cancel_scope_state(task_state_base& task) noexcept;

  void enter(bool shield, std::optional<clock::time_point> deadline);

  /// Ends the block with what left the body. Returns whether that was this scope's own cancellation and goes no further.
  bool end(const std::exception_ptr& error) noexcept;

  /// Ends the block; nothing happens after its end.
  void leave() noexcept;

  void cancel(std::string reason);
  bool cancel_called() noexcept;
  bool caught() const noexcept { return caught_; }
  std::optional<clock::time_point> deadline() const noexcept { return deadline_; }
  void set_deadline(std::optional<clock::time_point> deadline);
  bool shield() const noexcept { return link_.shielded(); }
  void set_shield(bool shield);

  /// What `fail_after` throws.
  [[noreturn]] void throw_timeout() const;

  void run() noexcept override;
  void drop() noexcept override;

private:
  bool deadline_has_passed() const noexcept;
  void expire() noexcept;
  void disarm() noexcept;

  const ref<loop_core> core_;
  task_state_base* const task_; // alive while the link is entered
  scope_link link_;
  std::optional<clock::time_point> deadline_;
  const std::int64_t begin_;
  const int requests_; // the task's cancel requests at the entry
  const bool pending_; // whether one of those was still to be delivered
  std::uint32_t slot_ = 0;
  bool armed_ = false;
  bool expired_ = false;
  bool caught_ = false;
};

class scope_block;

} // namespace detail

/// The scope of a `with_cancel_scope`, `move_on_after` or `fail_after`, as the body sees it.
///
/// A handle: cheap to copy, and valid after the end of the block, when changing it does nothing. A default-constructed
/// one is empty, and using it throws `std::logic_error`. Thread safety: the loop's thread. Trio: `CancelScope`.
class RONDO_EXPORT cancel_scope {
public:
  cancel_scope() noexcept = default;

  explicit operator bool() const noexcept { return state_ != nullptr; }
  friend bool operator==(const cancel_scope& a, const cancel_scope& b) noexcept { return a.state_ == b.state_; }

  /// Cancels what runs inside the scope, from now on to the end of the block. Any task or callback of the loop may call
  /// it; the first call counts. The reason is the message of the `cancelled_error`.
  void cancel(std::string reason = {}) const { state("cancel").cancel(std::move(reason)); }

  /// Whether the scope itself was cancelled, or its deadline has passed; a scope around it does not count.
  bool cancel_called() const { return state("cancel_called").cancel_called(); }

  /// Whether the block has ended by the scope's cancellation.
  bool cancelled_caught() const { return state("cancelled_caught").caught(); }

  /// When the scope is cancelled by itself. Setting one that has passed is a `cancel()`; a scope that was cancelled keeps
  /// what it has.
  std::optional<clock::time_point> deadline() const { return state("deadline").deadline(); }
  void deadline(std::optional<clock::time_point> d) const { state("deadline").set_deadline(d); }

  /// Whether the scope hides the cancellation of the scopes around it. It never hides its own, nor a `Task.cancel`.
  bool shield() const { return state("shield").shield(); }
  void shield(bool b) const { state("shield").set_shield(b); }

private:
  friend class detail::scope_block;

  explicit cancel_scope(detail::ref<detail::cancel_scope_state> state) noexcept : state_(std::move(state)) {}

  detail::cancel_scope_state& state(const char* call) const {
    if (!state_) throw_empty(call);
    return *state_;
  }
  [[noreturn]] static void throw_empty(const char* call);

  detail::ref<detail::cancel_scope_state> state_;
};

namespace detail {

/// A scope's block, in the frame of the coroutine that runs the body.
class RONDO_EXPORT scope_block {
public:
  /// Enters the scope of the running task; `what` names the function in messages.
  scope_block(const char* what, const cancel_scope_options& options);
  scope_block(const char* what, time_limit limit);
  scope_block(const scope_block&) = delete;
  scope_block& operator=(const scope_block&) = delete;
  ~scope_block() { state_->leave(); }

  /// In the catch block of what left the body: throws that on unless the scope's cancellation ends here.
  void end_failed() {
    if (!state_->end(std::current_exception())) throw;
  }

  [[noreturn]] void throw_timeout() const { state_->throw_timeout(); }

private:
  const ref<cancel_scope_state> state_; // the body may assign to its scope

public:
  cancel_scope scope;
};

/// What a scope gives: the body's value, if there is one.
template <class T>
struct scope_outcome {
  using type = std::optional<T>;
};
template <>
struct scope_outcome<void> {
  using type = bool;
};

template <class F>
using scope_value_t = body_value_t<F, cancel_scope&>;

template <class F, class Limit>
awaitable<typename scope_outcome<scope_value_t<F>>::type> run_in_scope(const char* what, Limit limit, F body) {
  using value = scope_value_t<F>;
  co_await own_task(what);
  scope_block block(what, limit);
  try {
    if constexpr (std::is_void_v<value>) {
      co_await run_body<F, cancel_scope&>(body, block.scope);
      co_return true;
    } else {
      co_return std::optional<value>(co_await run_body<F, cancel_scope&>(body, block.scope));
    }
  } catch (...) {
    block.end_failed();
  }
  co_return typename scope_outcome<value>::type();
}

template <class F>
awaitable<scope_value_t<F>> run_or_fail(time_limit limit, F body) {
  co_await own_task("fail_after");
  scope_block block("fail_after", limit);
  try {
    co_return co_await run_body<F, cancel_scope&>(body, block.scope);
  } catch (...) {
    block.end_failed();
  }
  block.throw_timeout();
}

/// Explains what the scope functions take to those who pass something else. Returns whether it is right.
template <class F>
constexpr bool require_scope_body() {
  static_assert(!awaits<F>, "with_cancel_scope, move_on_after and fail_after take a function; to limit one awaitable, "
                            "use wait_for");
  if constexpr (awaits<F>) {
    return false;
  } else {
    require_body<F, cancel_scope&>();
    return body_of<std::decay_t<F>, cancel_scope&>;
  }
}

} // namespace detail

/// Runs a body in a scope that can be cancelled, and gives its value; `std::nullopt` if the cancellation ended it.
///
///     std::optional<page> p = co_await with_cancel_scope([&](cancel_scope& scope) -> awaitable<page> { ... });
///
/// The body is called with the scope or with nothing; it runs in the calling task and may capture by reference. With a
/// body without a value the result is a bool: true if it ran to its end.
///
/// A scope is cancelled by `cancel()`, by its deadline, or because a scope around it in the same task is, unless a shield
/// stands between. Unlike the cancellation of a task, that of a scope goes on: as long as the task is in the scope, each
/// of its suspensions ends with a `cancelled_error`, also a yield, an operation with `use_task`, which then is not
/// started, and a plain Asio operation, which throws `operation_aborted`. (A wait that has failed throws its error.) What
/// need not wait passes; plain operations that are always ready do so a few times, and then every co_await throws until
/// the body ends or enters a shield. Clean-up that has to wait takes a scope of its own with a shield, or `finally`. A task that the
/// body awaits is cancelled each time the body begins to wait for it, as by any cancellation; it counts in that task's
/// `cancelling()`. Other tasks that the body has made are not in the scope; those of a task group are cancelled by the
/// group.
///
/// At the end of the block a cancellation (see `is_cancellation`) goes no further if the scope itself was cancelled, no
/// scope around it is that it is not shielded from, and nobody has cancelled the task meanwhile. A body that returns in
/// spite of the cancellation gives its value; any other exception passes.
///
/// Cancellation: a `Task.cancel` inside the scope is what it is elsewhere: delivered once, seen by the body through every
/// shield, and passed on at the end of the block, also if it comes together with the scope's own. `cancelling()` is not
/// touched by scopes. Throws: what the body throws; `std::runtime_error` outside a
/// task, also in a coroutine that `co_spawn` or `a || b` has started inside one. Trio: `CancelScope`.
template <class F>
auto with_cancel_scope(const cancel_scope_options& options, F&& body) {
  if constexpr (detail::require_scope_body<F>()) {
    if (options.shield()) detail::shield_begins();
    return detail::run_in_scope<std::decay_t<F>>("with_cancel_scope", options, std::forward<F>(body));
  }
}

template <class F>
auto with_cancel_scope(F&& body) {
  return with_cancel_scope(cancel_scope_options(), std::forward<F>(body));
}

/// `with_cancel_scope` with a deadline: gives the body's value, or `std::nullopt` (false for a body without a value) when
/// the time is over.
///
///     std::optional<answer> a = co_await move_on_after(2s, [&]() -> awaitable<answer> { ... });
///
/// The time begins when the block is entered. With a limit of zero or less the scope is cancelled from the start: the body
/// runs up to its first suspension. Trio: `move_on_after`.
template <class F>
auto move_on_after(time_limit limit, F&& body) {
  if constexpr (detail::require_scope_body<F>())
    return detail::run_in_scope<std::decay_t<F>>("move_on_after", limit, std::forward<F>(body));
}

/// The same, but throws `timeout_error` when the scope's cancellation has ended the body, also if that was by `cancel()`.
///
/// It differs from `with_timeout` in that the body cannot wait any more once the time is over. Trio: `fail_after`.
template <class F>
auto fail_after(time_limit limit, F&& body) {
  if constexpr (detail::require_scope_body<F>())
    return detail::run_or_fail<std::decay_t<F>>(limit, std::forward<F>(body));
}

RONDO_END_NAMESPACE
