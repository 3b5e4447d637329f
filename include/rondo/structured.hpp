// join, race, map_concurrent: several things at once, and nobody is left behind.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/child_set.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <optional>
#include <ranges>
#include <source_location>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace detail {

template <class T>
or_monostate<T> value_of(child_set::child& c) {
  return child_value<T>(*c.future, c.own);
}

/// The value of a child that ended with one; those that a race gave up have none.
template <class T>
std::optional<or_monostate<T>> optional_of(child_set::child& c) {
  if (!c.has_value()) return std::nullopt;
  return value_of<T>(c);
}

template <class... Ss, std::size_t... I>
void start_all(child_set& children, std::tuple<Ss...>& sources, [[maybe_unused]] std::source_location where,
               std::index_sequence<I...>) {
  (children.start(std::get<I>(std::move(sources)), where), ...);
}

template <class... Ss, std::size_t... I>
auto joined_values(child_set& children, const std::tuple<Ss...>&, std::index_sequence<I...>) {
  return std::tuple<or_monostate<source_value_t<Ss>>...>(value_of<source_value_t<Ss>>(children[I])...);
}

template <class... Ss, std::size_t... I>
auto raced_values(child_set& children, const std::tuple<Ss...>&, std::index_sequence<I...>) {
  return std::tuple<std::optional<or_monostate<source_value_t<Ss>>>...>(
      optional_of<source_value_t<Ss>>(children[I])...);
}

template <class... Ss>
awaitable<std::tuple<or_monostate<source_value_t<Ss>>...>> join_all(std::tuple<Ss...> sources,
                                                                    std::source_location where) {
  check_children("join", sources);
  child_set children("join", child_set::until::first_error);
  start_all(children, sources, where, std::index_sequence_for<Ss...>());
  co_await children.all_ended();
  children.throw_errors();
  co_return joined_values(children, sources, std::index_sequence_for<Ss...>());
}

template <class... Ss>
awaitable<std::tuple<std::optional<or_monostate<source_value_t<Ss>>>...>> race_all(std::tuple<Ss...> sources,
                                                                                   std::source_location where) {
  check_children("race", sources);
  child_set children("race", child_set::until::first_completion);
  start_all(children, sources, where, std::index_sequence_for<Ss...>());
  co_await children.all_ended();
  children.throw_errors();
  co_return raced_values(children, sources, std::index_sequence_for<Ss...>());
}

template <class T>
struct joined_list {
  using type = std::vector<T>;
};
template <>
struct joined_list<void> {
  using type = void;
};

template <class T>
std::vector<T> list_of_joined(child_set& children) {
  std::vector<T> values;
  values.reserve(children.size());
  for (std::size_t i = 0; i < children.size(); ++i)
    values.push_back(value_of<T>(children[i]));
  return values;
}

template <class T>
std::vector<std::optional<or_monostate<T>>> list_of_raced(child_set& children) {
  std::vector<std::optional<or_monostate<T>>> values;
  values.reserve(children.size());
  for (std::size_t i = 0; i < children.size(); ++i)
    values.push_back(optional_of<T>(children[i]));
  return values;
}

template <class S>
awaitable<typename joined_list<source_value_t<S>>::type> join_list(std::vector<S> sources, std::source_location where) {
  check_children("join", sources);
  child_set children("join", child_set::until::first_error);
  for (S& s : sources)
    children.start(std::move(s), where);
  co_await children.all_ended();
  children.throw_errors();
  if constexpr (!std::is_void_v<source_value_t<S>>) co_return list_of_joined<source_value_t<S>>(children);
}

template <class S>
awaitable<std::vector<std::optional<or_monostate<source_value_t<S>>>>> race_list(std::vector<S> sources,
                                                                                 std::source_location where) {
  check_children("race", sources);
  child_set children("race", child_set::until::first_completion);
  for (S& s : sources)
    children.start(std::move(s), where);
  co_await children.all_ended();
  children.throw_errors();
  co_return list_of_raced<source_value_t<S>>(children);
}

/// The results of map_concurrent, which come in any order.
template <class T>
class ordered_results {
public:
  using type = std::vector<T>;

  void store(child_set::child& c) {
    if (c.index >= values_.size()) values_.resize(c.index + 1);
    values_[c.index].emplace(value_of<T>(c));
  }

  type take() {
    type all;
    all.reserve(values_.size());
    for (std::optional<T>& v : values_)
      all.push_back(*std::move(v));
    return all;
  }

private:
  std::vector<std::optional<T>> values_;
};

template <>
class ordered_results<void> {
public:
  using type = void;

  void store(child_set::child&) noexcept {}
  void take() noexcept {}
};

/// Goes through the elements and starts a child for each. Whatever the user's range and function throw stops the set.
template <class View, class F>
class mapping {
  using source_type = std::invoke_result_t<F&, std::ranges::range_reference_t<View>>;

public:
  using value_type = typename task_value<source_type>::type;
  using result = typename ordered_results<value_type>::type;

  mapping(View& items, F& f, std::source_location where)
      : f_(f), where_(where), next_(std::ranges::begin(items)), end_(std::ranges::end(items)) {}

  /// Starts children as long as there is room. False if no more are to be started.
  bool feed(child_set& children) noexcept {
    try {
      collect(children);
      while (!children.stopped() && next_ != end_) {
        if (!children.has_room()) return true;
        children.start(std::invoke(f_, *next_), where_, index_++);
        ++next_;
        collect(children);
      }
    } catch (...) {
      children.fail(std::current_exception());
    }
    return false;
  }

  /// Takes the values of those that have ended, so that their places are free.
  void collect(child_set& children) {
    while (child_set::child* c = children.take_ended()) {
      if (c->has_value()) results_.store(*c);
      c->future.reset();
    }
  }

  result take() { return results_.take(); }

private:
  F& f_;
  const std::source_location where_;
  std::ranges::iterator_t<View> next_;
  std::ranges::sentinel_t<View> end_;
  std::size_t index_ = 0;
  ordered_results<value_type> results_;
};

template <class View, class F>
awaitable<typename mapping<View, F>::result> map_all(View items, F f, std::size_t limit, std::source_location where) {
  child_set children("map_concurrent", child_set::until::first_error, limit);
  mapping<View, F> work(items, f, where);
  while (work.feed(children))
    co_await children.room();
  // A set that was stopped has ended already; Asio's own cancellation state may forbid to wait for nothing.
  if (!children.ended()) co_await children.all_ended();
  children.throw_errors();
  work.collect(children);
  co_return work.take();
}

/// The sources of a range, for the frame of a coroutine.
template <class R>
auto kept_sources(R&& range) {
  using kept = std::vector<std::decay_t<source_in<R>>>;
  if constexpr (std::is_same_v<R, kept>) {
    return std::move(range);
  } else {
    kept all;
    for (auto&& s : range) {
      if constexpr (lasting_range<R>)
        all.push_back(static_cast<source_in<R>&&>(s));
      else
        all.push_back(std::forward<decltype(s)>(s));
    }
    return all;
  }
}

template <class... Sources>
auto kept_pack(Sources&&... sources) {
  return std::tuple<std::decay_t<Sources>...>(std::forward<Sources>(sources)...);
}

/// Throws if nothing could run.
RONDO_EXPORT std::size_t checked_limit(std::ptrdiff_t limit);
RONDO_EXPORT void check_contestants(std::size_t count);

template <class S>
using source_t = typename task_value<S>::type;

} // namespace detail

/// Runs several sources at once, waits until all of them have ended, and gives their results in the order of the
/// arguments:
///
///     auto [page, user] = co_await join(fetch(url), find_user(id));
///
/// The first error cancels the others; when all have ended it is thrown, or an `exception_group` if several ended with
/// errors. A child that somebody else cancels does the same, and `cancelled_error` is thrown if there are no errors. So
/// references to what the caller owns are safe in the children. A task or future that is given is a child like any other.
/// A void source has a `std::monostate` in the tuple. Nothing starts before it is awaited.
///
/// Cancellation: all children are cancelled, once; when all have ended `cancelled_error` is thrown. If children end with
/// errors these are thrown, and the cancellation is delivered at the caller's next wait. Throws:
/// `std::invalid_argument` for a handle of another loop, `std::logic_error` for an empty one, and nothing was started
/// then; `std::runtime_error` for the running task itself.
template <class... Sources>
awaitable<std::tuple<detail::or_monostate<detail::source_t<Sources>>...>> join(Sources&&... sources) {
  detail::require_sources<Sources...>();
  if constexpr ((detail::source<Sources> && ...))
    return detail::join_all(detail::kept_pack(std::forward<Sources>(sources)...), std::source_location::current());
  else
    return {};
}

/// The same for a range of sources of one type: gives a vector, or nothing for void sources. A container of coroutines
/// or operations is passed with `std::move`.
template <detail::source_range Range>
awaitable<typename detail::joined_list<detail::source_t<detail::source_in<Range>>>::type> join(
    Range&& sources, std::source_location where = std::source_location::current()) {
  detail::require_sources_in<Range>();
  if constexpr (detail::source<detail::source_in<Range>>)
    return detail::join_list(detail::kept_sources(std::forward<Range>(sources)), where);
  else
    return {};
}

/// Runs several sources at once; the first to complete cancels the others, which are waited for:
///
///     auto [answer, late] = co_await race(ask(server), sleep(1s));
///     if (answer) ...
///
/// Each result is an optional: that of the winner is set, and those of others that completed all the same. If the first
/// completion is an error, it is thrown when all have ended, or an `exception_group` if more errors followed. Errors that
/// follow a value go to the loop's exception handler.
///
/// Cancellation: as that of `join`. But a value of a child goes before it: the results are given, so that none is lost,
/// and the cancellation is delivered at the caller's next wait. Throws: as `join`.
template <class... Sources>
awaitable<std::tuple<std::optional<detail::or_monostate<detail::source_t<Sources>>>...>> race(Sources&&... sources) {
  static_assert(sizeof...(Sources) > 0, "race needs something that can complete");
  detail::require_sources<Sources...>();
  if constexpr (sizeof...(Sources) > 0 && (detail::source<Sources> && ...))
    return detail::race_all(detail::kept_pack(std::forward<Sources>(sources)...), std::source_location::current());
  else
    return {};
}

/// The same for a range of sources of one type: gives a vector of optionals. Throws also: `std::invalid_argument` for an
/// empty range.
template <detail::source_range Range>
awaitable<std::vector<std::optional<detail::or_monostate<detail::source_t<detail::source_in<Range>>>>>> race(
    Range&& sources, std::source_location where = std::source_location::current()) {
  detail::require_sources_in<Range>();
  if constexpr (detail::source<detail::source_in<Range>>) {
    auto kept = detail::kept_sources(std::forward<Range>(sources));
    detail::check_contestants(kept.size());
    return detail::race_list(std::move(kept), where);
  } else {
    return {};
  }
}

/// Calls `f(element)` for each element of a range, runs at most `limit` of the coroutines at once, and gives the results
/// in the order of the elements; nothing for coroutines without a value:
///
///     std::vector<page> pages = co_await map_concurrent(urls, fetch, 8);
///
/// f is called in the caller's task, one element after the other, when there is room. A range with a name is referred to,
/// not copied: it must live until map_concurrent has ended, as it does in a co_await. An element that the range makes on
/// the way lives as long as the call of f: take it by value. The first error, also one that f or the range throws, cancels
/// the others and is thrown when all have ended; the remaining elements are left out.
///
/// Cancellation: as that of `join`. Throws: as `join`, and `std::invalid_argument` for a limit below 1.
template <std::ranges::viewable_range Range, class F>
auto map_concurrent(Range&& range, F&& f, std::ptrdiff_t limit,
                    std::source_location where = std::source_location::current()) {
  using view = std::views::all_t<Range>;
  using element = std::ranges::range_reference_t<view>;
  using function = std::decay_t<F>;
  static_assert(std::invocable<function&, element>, "map_concurrent calls f(element) for each element of the range");
  static_assert(detail::safe_in_await<F>,
                "capture by reference, or name the lambda first: this compiler destroys a "
                "temporary closure with owning captures twice in an expression with co_await");
  if constexpr (std::invocable<function&, element>) {
    using result = std::invoke_result_t<function&, element>;
    detail::require_source<result>();
    if constexpr (detail::source<result>) {
      const std::size_t checked = detail::checked_limit(limit);
      return detail::map_all<view, function>(std::views::all(std::forward<Range>(range)), function(std::forward<F>(f)),
                                             checked, where);
    }
  }
}

RONDO_END_NAMESPACE
