// What can be awaited: coroutines, handles, operations, callables that return a coroutine.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/asio_compat.hpp>
#include <rondo/detail/callable.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/system/error_code.hpp>

#include <concepts>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace detail {

template <class T>
struct awaitable_value {
  static constexpr bool matches = false;
};
template <class T>
struct awaitable_value<boost::asio::awaitable<T, boost::asio::any_io_executor>> {
  static constexpr bool matches = true;
  using type = T;
};

template <class S>
inline constexpr bool is_awaitable = awaitable_value<std::remove_cvref_t<S>>::matches;

/// Handles: futures and tasks. `get()` gives the operation that waits for one.
template <class S>
concept handle = requires(const std::remove_cvref_t<S>& h) {
  typename std::remove_cvref_t<S>::value_type;
  typename std::remove_cvref_t<S>::rondo_handle;
  h.get();
};

/// The value with which co_await of an operation ends, from its completion signature.
template <class Signature>
struct signature_value;
template <class... Ts>
struct signature_value<void(Ts...)> {
  using type = std::tuple<Ts...>;
};
template <>
struct signature_value<void()> {
  using type = void;
};
template <class T>
struct signature_value<void(T)> {
  using type = T;
};
template <>
struct signature_value<void(boost::system::error_code)> {
  using type = void;
};
template <>
struct signature_value<void(std::exception_ptr)> {
  using type = void;
};
template <class T>
struct signature_value<void(boost::system::error_code, T)> {
  using type = T;
};
template <class T>
struct signature_value<void(std::exception_ptr, T)> {
  using type = T;
};
template <class T>
struct signature_value<void(std::exception_ptr, boxed<T>)> {
  using type = T;
};
template <class A, class B, class... Ts>
struct signature_value<void(boost::system::error_code, A, B, Ts...)> {
  using type = std::tuple<A, B, Ts...>;
};
template <class A, class B, class... Ts>
struct signature_value<void(std::exception_ptr, A, B, Ts...)> {
  using type = std::tuple<A, B, Ts...>;
};

template <class S>
concept operation = !handle<S> && !std::is_function_v<std::remove_cvref_t<S>> &&
                    boost::asio::is_async_operation<std::remove_cvref_t<S>>::value;

template <class S>
concept awaits = is_awaitable<S> || handle<S> || operation<S>;

template <class F>
concept coroutine_callable =
    !awaits<F> && std::invocable<std::decay_t<F>&> && awaits<std::invoke_result_t<std::decay_t<F>&>>;

/// Anything that the library awaits.
template <class S>
concept source = awaits<S> || coroutine_callable<S>;

template <class S>
struct source_value;
template <class S>
  requires is_awaitable<S>
struct source_value<S> {
  using type = typename awaitable_value<std::remove_cvref_t<S>>::type;
};
template <handle S>
struct source_value<S> {
  using type = typename std::remove_cvref_t<S>::value_type;
};
template <operation S>
struct source_value<S> {
  using type =
      typename signature_value<typename boost::asio::completion_signature_of<std::remove_cvref_t<S>>::type>::type;
};
template <coroutine_callable S>
struct source_value<S> : source_value<std::invoke_result_t<std::decay_t<S>&>> {};

template <class S>
using source_value_t = typename source_value<S>::type;

template <class T, class Op>
boost::asio::awaitable<T> await_operation(Op op) {
  co_return co_await std::move(op);
}

template <class T, class F>
boost::asio::awaitable<T> await_callable(F f) {
  co_return co_await f();
}

/// Turns a source into a coroutine. A handle is copied; anything else must be an rvalue, and callables live in the frame.
template <class S>
boost::asio::awaitable<source_value_t<S>> as_awaitable(S&& s) {
  using value = source_value_t<S>;
  if constexpr (handle<S>) {
    return await_operation<value>(s.get());
  } else if constexpr (is_awaitable<S>) {
    static_assert(!std::is_lvalue_reference_v<S>, "a coroutine can be awaited once: pass it with std::move");
    return std::move(s);
  } else if constexpr (operation<S>) {
    static_assert(!std::is_lvalue_reference_v<S>, "an operation can be awaited once: pass it with std::move");
    return await_operation<value>(std::move(s));
  } else {
    return await_callable<value>(std::decay_t<S>(std::forward<S>(s)));
  }
}

/// Explains what a source is to those who pass something else.
template <class S>
constexpr void require_source() {
  static_assert(source<S>, "this needs something that can be awaited: an awaitable<T>, a task, a future, an operation "
                           "such as sleep(1s), a deferred Asio operation, or a function without arguments that returns "
                           "one of these");
}

/// Operations that say `refers_to_caller` use an object of the caller, which must live until they have ended.
template <class S>
concept refers_to_caller = operation<S> && requires { requires std::remove_cvref_t<S>::refers_to_caller; };

/// The same for a source of which a task is made, and which may outlive the statement.
template <class S>
constexpr void require_task_source() {
  require_source<S>();
  static_assert(
      !refers_to_caller<S>,
      "this operation refers to an object of the caller, as queue.put(std::move(item)) does, and its task may "
      "outlive that: co_await it, or pass a function that owns the item: [&q, item = std::move(item)]() mutable "
      "-> awaitable<void> { co_await q.put(std::move(item)); }");
}

} // namespace detail
RONDO_END_NAMESPACE
