// Resources: what `with` and exit stacks can enter and leave.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/source.hpp>

#include <concepts>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace detail {

template <class R>
concept enterable = requires(R& r) { r.aenter(); };
template <class R>
concept leavable = requires(R& r, std::exception_ptr e) { r.aexit(e); } || requires(R& r) { r.aexit(); } ||
                   requires(R& r) { r.aclose(); };

/// R may be const.
template <class R>
concept resource = enterable<R> || leavable<R>;

/// Explains what a resource is to those who pass something else.
template <class R>
constexpr void require_resource() {
  using type = std::remove_reference_t<R>;
  static_assert(resource<type>,
                "a resource has aenter() or aexit(std::exception_ptr), aexit() or aclose(); for anything "
                "else use finally(body, cleanup)");
  static_assert(std::is_lvalue_reference_v<R> || std::move_constructible<type>,
                "a temporary resource is moved: give one that cannot be moved a name, and pass that");
}

/// How a resource that was passed as R&& is kept: by reference if it has a name, else by value.
template <class R>
using kept_t = std::conditional_t<std::is_lvalue_reference_v<R>, R, std::remove_cvref_t<R>>;

template <class R>
struct entering {
  using type = void;
};
template <enterable R>
struct entering<R> {
  using result = decltype(std::declval<R&>().aenter());
  using type = typename std::conditional_t<awaits<result>, source_value<result>, std::type_identity<result>>::type;
};

/// The outcome of entering a resource: the value, if aenter() gives one, else a reference to what it gives or to the
/// resource.
template <class R>
class entered {
  using outcome = typename entering<R>::type;

public:
  static constexpr bool holds_value = !std::is_void_v<outcome> && !std::is_lvalue_reference_v<outcome>;

  using value = std::remove_reference_t<std::conditional_t<std::is_void_v<outcome>, R, outcome>>;
  using given = std::conditional_t<holds_value, std::remove_cv_t<value>, std::reference_wrapper<value>>;

  boost::asio::awaitable<void> enter(R& r) {
    if constexpr (!enterable<R>) {
      place_.emplace(r);
    } else if constexpr (awaits<decltype(r.aenter())>) {
      if constexpr (std::is_void_v<outcome>) {
        co_await as_awaitable(r.aenter());
        place_.emplace(r);
      } else {
        place_.emplace(co_await as_awaitable(r.aenter()));
      }
    } else if constexpr (std::is_void_v<outcome>) {
      r.aenter();
      place_.emplace(r);
    } else {
      place_.emplace(r.aenter());
    }
    co_return;
  }

  value& get() noexcept { return *place_; }
  given give() { return std::move(*place_); }

private:
  std::optional<given> place_;
};

template <class R>
using entered_reference_t = typename entered<std::remove_reference_t<kept_t<R>>>::value&;
template <class R>
using entered_value_t = typename entered<std::remove_reference_t<kept_t<R>>>::given;

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes the frames of these, if they are instantiated late, for types with linkage that have fields without one.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsubobject-linkage"
#endif

/// Makes the call that leaves something, and awaits what it returns if that is needed. True: the exception is swallowed.
template <bool MaySwallow, class Call>
boost::asio::awaitable<bool> await_exit(Call& call) {
  using result = decltype(call());
  if constexpr (!awaits<result>) {
    if constexpr (MaySwallow && std::same_as<std::remove_cvref_t<result>, bool>)
      co_return call();
    else
      (void)call();
  } else if constexpr (MaySwallow && std::same_as<source_value_t<result>, bool>) {
    co_return co_await as_awaitable(call());
  } else {
    (void)co_await as_awaitable(call());
  }
  co_return false;
}

template <class R>
boost::asio::awaitable<bool> leave_resource(R& r, std::exception_ptr error) {
  if constexpr (requires { r.aexit(error); }) {
    auto call = [&]() -> decltype(auto) { return r.aexit(error); };
    co_return co_await await_exit<true>(call);
  } else if constexpr (requires { r.aexit(); }) {
    auto call = [&]() -> decltype(auto) { return r.aexit(); };
    co_return co_await await_exit<true>(call);
  } else if constexpr (requires { r.aclose(); }) {
    auto call = [&]() -> decltype(auto) { return r.aclose(); };
    co_return co_await await_exit<false>(call);
  }
  co_return false;
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

/// Called before clean-up that awaits: a cancellation that has arrived as `error` must not meet the next co_await, too.
RONDO_EXPORT void clean_up_begins(const std::exception_ptr& error) noexcept;

} // namespace detail
RONDO_END_NAMESPACE
