// with, with_exit_stack: resources that are entered and left with coroutines.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/body.hpp>
#include <rondo/detail/resource.hpp>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

RONDO_BEGIN_NAMESPACE

/// A list of things to do at the end, that grows while work goes on; from `with_exit_stack`.
///
///     co_await with_exit_stack([&](exit_stack& stack) -> awaitable<void> {
///       for (const auto& peer : peers) {
///         connection& c = co_await stack.enter(connection(peer));
///         ...
///       }
///     });
///
/// What was registered last is done first. Each exit gets the exception that is on its way, if any; one that throws
/// replaces it; one that returns true swallows it. A stack that is destroyed without `aclose()` or `with` destroys what
/// it owns, last in first out, and calls nothing. It must outlive the `enter` that is awaited. asyncio: `AsyncExitStack`.
class RONDO_EXPORT exit_stack {
public:
  exit_stack() noexcept = default;
  exit_stack(exit_stack&&) noexcept = default;
  exit_stack& operator=(exit_stack&& other) noexcept;
  ~exit_stack() { destroy(); }

  /// Enters a resource and registers its exit: `value x = co_await stack.enter(r)`. For resources see `with`.
  ///
  /// An lvalue is referred to, an rvalue is owned until its exit has ended. Gives the value that `aenter()` gave; if that
  /// is a reference, or nothing, a `std::reference_wrapper` of it or of the resource. If entering fails, nothing is
  /// registered.
  template <class R>
  awaitable<detail::entered_value_t<R>> enter(R&& resource) {
    detail::require_resource<R>();
    return enter_resource(std::make_unique<resource_exit<R>>(std::forward<R>(resource)));
  }

  /// Registers `f(args...)`, a plain function or one that returns something to await; its result is ignored.
  /// asyncio: `callback`, `push_async_callback`.
  template <class F, class... Args>
  void callback(F&& f, Args&&... args) {
    static_assert(std::invocable<std::decay_t<F>, std::decay_t<Args>...>,
                  "callback: the function must take the arguments (they are stored, and passed as rvalues)");
    add(std::make_unique<callback_exit<std::decay_t<F>, std::decay_t<Args>...>>(std::forward<F>(f),
                                                                                std::forward<Args>(args)...));
  }

  /// Registers `f(std::exception_ptr)` or `f()`, plain or to be awaited. The first form can swallow the exception with
  /// true. asyncio: `push`, `push_async_exit`.
  template <class F>
  void push(F&& f) {
    static_assert(detail::body_of<std::decay_t<F>, std::exception_ptr>,
                  "push takes a function f(std::exception_ptr) or f()");
    if constexpr (std::invocable<std::decay_t<F>&, std::exception_ptr>)
      add(std::make_unique<function_exit<std::decay_t<F>>>(std::forward<F>(f)));
    else
      callback(std::forward<F>(f));
  }

  /// `push` for a function that takes the exception. asyncio: `push_async_exit`.
  template <class F>
  void push_aexit(F&& f) {
    static_assert(std::invocable<std::decay_t<F>&, std::exception_ptr>,
                  "push_aexit takes a function f(std::exception_ptr); for one without arguments use callback");
    push(std::forward<F>(f));
  }

  /// Moves everything to a new stack: nothing is left to do here. asyncio: `pop_all`.
  exit_stack pop_all() noexcept { return std::move(*this); }

  bool empty() const noexcept { return !last_; }

  /// Does everything that is registered, as after work without an exception. asyncio: `aclose`.
  awaitable<void> aclose();

  /// The same with an exception on its way: gives whether it was swallowed, throws the one that replaces it.
  ///
  /// Cancellation: interrupts the exit that is waiting; the others run.
  awaitable<bool> aexit(std::exception_ptr error);

private:
  /// A registered exit; they form a stack, linked downwards.
  struct entry {
    entry() = default;
    entry(const entry&) = delete;
    entry& operator=(const entry&) = delete;
    virtual ~entry();
    virtual awaitable<bool> leave(std::exception_ptr error) = 0;

    std::unique_ptr<entry> below;
  };

  template <class R>
  struct resource_exit final : entry {
    explicit resource_exit(R&& r) : resource(std::forward<R>(r)) {}
    awaitable<bool> leave(std::exception_ptr error) override { return detail::leave_resource(resource, error); }

    R resource; // a reference, or owned
  };

  template <class F>
  struct function_exit final : entry {
    template <class G>
    explicit function_exit(G&& g) : function(std::forward<G>(g)) {}
    awaitable<bool> leave(std::exception_ptr error) override {
      auto call = [&]() -> decltype(auto) { return std::invoke(function, error); };
      co_return co_await detail::await_exit<true>(call);
    }

    F function;
  };

  template <class F, class... Args>
  struct callback_exit final : entry {
    template <class G, class... As>
    explicit callback_exit(G&& g, As&&... as) : function(std::forward<G>(g)), arguments(std::forward<As>(as)...) {}
    awaitable<bool> leave(std::exception_ptr) override {
      auto call = [&]() -> decltype(auto) { return std::apply(std::move(function), std::move(arguments)); };
      co_return co_await detail::await_exit<false>(call);
    }

    F function;
    std::tuple<Args...> arguments;
  };

  template <class R>
  awaitable<detail::entered_value_t<R>> enter_resource(std::unique_ptr<resource_exit<R>> e) {
    detail::entered<std::remove_reference_t<R>> place;
    co_await place.enter(e->resource);
    add(std::move(e));
    co_return place.give();
  }

  void add(std::unique_ptr<entry> e) noexcept;
  std::unique_ptr<entry> take_last() noexcept;
  void destroy() noexcept;

  std::unique_ptr<entry> last_;
};

namespace detail {

[[noreturn]] RONDO_EXPORT void throw_value_missing(std::exception_ptr swallowed);

/// What a scope returns when an exit has swallowed the exception of a body that returns T.
template <class T>
T without_value(std::exception_ptr swallowed) {
  if constexpr (std::is_void_v<T>)
    return;
  else if constexpr (std::constructible_from<T, std::nullopt_t>)
    return T(std::nullopt);
  else
    throw_value_missing(std::move(swallowed));
}

template <class T, std::size_t I, class Resources, class Body, class... Entered>
awaitable<T> enter_rest(Resources& resources, Body& body, Entered&... before);

/// Enters one resource, runs what follows, leaves the resource.
template <class T, std::size_t I, class Resources, class Body, class... Entered>
awaitable<T> enter_one(Resources& resources, Body& body, Entered&... before) {
  auto& resource = std::get<I>(resources);
  entered<std::remove_reference_t<decltype(resource)>> place;
  co_await place.enter(resource);
  std::exception_ptr error;
  std::optional<std::conditional_t<std::is_void_v<T>, std::monostate, T>> result;
  try {
    if constexpr (std::is_void_v<T>)
      co_await enter_rest<T, I + 1>(resources, body, before..., place.get());
    else
      result.emplace(co_await enter_rest<T, I + 1>(resources, body, before..., place.get()));
  } catch (...) {
    error = std::current_exception();
  }
  // Asio's own cancellation is a level: it would keep the exit from being awaited.
  clean_up_begins(error);
  const boost::asio::cancellation_state state = co_await boost::asio::this_coro::cancellation_state;
  const bool level = state.cancelled() != boost::asio::cancellation_type::none;
  const bool throws = co_await boost::asio::this_coro::throw_if_cancelled();
  if (level) co_await boost::asio::this_coro::throw_if_cancelled(false);
  bool swallow = false;
  try {
    swallow = co_await leave_resource(resource, error);
  } catch (...) {
    error = std::current_exception();
  }
  if (level) co_await boost::asio::this_coro::throw_if_cancelled(throws);
  if (error && !swallow) std::rethrow_exception(error);
  if (error) co_return without_value<T>(std::move(error));
  if constexpr (!std::is_void_v<T>) co_return std::move(*result);
}

template <class T, std::size_t I, class Resources, class Body, class... Entered>
awaitable<T> enter_rest(Resources& resources, Body& body, Entered&... before) {
  if constexpr (I == std::tuple_size_v<Resources>)
    return run_body<Body, Entered&...>(body, before...);
  else
    return enter_one<T, I>(resources, body, before...);
}

template <class T, class Body, class... Rs>
awaitable<T> run_with(std::tuple<Rs...> resources, Body body) {
  co_return co_await enter_rest<T, 0>(resources, body);
}

template <class Arguments, std::size_t... I>
auto with_last(Arguments arguments, std::index_sequence<I...>) {
  using body = std::tuple_element_t<sizeof...(I), Arguments>;
  (require_resource<std::tuple_element_t<I, Arguments>>(), ...);
  require_body<body, entered_reference_t<std::tuple_element_t<I, Arguments>>...>();
  using function = std::decay_t<body>;
  using value = body_value_t<function, entered_reference_t<std::tuple_element_t<I, Arguments>>...>;
  using resources = std::tuple<kept_t<std::tuple_element_t<I, Arguments>>...>;
  return run_with<value, function>(resources(std::get<I>(std::move(arguments))...),
                                   std::get<sizeof...(I)>(std::move(arguments)));
}

} // namespace detail

/// Enters resources, runs a body, and leaves the resources whatever happens: `co_await with(resource..., body)`.
///
///     co_await with(open(name), [&](file& f) -> awaitable<void> { ... });
///
/// A resource has `aenter()`, and `aexit(std::exception_ptr)` or `aexit()`, or `aclose()` as generators have; each may be
/// plain or return something to await, and one of them is enough. Lvalues are referred to; rvalues are owned until
/// everything has been left. The body is called with a reference to what each `aenter()` gave, which is kept that long;
/// where it gives nothing, to the resource itself; or with no argument at all.
///
/// Resources are entered from left to right and left in the opposite order, also when a later one cannot be entered, and
/// when the task was cancelled: exits may await. `aexit` gets the exception that is on its way, or null. One that throws
/// replaces it; one that returns true swallows it: `with` then returns without a value. That is for bodies that return
/// void or a `std::optional`; with others it throws a `std::runtime_error` in which the swallowed one is nested.
///
/// Call it with a `[&]` lambda. Cancellation: as anywhere; one that comes while an exit waits interrupts that exit, as in
/// asyncio, and the other exits run; see `finally` for clean-up that is not interrupted. asyncio: `async with`.
template <class... Args>
auto with(Args&&... resources_and_body) {
  static_assert(sizeof...(Args) >= 2, "with takes one or more resources, and a body behind them");
  if constexpr (sizeof...(Args) >= 2)
    return detail::with_last(std::forward_as_tuple(std::forward<Args>(resources_and_body)...),
                             std::make_index_sequence<sizeof...(Args) - 1>());
}

/// Runs a body with an `exit_stack`, and then does what was registered there, last in first out, whatever happens.
///
/// Returns what the body returns; for exceptions, swallowed ones and cancellation see `with`.
/// asyncio: `async with AsyncExitStack()`.
template <class F>
awaitable<detail::body_value_t<std::decay_t<F>, exit_stack&>> with_exit_stack(F&& body) {
  detail::require_body<F, exit_stack&>();
  return with(exit_stack(), std::forward<F>(body));
}

RONDO_END_NAMESPACE
