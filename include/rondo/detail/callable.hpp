// What can be awaited or called, and the messages for what cannot.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/config.hpp>

#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace detail {

template <class...>
inline constexpr bool always_false = false;

/// Whether F may be passed as a temporary to a function that is called inside a co_await expression. On compilers that
/// destroy temporaries of such expressions twice, closures that own something must have a name.
template <class F>
inline constexpr bool safe_in_await = !RONDO_DESTROYS_TEMPORARIES_TWICE || std::is_lvalue_reference_v<F> ||
                                      std::is_trivially_destructible_v<std::remove_reference_t<F>>;

} // namespace detail

RONDO_END_NAMESPACE
