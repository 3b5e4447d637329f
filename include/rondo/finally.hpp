// finally: clean-up that may await, and that a cancellation does not interrupt.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/body.hpp>
#include <rondo/detail/core.hpp>
#include <rondo/time.hpp>

#include <boost/asio/this_coro.hpp>

#include <exception>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>
#include <variant>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// Runs the clean-up in a task of its own and waits for it, whatever is cancelled meanwhile. Throws what takes the place
/// of `error`, the exception on its way or null: the exception of the clean-up; if there is none at all, the
/// `timeout_error` of the grace or a cancellation that came meanwhile.
RONDO_EXPORT awaitable<void> clean_up(awaitable<void> cleanup, std::exception_ptr error, time_limit grace,
                                      std::source_location where);

template <class F>
awaitable<void> run_for_nothing(F& f) {
  (void)co_await as_awaitable(f());
}

template <class T, class Body, class Cleanup>
awaitable<T> run_finally(Body body, Cleanup cleanup, time_limit grace, std::source_location where) {
  (void)running_core(); // without a loop the clean-up could not run
  std::exception_ptr error;
  std::optional<std::conditional_t<std::is_void_v<T>, std::monostate, T>> result;
  try {
    if constexpr (std::is_void_v<T>)
      co_await run_body(body);
    else
      result.emplace(co_await run_body(body));
  } catch (...) {
    error = std::current_exception();
  }
  if constexpr (awaits<decltype(cleanup())>) {
    // Asio's own cancellation is a level: it would keep the clean-up from being awaited.
    const bool throws = co_await boost::asio::this_coro::throw_if_cancelled();
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    try {
      co_await clean_up(run_for_nothing(cleanup), error, grace, where);
    } catch (...) {
      error = std::current_exception();
    }
    co_await boost::asio::this_coro::throw_if_cancelled(throws);
  } else {
    (void)cleanup();
  }
  if (error) std::rethrow_exception(error);
  if constexpr (!std::is_void_v<T>) co_return std::move(*result);
}

} // namespace detail

/// Runs `body()`, then `cleanup()` whatever happened, and returns what the body returned: Python's `try ... finally` for
/// clean-up that awaits, which C++ cannot do in a destructor or a catch block.
///
///     co_await finally([&]() -> awaitable<void> { co_await transfer(c); },
///                      [&]() -> awaitable<void> { co_await c.say_goodbye(); }, 5s);
///
/// Both may be plain functions. An exception of the clean-up replaces one of the body.
///
/// Cancellation: one that comes while the clean-up waits does not interrupt it, but is delivered when it has ended: as
/// a `cancelled_error` from here, or at the task's next wait if an exception is thrown from here. (In `try ... finally`
/// of Python, and in the exits of `with`, a second cancellation does interrupt.) With `grace`, a clean-up that has not
/// ended after that time is cancelled and awaited; if it ends with that cancellation, the exception of the body goes on,
/// and if there is none `timeout_error` is thrown. Without it a clean-up that hangs cannot be stopped.
///
/// A clean-up that awaits is a task of its own, in the context of the body's, which starts at once and which nobody but
/// `grace` can cancel. Call it with `[&]` lambdas; both are kept until the end.
/// Throws: `std::runtime_error` before anything is run if no loop runs here.
template <class Body, class Cleanup>
auto finally(Body&& body, Cleanup&& cleanup, time_limit grace = std::nullopt,
             std::source_location where = std::source_location::current()) {
  detail::require_body<Body>();
  detail::require_body<Cleanup>();
  using function = std::decay_t<Body>;
  return detail::run_finally<detail::body_value_t<function>, function, std::decay_t<Cleanup>>(
      std::forward<Body>(body), std::forward<Cleanup>(cleanup), grace, where);
}

RONDO_END_NAMESPACE
