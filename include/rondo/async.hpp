// The operations of the library with completion tokens, for code that is not made of coroutines.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/signals.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/threads.hpp>

#include <boost/asio/associator.hpp>
#include <boost/asio/async_result.hpp>

#include <exception>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// Turns the boxed value of an operation into the plain argument that a completion handler takes.
template <class T, class Handler>
struct unboxing_handler {
  Handler handler;

  void operator()(std::exception_ptr error, boxed<T> value) {
    if (value)
      std::move(handler)(std::move(error), std::move(*value));
    else
      std::move(handler)(std::move(error), T());
  }
};

template <class Handler>
struct unboxing_handler<void, Handler> {
  Handler handler;

  void operator()(std::exception_ptr error, boxed<void>) { std::move(handler)(std::move(error)); }
};

template <class T>
struct plain_signature {
  static_assert(std::is_default_constructible_v<T>,
                "with a completion token an exception needs a value to travel with: T must be default constructible; "
                "co_await has no such need");
  using type = void(std::exception_ptr, T);
};
template <>
struct plain_signature<void> {
  using type = void(std::exception_ptr);
};

template <class T, class Op, class Token>
auto initiate_operation(Op op, Token&& token) {
  return boost::asio::async_initiate<Token, typename plain_signature<T>::type>(
      [](auto&& handler, Op&& o) {
        using handler_type = std::decay_t<decltype(handler)>;
        std::move(o)(unboxing_handler<T, handler_type>{std::forward<decltype(handler)>(handler)});
      },
      token, std::move(op));
}

} // namespace detail

/// Waits for a future or task and completes the token with `void(std::exception_ptr, T)`, or `void(std::exception_ptr)`.
///
/// The handler runs on its associated executor, by default the loop's. Its cancellation slot, if it has one, cancels the
/// future. Thread safety: the loop's thread. `future<T>` must have a T with a default constructor here.
template <detail::handle Handle, class Token>
auto async_get(const Handle& handle, Token&& token) {
  using value = typename Handle::value_type;
  return detail::initiate_operation<value>(handle.get(), std::forward<Token>(token));
}

/// Starts an operation of the library with a completion token: `async_start(mutex.acquire(), token)`,
/// `async_start(queue.get(), token)`.
///
/// The signature is `void(std::exception_ptr, T)`, or `void(std::exception_ptr)`. The handler runs on its associated
/// executor, by default the loop's; its cancellation slot, if it has one, cancels the wait. Thread safety: the loop's
/// thread, while the loop runs there.
template <class Op, class Token>
auto async_start(Op&& op, Token&& token) {
  constexpr bool operation = requires { typename std::remove_cvref_t<Op>::rondo_wait; };
  static_assert(operation,
                "async_start takes an operation of the library, like lock.acquire(); for anything else that can "
                "be awaited use async_create_task");
  static_assert(!std::is_lvalue_reference_v<Op>, "an operation can be awaited once: pass it with std::move");
  if constexpr (operation)
    return detail::initiate_operation<typename std::remove_cvref_t<Op>::value_type>(std::move(op),
                                                                                    std::forward<Token>(token));
}

/// `sleep` with a completion token of the signature `void(std::exception_ptr)`. On a running loop.
template <class Token>
auto async_sleep(time_limit d, Token&& token) {
  return detail::initiate_operation<void>(sleep(d), std::forward<Token>(token));
}

/// Runs a source as a task of the running loop and completes the token with its outcome: the twin of `create_task`, and of
/// everything that returns an `awaitable`. The handler's cancellation slot cancels the task.
template <class S, class Token>
auto async_create_task(S&& source, Token&& token) {
  return async_get(create_task(std::forward<S>(source)), std::forward<Token>(token));
}

/// `to_thread` with a completion token; the arguments come behind it: `async_to_thread(token, &f, 1, 2)`.
template <class Token, class F, class... Args>
auto async_to_thread(Token&& token, F f, Args... args) {
  return async_create_task(to_thread(std::move(f), std::move(args)...), std::forward<Token>(token));
}

/// `blocking` with a completion token.
template <class F, class Token>
auto async_blocking(F&& f, Token&& token) {
  return async_create_task(blocking(std::forward<F>(f)), std::forward<Token>(token));
}

/// `cancel_and_wait` with a completion token.
template <class Token>
auto async_cancel_and_wait(const any_task& task, Token&& token) {
  return async_create_task(cancel_and_wait(task), std::forward<Token>(token));
}

/// `wait_signal` with a completion token; the signals come behind it: `async_wait_signal(token, SIGINT, SIGTERM)`.
template <class Token, std::convertible_to<int>... Signals>
auto async_wait_signal(Token&& token, Signals... signals) {
  return async_create_task(wait_signal(signals...), std::forward<Token>(token));
}

/// `event_loop::shutdown` with a completion token.
template <class Token>
auto async_shutdown(const event_loop& loop, time_limit grace, Token&& token) {
  return detail::initiate_operation<void>(loop.create_task(loop.shutdown(grace)).get(), std::forward<Token>(token));
}

RONDO_END_NAMESPACE

// The adapter is transparent: executor, allocator and cancellation slot are those of the handler inside.
template <template <class, class> class Associator, class T, class Handler, class Default>
struct boost::asio::associator<Associator, rondo::detail::unboxing_handler<T, Handler>, Default>
    : Associator<Handler, Default> {
  static auto get(const rondo::detail::unboxing_handler<T, Handler>& h) noexcept {
    return Associator<Handler, Default>::get(h.handler);
  }
  static auto get(const rondo::detail::unboxing_handler<T, Handler>& h, const Default& d) noexcept {
    return Associator<Handler, Default>::get(h.handler, d);
  }
};
