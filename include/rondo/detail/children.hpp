// Children of gather, join, race: from sources to the futures behind them, and to their values.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/handles.hpp>
#include <rondo/task.hpp>

#include <concepts>
#include <cstddef>
#include <iterator>
#include <ranges>
#include <source_location>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// A range of sources; or of something else, to which `require_sources_in` has something to say.
template <class R>
concept source_range = !source<R> && std::ranges::input_range<R>;

/// The place of a value of type T in a tuple.
template <class T>
using or_monostate = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

/// Whether the elements of a range can be visited twice, to check all of them before the first is started.
template <class R>
concept lasting_range = std::ranges::forward_range<R> && std::is_lvalue_reference_v<std::ranges::range_reference_t<R>>;

/// Whether the range owns its elements and was given away with them.
template <class R>
inline constexpr bool is_given_away = !std::is_reference_v<R> && !std::ranges::view<R>;

/// What is taken from a range as a source.
template <class R>
using source_in =
    std::conditional_t<!lasting_range<R>, std::ranges::range_value_t<R>,
                       std::conditional_t<is_given_away<R>, std::remove_reference_t<std::ranges::range_reference_t<R>>,
                                          std::ranges::range_reference_t<R>>>;

template <class S>
inline constexpr bool given_once = (is_awaitable<S> || operation<S>) && std::is_lvalue_reference_v<S>;

template <class... Sources>
constexpr void require_sources() {
  (require_source<Sources>(), ...);
  static_assert((!given_once<Sources> && ...),
                "a coroutine or an operation can be awaited once: pass it with std::move");
  static_assert(
      ((!coroutine_callable<Sources> || safe_in_await<Sources>) && ...),
      "capture by reference, or name the lambda first: this compiler destroys a temporary closure with owning "
      "captures twice in an expression with co_await");
}

template <class R>
constexpr void require_sources_in() {
  require_source<source_in<R>>();
  static_assert(!given_once<source_in<R>>,
                "coroutines and operations can be awaited once: pass the range with std::move");
}

/// Sees all sources before the first is started, so that nothing has happened when one of them is refused.
class RONDO_EXPORT children_check {
public:
  /// The loop is that of the first source.
  explicit children_check(const char* call) noexcept : call_(call) {}
  children_check(const char* call, loop_core& core) noexcept : call_(call), core_(&core) {}

  template <class S>
  void add(const S& s) {
    if constexpr (any_handle<S>)
      add_handle(s.state(call_));
    else
      add_new();
  }

  /// Throws if the loop cannot take the children.
  loop_core& core();

  /// The handles, if some are given twice.
  bool duplicates() { return has_duplicates(std::move(handles_)); }

private:
  void add_handle(future_state_base& state);
  void add_new();

  const char* call_;
  loop_core* core_ = nullptr;
  bool uses_loop_ = false;
  std::vector<const void*> handles_;
};

/// Checks sources that the running loop is to take.
template <class... Ss>
void check_children(const char* call, const std::tuple<Ss...>& sources) {
  children_check check(call, running_core());
  std::apply([&](const auto&... s) { (check.add(s), ...); }, sources);
  check.core();
}

template <class S>
void check_children(const char* call, const std::vector<S>& sources) {
  children_check check(call, running_core());
  for (const S& s : sources)
    check.add(s);
  check.core();
}

/// The future behind a source: a handle's own, that of a new task for anything else.
template <class S>
ref<future_state_base> start_child(loop_core& core, S&& s, std::source_location where) {
  if constexpr (any_handle<S>) {
    return ref<future_state_base>(&s.state("start_child"));
  } else {
    const auto t = spawn(core, std::forward<S>(s), task_options(), where);
    return ref<future_state_base>(&t.state("start_child"));
  }
}

/// The value of a child that has one. Nobody else can reach that of a task that was made for the child.
template <class T>
or_monostate<T> child_value(future_state_base& state, [[maybe_unused]] bool own) {
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    auto& cell = *static_cast<value_cell<T>*>(state.cell());
    return own ? cell.move_out() : cell.take();
  }
}

/// Calls `f(n, range)` with a range whose elements can be visited twice, and their number.
template <class R, class F>
decltype(auto) with_lasting_sources(R&& range, F&& f) {
  if constexpr (lasting_range<R>) {
    return f(static_cast<std::size_t>(std::ranges::distance(range)), std::forward<R>(range));
  } else {
    std::vector<std::ranges::range_value_t<R>> sources;
    if constexpr (std::ranges::sized_range<R>) sources.reserve(static_cast<std::size_t>(std::ranges::size(range)));
    for (auto&& s : range)
      sources.push_back(std::forward<decltype(s)>(s));
    const std::size_t count = sources.size();
    return f(count, std::move(sources));
  }
}

} // namespace detail
RONDO_END_NAMESPACE
