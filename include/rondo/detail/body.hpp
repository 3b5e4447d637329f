// Bodies: what scope functions such as with_timeout run.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/source.hpp>

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// A function `f(scope...)` or `f()`.
template <class F, class... Scope>
concept body_of = std::invocable<F&, Scope...> || std::invocable<F&>;

/// Calls a body with the scope if it takes that, else without.
template <class F, class... Scope>
decltype(auto) call_body(F& f, Scope&&... scope) {
  if constexpr (std::invocable<F&, Scope...>)
    return std::invoke(f, std::forward<Scope>(scope)...);
  else
    return std::invoke(f);
}

template <class R>
struct body_result {
  using type = R;
};
template <awaits R>
struct body_result<R> : source_value<R> {};

/// The T of a body that returns an `awaitable<T>`, anything else that can be awaited, or a plain T.
template <class F, class... Scope>
using body_value_t =
    typename body_result<std::remove_cvref_t<decltype(call_body(std::declval<F&>(), std::declval<Scope>()...))>>::type;

template <class F, class... Scope>
boost::asio::awaitable<body_value_t<F, Scope...>> await_body(F& f, Scope... scope) {
  using result = decltype(call_body(f, std::forward<Scope>(scope)...));
  if constexpr (!awaits<result>)
    co_return call_body(f, std::forward<Scope>(scope)...);
  else
    co_return co_await as_awaitable(call_body(f, std::forward<Scope>(scope)...));
}

/// Runs a body in the coroutine that awaits this; `f` and what the scope refers to must outlive that.
template <class F, class... Scope>
boost::asio::awaitable<body_value_t<F, Scope...>> run_body(F& f, Scope... scope) {
  using result = decltype(call_body(f, std::forward<Scope>(scope)...));
  if constexpr (is_awaitable<result> && !std::is_reference_v<result>)
    return call_body(f, std::forward<Scope>(scope)...);
  else
    return await_body<F, Scope...>(f, std::forward<Scope>(scope)...);
}

/// Explains what a body is to those who pass something else.
template <class F, class... Scope>
constexpr void require_body() {
  static_assert(body_of<std::decay_t<F>, Scope...>,
                "this takes a function, called with the scope or with nothing, that returns an awaitable<T> or a plain "
                "value: [&]() -> awaitable<void> { ... }");
  static_assert(safe_in_await<F>, "capture by reference, or name the function object first: this compiler destroys a "
                                  "temporary closure with owning captures twice in an expression with co_await");
}

} // namespace detail
RONDO_END_NAMESPACE
