// Whether a result can be copied: standard containers say yes although their elements cannot.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/settled.hpp>

#include <cstddef>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace detail {

template <class T>
concept container = requires {
  typename T::value_type;
  typename T::allocator_type;
};

/// `std::is_copy_constructible`, but also of what T consists of. `Seen` are the types around T: some contain themselves.
template <class T, class... Seen>
struct copyable : std::is_copy_constructible<T> {};

template <class T, class... Seen>
inline constexpr bool copyable_in = (std::is_same_v<T, Seen> || ...) || copyable<T, Seen...>::value;

template <container T, class... Seen>
struct copyable<T, Seen...>
    : std::bool_constant<std::is_copy_constructible_v<T> && copyable_in<typename T::value_type, T, Seen...>> {};

template <class T, class... Seen>
struct copyable<std::optional<T>, Seen...> : std::bool_constant<copyable_in<T, std::optional<T>, Seen...>> {};
template <class T, class... Seen>
struct copyable<settled<T>, Seen...> : std::bool_constant<copyable_in<T, settled<T>, Seen...>> {};
template <class... Seen>
struct copyable<settled<void>, Seen...> : std::true_type {};

template <class A, class B, class... Seen>
struct copyable<std::pair<A, B>, Seen...>
    : std::bool_constant<copyable_in<A, std::pair<A, B>, Seen...> && copyable_in<B, std::pair<A, B>, Seen...>> {};
template <class... Ts, class... Seen>
struct copyable<std::tuple<Ts...>, Seen...> : std::bool_constant<(copyable_in<Ts, std::tuple<Ts...>, Seen...> && ...)> {
};

template <class T>
inline constexpr bool is_copyable = copyable<T>::value;

} // namespace detail
RONDO_END_NAMESPACE
