// Time limits: with_timeout for a block, wait_for for a single wait.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/body.hpp>
#include <rondo/detail/shield.hpp>
#include <rondo/task.hpp>
#include <rondo/time.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// A block with a time limit, from its entry to its end: asyncio's Timeout.
///
/// It lies in the frame of the coroutine that runs the body, or in a `timeout_state` if the body takes the scope. The
/// node is in the timer heap or in the ready queue exactly while `armed_` is set; its turn cancels the task.
class RONDO_EXPORT timeout_block : public ready_node {
public:
  using deadline = std::optional<clock::time_point>;

  /// Enters the block; `what` names the function in messages. Throws if no task is running.
  timeout_block(const char* what, time_limit limit);
  timeout_block(const char* what, deadline when);
  timeout_block(const timeout_block&) = delete;
  timeout_block& operator=(const timeout_block&) = delete;
  ~timeout_block() { abandon(); }

  deadline when() const noexcept { return when_; }
  void reschedule(deadline when);
  bool expired() const noexcept { return status_ == status::expiring || status_ == status::expired; }

  /// The body has returned.
  void leave() noexcept;

  /// In the catch block of what left the body: throws `timeout_error` if that takes its place.
  void leave_failed();

  /// The frame of the block is destroyed: the loop has ended, or the block has been left.
  void abandon() noexcept;

  void run() noexcept final;
  void drop() noexcept final;

private:
  enum class status : unsigned char { active, expiring, expired, finished };

  explicit timeout_block(const char* what);
  void arm(clock::time_point now);
  void disarm() noexcept;
  bool take_cancel_back(bool delivered) noexcept;
  void finish(status s) noexcept;
  [[noreturn]] void throw_expired() const;

  ref<task_state_base> task_; // until the block has been left
  const char* what_;
  clock::time_point entered_;
  deadline when_;
  std::uint32_t slot_ = 0;
  int requests_; // the task's cancel requests at the entry
  bool pending_; // whether one of those was still to be delivered
  bool armed_ = false;
  status status_ = status::active;
};

class timeout_state final : public counted, public timeout_block {
public:
  using timeout_block::timeout_block;
};

} // namespace detail

/// The time limit of a `with_timeout` block, as its body sees it.
///
/// A handle: cheap to copy, and it stays valid after the block. A default-constructed one is that of a block that was not
/// entered. Thread safety: the loop's thread. asyncio: `Timeout`.
class RONDO_EXPORT timeout_scope {
public:
  timeout_scope() noexcept = default;

  /// The deadline; empty if there is none. It stays what it was after the end of the block.
  std::optional<clock::time_point> when() const noexcept { return state_ ? state_->when() : std::nullopt; }

  /// Moves the deadline; `std::nullopt` takes it away. One that has passed ends the block in the next pass of the loop.
  /// Any task of the loop may call it. Throws: `std::runtime_error` after the end of the block or the deadline.
  void reschedule(std::optional<clock::time_point> when) const;

  /// Whether the time limit ran out, also if the block ended otherwise in spite of it.
  bool expired() const noexcept { return state_ && state_->expired(); }

  /// For the library itself.
  explicit timeout_scope(detail::ref<detail::timeout_state> state) noexcept : state_(std::move(state)) {}

private:
  detail::ref<detail::timeout_state> state_;
};

namespace detail {

/// A block whose body takes the scope.
class shared_timeout_block {
public:
  template <class Limit>
  shared_timeout_block(const char* what, Limit limit) : state_(new timeout_state(what, limit)), scope(state_) {}
  shared_timeout_block(const shared_timeout_block&) = delete;
  shared_timeout_block& operator=(const shared_timeout_block&) = delete;
  ~shared_timeout_block() { state_->abandon(); }

  void leave() noexcept { state_->leave(); }
  void leave_failed() { state_->leave_failed(); }

private:
  const ref<timeout_state> state_; // the body may assign to its scope

public:
  timeout_scope scope;
};

/// What a block with a time limit runs: `begin` gives what is awaited.
template <class F>
struct timed_body {
  using block = timeout_block;
  using value_type = body_value_t<F>;

  F body;

  awaitable<value_type> begin(block&) { return run_body<F>(body); }
};

template <class F>
  requires std::invocable<F&, timeout_scope&>
struct timed_body<F> {
  using block = shared_timeout_block;
  using value_type = body_value_t<F, timeout_scope&>;

  F body;

  awaitable<value_type> begin(block& b) { return run_body<F, timeout_scope&>(body, b.scope); }
};

/// The same for a single wait, without a coroutine around an operation.
template <class S>
struct timed_source {
  using block = timeout_block;
  using value_type = source_value_t<S>;

  S source;

  decltype(auto) begin(block&) {
    if constexpr (coroutine_callable<S>)
      return source();
    else
      return std::move(source);
  }
};

template <class Wait, class Limit>
awaitable<typename Wait::value_type> await_in_time(const char* what, Limit limit, Wait wait) {
  co_await own_task(what);
  typename Wait::block block(what, limit);
  try {
    if constexpr (std::is_void_v<typename Wait::value_type>) {
      co_await wait.begin(block);
      block.leave();
    } else {
      typename Wait::value_type value = co_await wait.begin(block);
      block.leave();
      co_return value;
    }
  } catch (...) {
    block.leave_failed();
    throw;
  }
}

template <class F, class Limit>
auto run_in_time(const char* what, Limit limit, F&& body) {
  using function = std::decay_t<F>;
  static_assert(!awaits<F>, "with_timeout takes a function; to limit one awaitable, use wait_for");
  if constexpr (!awaits<F>) {
    require_body<F, timeout_scope&>();
    if constexpr (body_of<function, timeout_scope&>)
      return await_in_time<timed_body<function>>(what, limit, timed_body<function>{std::forward<F>(body)});
  }
}

/// asyncio's wait_for without time, up to the outcome: cancels the future and waits for its end.
/// Throws `timeout_error` if that is a cancellation. A future that is done, or of another loop, is left alone.
RONDO_EXPORT awaitable<void> end_at_once(ref<future_state_base> state);

template <class T>
awaitable<T> wait_without_time(ref<future_state_base> state) {
  co_await end_at_once(state);
  co_return co_await get_op<T>(state);
}

/// What is done ends within any limit.
template <class Operation>
awaitable<typename timed_source<Operation>::value_type> await_done(Operation done) {
  require_task("wait_for");
  co_return co_await std::move(done);
}

/// The source becomes a task, as in asyncio, which is cancelled before its first step.
template <class S>
awaitable<source_value_t<S>> begin_without_time(S source, std::source_location where) {
  ref<future_state_base> state(&spawn(running_core(), std::move(source), {}, where).state("wait_for"));
  co_await end_at_once(state);
  co_return co_await get_op<source_value_t<S>>(state);
}

} // namespace detail

/// Runs a body that may take no longer than `limit`; else it is cancelled and `timeout_error` is thrown.
///
///     co_await with_timeout(5s, [&](timeout_scope& scope) -> awaitable<void> { ... });
///
/// The body is called with the scope, by which it can look at the deadline and move it, or with nothing. It runs in the
/// calling task and may capture by reference. Its value is the value of the block. When the time is over, the task is
/// cancelled, so the body is interrupted where it waits, and may clean up; only when it has ended with a cancellation
/// (see `is_cancellation`) is `timeout_error` thrown. A body that returns in spite of it gives its value, and any other
/// exception passes. With `std::nullopt` there is no deadline until the body sets one. A limit of zero or less runs out
/// in the next pass of the loop: a body that never waits is not disturbed.
///
/// Cancellation: the body's; one that comes from outside together with the end of the time wins. Of nested blocks whose
/// times are over, the outermost throws `timeout_error`. Throws: what the body throws; `timeout_error`;
/// `std::runtime_error` outside a task, also in a coroutine that `co_spawn` or `a || b` has started inside one.
/// asyncio: `timeout`.
template <class F>
auto with_timeout(time_limit limit, F&& body) {
  return detail::run_in_time("with_timeout", limit, std::forward<F>(body));
}

/// The same with a deadline on the loop's clock: `with_timeout_at(clock::now() + 5s, body)`. asyncio: `timeout_at`.
template <class F>
auto with_timeout_at(std::optional<clock::time_point> when, F&& body) {
  return detail::run_in_time("with_timeout_at", when, std::forward<F>(body));
}

/// Awaits something for no longer than `limit`; then cancels it, waits for its end, and throws `timeout_error`.
///
///     std::size_t n = co_await wait_for(socket.async_read_some(buffer, asio::deferred), 5s);
///
/// The source runs in the calling task: a coroutine becomes no task of its own. A task or future is cancelled, unless it
/// is behind `shield`. If the source ends with a value in spite of the cancellation, that is the value, so nothing is
/// lost; if it throws something else, that is thrown. It may thus take longer than `limit`. (A task that is cancelled when
/// its last operation has just completed is cancelled all the same, as in asyncio: pass the coroutine itself if its value
/// must not be lost.) With `std::nullopt` it is a plain co_await. With zero or less, what is done gives its outcome; a
/// future or task is cancelled at once; anything else is not even begun.
///
/// Cancellation: passed on to the source, as in a plain co_await. Throws: what the source throws; `timeout_error`;
/// `std::runtime_error` outside a task, also in a coroutine that `co_spawn` or `a || b` has started inside one.
/// asyncio: `wait_for`.
template <class S>
awaitable<typename detail::task_value<S>::type> wait_for(S&& source, time_limit limit,
                                                         std::source_location where = std::source_location::current()) {
  detail::require_source<S>();
  if constexpr (detail::source<S>) {
    static_assert(detail::handle<S> || detail::coroutine_callable<S> || !std::is_lvalue_reference_v<S>,
                  "a coroutine or operation can be awaited once: pass it with std::move");
    static_assert(
        !detail::coroutine_callable<S> || detail::safe_in_await<S>,
        "wait_for: capture by reference, or name the lambda first: this compiler destroys a temporary closure "
        "with owning captures twice in an expression with co_await");
    if (!limit) return detail::as_awaitable(std::forward<S>(source));
    const bool begins = *limit > clock::duration::zero();
    if constexpr (detail::handle<S>) {
      if (!begins) return detail::wait_without_time<detail::source_value_t<S>>(&source.state("wait_for"));
      using operation = decltype(source.get());
      if (source.done()) return detail::await_done<operation>(source.get());
      return detail::await_in_time("wait_for", limit, detail::timed_source<operation>{source.get()});
    } else {
      using stored = std::decay_t<S>;
      if (!begins) return detail::begin_without_time<stored>(std::forward<S>(source), where);
      return detail::await_in_time("wait_for", limit, detail::timed_source<stored>{std::forward<S>(source)});
    }
  } else {
    return {};
  }
}

RONDO_END_NAMESPACE
