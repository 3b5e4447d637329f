// blocking_portal: calls into a loop from threads without one.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/concurrent_future.hpp>

#include <functional>
#include <source_location>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// Throws `std::runtime_error` if a loop runs on this thread.
RONDO_EXPORT void check_no_loop_here(const char* call);

/// A plain function as a coroutine.
template <class F>
class coroutine_of {
public:
  using value_type = std::invoke_result_t<F&>;

  explicit coroutine_of(F f) : f_(std::move(f)) {}
  awaitable<value_type> operator()() { co_return std::invoke(f_); }

private:
  F f_;
};

template <class F>
concept plain_function = !source<F> && std::invocable<std::decay_t<F>&>;

} // namespace detail

/// Calls functions and coroutines on a loop, from threads that have none.
///
///     blocking_portal portal(worker.loop());
///     user u = portal.call([&]() -> awaitable<user> { co_return co_await db.find(id); });
///
/// The loop must run, or be run later: until then calls wait. It is a handle, cheap to copy.
/// Thread safety: all members, on any thread. anyio: `BlockingPortal`.
class RONDO_EXPORT blocking_portal {
public:
  explicit blocking_portal(event_loop loop) noexcept : loop_(std::move(loop)) {}

  /// Runs `f()` on the loop, blocks until it has ended, and gives its result. f is a function that returns an awaitable
  /// or a plain value, or anything that `run_coroutine_threadsafe` takes; it may capture by reference.
  ///
  /// Throws: what f throws; `future_cancelled` if its task was cancelled; `std::runtime_error` on a thread that runs a
  /// loop, before anything is begun, or if the loop is closed or ends before f.
  template <class F>
  auto call(F&& f, std::source_location where = std::source_location::current()) const {
    detail::check_no_loop_here("blocking_portal::call");
    return submit(std::forward<F>(f), where).result();
  }

  /// The same without waiting. Throws: `std::runtime_error` if the loop is closed. Also on the thread of a loop.
  template <class F>
  auto submit(F&& f, std::source_location where = std::source_location::current()) const {
    if constexpr (detail::plain_function<F>)
      return run_coroutine_threadsafe(detail::coroutine_of(std::decay_t<F>(std::forward<F>(f))), loop_, where);
    else
      return run_coroutine_threadsafe(std::forward<F>(f), loop_, where);
  }

  const event_loop& loop() const noexcept { return loop_; }

private:
  event_loop loop_;
};

RONDO_END_NAMESPACE
