// gather: several things at once, with their results in the order of the arguments.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/children.hpp>
#include <rondo/detail/watch.hpp>

#include <cstddef>
#include <optional>
#include <source_location>
#include <string>
#include <tuple>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

RONDO_BEGIN_NAMESPACE

/// What `gather` returns: a future that its children complete. Users cannot set it.
///
/// `cancelled()` is never true: a cancelled gather ends with a `cancelled_error` as its exception, as in asyncio.
template <class T = void>
class gather_future : public future<T> {
public:
  gather_future() noexcept = default;

  /// Cancels all children that are not done. Returns true if one of them accepted that; then it ends with a
  /// `cancelled_error` in any case. Once it is done, the children that go on are left alone.
  using future<T>::cancel;

  /// Calls `f(gather_future)` or `f()` when it is done; see `future::add_done_callback`.
  template <class F>
  callback_id add_done_callback(F&& f, std::optional<context> c = std::nullopt) const {
    return this->template add_callback<gather_future>(std::forward<F>(f), std::move(c));
  }

protected:
  explicit gather_future(detail::ref<detail::future_state_base> state) noexcept : future<T>(std::move(state)) {}

  template <class Handle>
  friend Handle detail::make_handle(detail::ref<detail::future_state_base>);
};

namespace detail {

class gather_state_base;

/// What a gather has of each of its children: the future, and the watch for its end.
class RONDO_EXPORT gather_child final : public watch_node {
public:
  /// The future is here until the gather is done.
  future_state_base& future() const noexcept { return *subject_; }
  bool has_future() const noexcept { return subject_ != nullptr; }
  void keep(ref<future_state_base> future) noexcept { subject_ = std::move(future); }
  void let_go() noexcept {
    if (!watching()) subject_.reset();
  }

  gather_state_base* owner = nullptr;
  bool own = false;      // a task made for this gather
  bool was_done = false; // when the gather began

private:
  void done(future_state_base& state) noexcept override;
  void abandoned() noexcept override;
};

/// The state of a gather. The children follow it in the same block of memory; see gather_state.
///
/// Children that are not done hold one reference together, as the callbacks do that asyncio's gather registers.
class RONDO_EXPORT gather_state_base : public future_state_base {
public:
  ~gather_state_base() override;

  bool cancel(optional_text message) final;
  std::string describe() const final;

protected:
  /// What becomes of a child's exception.
  enum class errors : bool { end_it, are_values };

  gather_state_base(loop_core& core, errors e, void* memory_behind, std::size_t count) noexcept;

  bool take_last_words(exception_context& c) final;

  static void* allocate(std::size_t size, std::size_t alignment, std::size_t children);
  static void deallocate(void* memory, std::size_t alignment) noexcept;

  gather_child* const children_;
  const std::size_t count_;

private:
  friend gather_child;
  friend class gather_start;

  /// Stores the results of all children, which are done, in the cell.
  virtual void collect() = 0;

  void child_done(future_state_base& child) noexcept;
  void watched_child_done(future_state_base& child) noexcept;
  void watch_ended() noexcept;
  void complete() noexcept;
  void store_results() noexcept;
  void fail(std::exception_ptr error) noexcept;
  void end_visit() noexcept;
  void release_children() noexcept;

  std::size_t unfinished_ = 0; // children whose end has not been looked at; one that is given twice counts once
  std::size_t watched_ = 0;    // those that the gather waits for
  const errors errors_;
  bool visiting_ = false; // the children are needed although the gather may be done
  bool cancelling_ = false;
  bool cancel_requested_ = false;
};

/// Fills a gather with its children, in the order of the arguments.
class RONDO_EXPORT gather_start {
public:
  gather_start(gather_state_base& state, bool duplicates) noexcept : state_(state), duplicates_(duplicates) {}
  gather_start(const gather_start&) = delete;
  gather_start& operator=(const gather_start&) = delete;

  /// Something was thrown in the middle: the tasks that were made are cancelled before their first step.
  ~gather_start();

  void add(ref<future_state_base> future, bool own);

  template <class S>
  void add_source(S&& s, std::source_location where) {
    add(start_child(state_.core(), std::forward<S>(s), where), !any_handle<S>);
  }

  /// All children are there. If they are done already, so is the gather.
  void finish() noexcept;

private:
  gather_state_base& state_;
  std::size_t added_ = 0;
  const bool duplicates_;
  bool finished_ = false;
  std::unordered_set<const void*> seen_;
};

RONDO_EXPORT std::exception_ptr settled_error(future_state_base& state);

template <class T>
settled<T> settled_child(gather_child& c) {
  try {
    if (std::exception_ptr error = settled_error(c.future())) return settled<T>(std::move(error));
    if constexpr (std::is_void_v<T>)
      return settled<void>();
    else
      return settled<T>(child_value<T>(c.future(), c.own));
  } catch (...) { // a value that was taken, or that could not be copied
    return settled<T>(std::current_exception());
  }
}

/// How the outcomes of children become the result of a gather.
template <class... Ts>
struct tuple_of_values {
  using result = std::tuple<or_monostate<Ts>...>;
  static constexpr bool settles = false;

  static void collect(value_cell<result>& cell, gather_child* c) { collect(cell, c, std::index_sequence_for<Ts...>()); }

private:
  template <std::size_t... I>
  static void collect(value_cell<result>& cell, [[maybe_unused]] gather_child* c, std::index_sequence<I...>) {
    cell.emplace(child_value<Ts>(c[I].future(), c[I].own)...);
  }
};

template <class... Ts>
struct tuple_of_settled {
  using result = std::tuple<settled<Ts>...>;
  static constexpr bool settles = true;

  static void collect(value_cell<result>& cell, gather_child* c) { collect(cell, c, std::index_sequence_for<Ts...>()); }

private:
  template <std::size_t... I>
  static void collect(value_cell<result>& cell, [[maybe_unused]] gather_child* c, std::index_sequence<I...>) {
    cell.emplace(settled_child<Ts>(c[I])...);
  }
};

template <class T>
struct list_of_values {
  using result = std::vector<T>;
  static constexpr bool settles = false;

  static void collect(value_cell<result>& cell, gather_child* c, std::size_t count) {
    result all;
    all.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
      all.push_back(child_value<T>(c[i].future(), c[i].own));
    cell.emplace(std::move(all));
  }
};

template <>
struct list_of_values<void> {
  using result = void;
  static constexpr bool settles = false;

  static void collect(value_cell<void>&, gather_child*, std::size_t) noexcept {}
};

template <class T>
struct list_of_settled {
  using result = std::vector<settled<T>>;
  static constexpr bool settles = true;

  static void collect(value_cell<result>& cell, gather_child* c, std::size_t count) {
    result all;
    all.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
      all.push_back(settled_child<T>(c[i]));
    cell.emplace(std::move(all));
  }
};

template <class Results>
class gather_state final : public gather_state_base {
public:
  using result = typename Results::result;

  static ref<gather_state> create(loop_core& core, std::size_t children) {
    return ref<gather_state>(new (children) gather_state(core, children));
  }

  void* cell() noexcept override { return &cell_; }

  static void* operator new(std::size_t size, std::size_t children) {
    return allocate(size, alignof(gather_state), children);
  }
  static void operator delete(void* memory, std::size_t) noexcept { deallocate(memory, alignof(gather_state)); }
  static void operator delete(void* memory) noexcept { deallocate(memory, alignof(gather_state)); }

private:
  gather_state(loop_core& core, std::size_t count) noexcept
      : gather_state_base(core, Results::settles ? errors::are_values : errors::end_it, this + 1, count) {}

  void collect() override {
    if constexpr (requires { Results::collect(cell_, children_, count_); })
      Results::collect(cell_, children_, count_);
    else
      Results::collect(cell_, children_);
  }

  value_cell<result> cell_;
};

template <class Results, class... Sources>
gather_future<typename Results::result> gather_all(const char* call, [[maybe_unused]] std::source_location where,
                                                   Sources&&... sources) {
  children_check check(call);
  (check.add(sources), ...);
  auto state = gather_state<Results>::create(check.core(), sizeof...(sources));
  gather_start start(*state, check.duplicates());
  (start.add_source(std::forward<Sources>(sources), where), ...);
  start.finish();
  return make_handle<gather_future<typename Results::result>>(std::move(state));
}

template <class Results, class R>
gather_future<typename Results::result> gather_range(const char* call, std::source_location where, R&& range) {
  return with_lasting_sources(std::forward<R>(range), [&]<class Lasting>(std::size_t count, Lasting&& sources) {
    children_check check(call);
    for (auto& s : sources)
      check.add(s);
    auto state = gather_state<Results>::create(check.core(), count);
    gather_start start(*state, check.duplicates());
    for (auto& s : sources)
      start.add_source(static_cast<source_in<Lasting>&&>(s), where);
    start.finish();
    return make_handle<gather_future<typename Results::result>>(std::move(state));
  });
}

template <class S>
using child_t = typename task_value<S>::type;

} // namespace detail

/// Runs several sources at once and gives their results in the order of the arguments:
///
///     auto [page, user] = co_await gather(fetch(url), find_user(id));
///     std::vector<int> sizes = co_await gather(std::move(coroutines));
///
/// Coroutines, operations and callables become tasks; a handle that is given twice counts once. The first exception, also
/// a child's cancellation, ends the gather at once, while the others go on and later exceptions of theirs are dropped: so
/// pass values and not references, or use `join`. A void source has a `std::monostate` in the tuple. Children that are
/// all done when gather is called, or none at all, give a gather that is done.
///
/// Cancellation: a cancel of the gather, or of a task that awaits it, cancels all children that are not done, and the
/// gather ends with a `cancelled_error`: at the end of the first child that was cancelled, or, if all of them refuse, of
/// the last. Throws: `std::invalid_argument` for handles of different loops, `std::logic_error` for an empty one,
/// `std::runtime_error` without a running loop; nothing was started then. asyncio: `gather`.
template <class... Sources>
gather_future<std::tuple<detail::or_monostate<detail::child_t<Sources>>...>> gather(Sources&&... sources) {
  detail::require_sources<Sources...>();
  if constexpr ((detail::source<Sources> && ...))
    return detail::gather_all<detail::tuple_of_values<detail::child_t<Sources>...>>(
        "gather", std::source_location::current(), std::forward<Sources>(sources)...);
  else
    return {};
}

/// The same for a range of sources of one type: gives a vector, or nothing for void sources. A container of coroutines
/// or operations is passed with `std::move`; one of handles or callables may be an lvalue, and is copied from.
template <detail::source_range Range>
auto gather(Range&& sources, std::source_location where = std::source_location::current()) {
  detail::require_sources_in<Range>();
  using results = detail::list_of_values<detail::child_t<detail::source_in<Range>>>;
  if constexpr (detail::source<detail::source_in<Range>>)
    return detail::gather_range<results>("gather", where, std::forward<Range>(sources));
  else
    return gather_future<typename results::result>();
}

/// As `gather`, but waits for all children, and gives exceptions and cancellations as values: a tuple of `settled<T>`.
///
/// Cancellation: as that of `gather`; it ends with the `cancelled_error` when all children have ended.
/// asyncio: `gather(..., return_exceptions=True)`.
template <class... Sources>
gather_future<std::tuple<settled<detail::child_t<Sources>>...>> gather_settled(Sources&&... sources) {
  detail::require_sources<Sources...>();
  if constexpr ((detail::source<Sources> && ...))
    return detail::gather_all<detail::tuple_of_settled<detail::child_t<Sources>...>>(
        "gather_settled", std::source_location::current(), std::forward<Sources>(sources)...);
  else
    return {};
}

/// The same for a range of sources of one type: gives a `std::vector<settled<T>>`.
template <detail::source_range Range>
auto gather_settled(Range&& sources, std::source_location where = std::source_location::current()) {
  detail::require_sources_in<Range>();
  using results = detail::list_of_settled<detail::child_t<detail::source_in<Range>>>;
  if constexpr (detail::source<detail::source_in<Range>>)
    return detail::gather_range<results>("gather_settled", where, std::forward<Range>(sources));
  else
    return gather_future<typename results::result>();
}

RONDO_END_NAMESPACE
