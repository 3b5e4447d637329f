// future<T>: a result that somebody will set.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/callback.hpp>
#include <rondo/detail/future_state.hpp>

#include <compare>
#include <concepts>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE

class event_loop;
class any_future;

/// Identifies a done callback of one future or task.
enum class callback_id : std::uint64_t {};

namespace detail {

template <class Handle>
Handle make_handle(ref<future_state_base> state);

RONDO_EXPORT event_loop loop_of(loop_core& core);
[[noreturn]] RONDO_EXPORT void throw_empty_handle(const char* call);

} // namespace detail

/// A handle of any future or task, without its type.
///
/// Handles are shared and cheap to copy; a default-constructed one is empty, and using it throws
/// `std::logic_error`. They compare by identity, also mixed, and may outlive their loop.
///
/// Thread safety: a future belongs to its loop and is used on the loop's thread. Handles may be copied and destroyed on
/// any thread.
class RONDO_EXPORT any_future {
public:
  using rondo_handle = void;

  any_future() noexcept = default;

  explicit operator bool() const noexcept { return state_ != nullptr; }

  /// Whether it has a result, an exception, or was cancelled.
  bool done() const { return state("done").done(); }

  /// Whether it was cancelled. An exception of type `cancelled_error` set by hand does not count, as in asyncio.
  bool cancelled() const { return state("cancelled").cancelled(); }

  /// Cancels it: whoever awaits it gets a `cancelled_error` with the message. Returns false if it was done already.
  bool cancel(std::string message = {}) const {
    return state("cancel").cancel(detail::optional_text(std::move(message)));
  }

  /// The exception with which it ended; null after a result. The pointer is the very one that was thrown or set.
  /// Throws: `cancelled_error` when cancelled, `invalid_state_error` when pending.
  std::exception_ptr exception() const { return state("exception").exception(); }

  /// Removes a callback that has not been scheduled yet; false if there is none with this id.
  bool remove_done_callback(callback_id id) const {
    return state("remove_done_callback").remove_callback(static_cast<std::uint64_t>(id));
  }

  /// Calls `f(any_future)` or `f()` when it is done; see `future::add_done_callback`.
  template <class F>
  callback_id add_done_callback(F&& f, std::optional<context> c = std::nullopt) const {
    return add_callback<any_future>(std::forward<F>(f), std::move(c));
  }

  /// The loop that it belongs to.
  event_loop loop() const;

  friend bool operator==(const any_future& a, const any_future& b) noexcept { return a.state_ == b.state_; }
  friend std::strong_ordering operator<=>(const any_future& a, const any_future& b) noexcept {
    return std::compare_three_way()(a.state_.get(), b.state_.get());
  }

  std::size_t hash() const noexcept { return std::hash<const void*>()(state_.get()); }

  /// For the library itself: the state, or an error that names the call.
  detail::future_state_base& state(const char* call) const {
    if (!state_) detail::throw_empty_handle(call);
    return *state_;
  }

protected:
  explicit any_future(detail::ref<detail::future_state_base> state) noexcept : state_(std::move(state)) {}

  /// Registers `f(handle)` or `f()`; `Self` is the kind of handle that f gets.
  template <class Self, class F>
  callback_id add_callback(F&& f, std::optional<context> c) const {
    using function = std::decay_t<F>;
    static_assert(std::invocable<function, Self> || std::invocable<function>,
                  "a done callback takes the future or task that is done, or nothing");
    detail::future_state_base& s = state("add_done_callback");
    detail::check_thread(s.core(), "add_done_callback", "call_soon_threadsafe");
    detail::callback_node* node;
    if constexpr (std::invocable<function, Self>) {
      // The handle is made when the callback runs: stored in the state's own list it would keep the state for ever.
      auto call = [f = function(std::forward<F>(f)), raw = &s]() mutable {
        std::move(f)(detail::make_handle<Self>(detail::ref<detail::future_state_base>(raw)));
      };
      node = new detail::callback<decltype(call)>(s.core(), std::move(c), std::move(call));
    } else {
      node = new detail::callback<function>(s.core(), std::move(c), std::forward<F>(f));
    }
    return static_cast<callback_id>(s.add_callback(node));
  }

  template <class Handle>
  friend Handle detail::make_handle(detail::ref<detail::future_state_base>);

  detail::ref<detail::future_state_base> state_;
};

/// A result that will be set, on one loop.
///
/// Any number of tasks and callbacks can wait for it; they wake in the order in which they came. Cancelling a task that
/// waits for a future cancels the future, as in asyncio; use `shield` where that is not wanted.
///
/// T may be void and need not be copyable: a copyable result is copied out, any other is moved out once, and then
/// `invalid_state_error("... already taken")` is thrown. asyncio: `Future`.
template <class T = void>
class future : public any_future {
  static_assert(!std::is_reference_v<T>, "future<T&> is not supported: use a pointer or std::reference_wrapper");

public:
  using value_type = T;
  using rondo_wait = detail::get_op<T>;

  future() noexcept = default;

  /// Waits for the result: `T x = co_await f.get();`
  ///
  /// If the future is done, the coroutine goes on at once, without a turn of the loop. Cancellation: a cancel of the
  /// waiting task cancels the future. Throws: the future's exception; `cancelled_error`; `std::runtime_error` if it
  /// belongs to another loop.
  detail::get_op<T> get() const { return detail::get_op<T>((state("get"), state_)); }

  /// `co_await std::move(f)`, `co_await loop.create_future<int>()`.
  template <class Token>
    requires(!std::is_pointer_v<std::decay_t<Token>>)
  auto operator()(Token&& token) && {
    return get()(std::forward<Token>(token));
  }

  /// For `co_await f` on a named future: asks for `co_await f.get()`.
  template <class Token>
    requires(!std::is_pointer_v<std::decay_t<Token>>)
  auto operator()(Token&& token) & {
    static_assert(detail::always_false<Token>, "a future with a name is awaited with co_await f.get()");
    return get()(std::forward<Token>(token));
  }

  /// The result. Throws: its exception; `cancelled_error`; `invalid_state_error` when pending or taken.
  T result() const { return detail::take_result<T>(state("result")); }

  /// Sets the result and wakes whoever waits. Throws: `invalid_state_error` if it is done.
  template <class U = T>
    requires(!std::is_void_v<T> && std::is_convertible_v<U &&, T>)
  void set_result(U&& value) const {
    typed("set_result").set_result(std::forward<U>(value));
  }
  void set_result() const
    requires std::is_void_v<T>
  {
    typed("set_result").set_result();
  }

  /// Sets an exception. Throws: `invalid_state_error` if it is done, `std::invalid_argument` for a null pointer.
  void set_exception(std::exception_ptr error) const { typed("set_exception").set_exception(std::move(error)); }

  template <class E>
    requires(!std::same_as<std::decay_t<E>, std::exception_ptr> && !std::same_as<std::decay_t<E>, std::nullptr_t>)
  void set_exception(E&& error) const {
    set_exception(std::make_exception_ptr(std::forward<E>(error)));
  }

  /// Calls `f(future)` or `f()` when it is done: always from the loop, never inside this call, in the order of
  /// registration among all who wait. `c` is the context in which f runs, by default a copy of the current one.
  template <class F>
  callback_id add_done_callback(F&& f, std::optional<context> c = std::nullopt) const {
    return add_callback<future>(std::forward<F>(f), std::move(c));
  }

protected:
  using any_future::any_future;

  /// Throws unless a user may set the outcome: that of a task or a gather is its own.
  detail::future_state<T>& typed(const char* call) const {
    detail::future_state_base& s = state(call);
    detail::check_thread(s.core(), call, "call_soon_threadsafe");
    s.check_settable(call);
    return static_cast<detail::future_state<T>&>(s);
  }

  template <class Handle>
  friend Handle detail::make_handle(detail::ref<detail::future_state_base>);
};

namespace detail {

template <class Handle>
Handle make_handle(ref<future_state_base> state) {
  return Handle(std::move(state));
}

} // namespace detail

RONDO_END_NAMESPACE

template <std::derived_from<rondo::any_future> Handle>
struct std::hash<Handle> {
  std::size_t operator()(const Handle& h) const noexcept { return h.hash(); }
};
