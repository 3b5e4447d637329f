// as_completed: tasks and futures in the order in which they are done.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/handles.hpp>
#include <rondo/detail/limit_timer.hpp>
#include <rondo/detail/watch.hpp>
#include <rondo/task.hpp>
#include <rondo/time.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <ranges>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace detail {

class completion_wait;

/// What the consumers of one `as_completed` share: asyncio's queue between the completions and those who wait.
///
///     future --> watch -+                                  +--> consumer
///     future --> watch -+--> order_: 2, 0, timeout --------+--> consumer ...   consumers_, first come, first woken
///     time limit -------+
///
/// Every input leaves one entry in `order_`: its number, or a mark if the time limit ended the wait for it. `unclaimed_`
/// are the entries, also future ones, that no consumer has asked for. The object and its consumers keep this alive, the
/// futures do not: when it goes, the watches go.
class RONDO_EXPORT completion_queue : public counted {
public:
  loop_core& core() const noexcept { return *core_; }

  bool empty() const noexcept { return taken_ == order_.size(); }
  bool over() const noexcept { return unclaimed_ == 0; }
  void claim() noexcept { --unclaimed_; }

  /// A consumer that was cancelled takes nothing: another one will, perhaps one that waits already.
  void give_back() noexcept;

  void add_consumer(completion_wait& consumer) noexcept { consumers_.push_back(consumer); }

  /// Takes the next entry: the number of an input. Throws `timeout_error`.
  std::size_t take();

  std::string waits_for() const;

protected:
  explicit completion_queue(loop_core& core) noexcept : core_(&core) {}
  ~completion_queue() override;

  /// Begins; the inputs do not change any more.
  void start(time_limit limit);

  virtual std::size_t size() const noexcept = 0;
  virtual future_state_base& item(std::size_t i) const noexcept = 0;

private:
  class watcher final : public watch_node {
  public:
    void watch(completion_queue& owner, future_state_base& state) noexcept;

  private:
    void done(future_state_base&) noexcept override;
    void abandoned() noexcept override {}

    completion_queue* owner_ = nullptr;
  };

  class timer final : public limit_timer {
  public:
    void arm(completion_queue& owner, time_limit limit);

  private:
    void expired() noexcept override;

    completion_queue* owner_ = nullptr;
  };

  void put(std::size_t entry) noexcept;
  void wake_next() noexcept;
  void time_out() noexcept;

  static constexpr std::size_t timed_out = ~std::size_t(0);

  const ref<loop_core> core_;
  std::unique_ptr<watcher[]> watchers_;
  timer timer_;
  time_limit limit_ = std::nullopt;
  std::vector<std::size_t> order_; // has room for all entries from the start
  std::size_t taken_ = 0;          // entries of `order_` that consumers have
  std::size_t unclaimed_ = 0;
  list<completion_wait, ready_node> consumers_;
};

template <class E>
class completions_of final : public completion_queue {
public:
  completions_of(loop_core& core, std::vector<E> items, time_limit limit)
      : completion_queue(core), items_(std::move(items)) {
    start(limit);
  }

  const E& operator[](std::size_t i) const noexcept { return items_[i]; }

private:
  std::size_t size() const noexcept override { return items_.size(); }
  future_state_base& item(std::size_t i) const noexcept override { return items_[i].state("as_completed"); }

  const std::vector<E> items_;
};

/// What waiting for the next completion does whatever the handles are.
///
/// Being woken is not yet having an entry: somebody who came later but did not have to wait may have taken it. Then the
/// wait goes on, at the end of the line, as that of a getter of asyncio's queue does.
class RONDO_EXPORT completion_wait : public wait_node {
public:
  bool ready() const noexcept;
  bool cancel(optional_text& message) noexcept final;
  loop_core* home() noexcept final { return &queue_->core(); }
  std::string waits_for() const final { return queue_->waits_for(); }
  void run() noexcept final;

  /// It is first in line, and there is an entry.
  void called() noexcept;

protected:
  explicit completion_wait(ref<completion_queue> queue) noexcept : queue_(std::move(queue)) {}
  completion_wait(completion_wait&& other) noexcept : queue_(std::move(other.queue_)) {} // before it begins
  ~completion_wait();

  /// The number of the input that is done; nothing after the last one.
  std::optional<std::size_t> take_entry();

  completion_queue& queue() const noexcept { return *queue_; }

private:
  void park() final;
  void queue_up() noexcept;

  ref<completion_queue> queue_;
  bool claimed_ = false; // one of the entries is this one's, and not taken yet
  bool in_line_ = false;
  bool ended_ = false;
};

/// `co_await items.next()`.
template <class E>
class [[nodiscard]] next_completion_op final
    : public wait_op<std::optional<E>, next_completion_op<E>, completion_wait> {
  using base = wait_op<std::optional<E>, next_completion_op, completion_wait>;

public:
  explicit next_completion_op(ref<completion_queue> queue) noexcept : base(std::move(queue)) {}
  next_completion_op(next_completion_op&&) noexcept = default;

private:
  friend base;

  std::optional<E> take() {
    const std::optional<std::size_t> i = this->take_entry();
    if (!i) return std::nullopt;
    return static_cast<completions_of<E>&>(this->queue())[*i];
  }
};

} // namespace detail

/// The tasks or futures of an `as_completed`, one after the other. E is the kind of handle.
///
/// It can be moved, also while somebody waits in `next()`, and destroyed at any time: what runs goes on.
template <class E>
class [[nodiscard]] completions {
public:
  using value_type = E;

  completions() noexcept = default;
  completions(completions&&) noexcept = default;
  completions& operator=(completions&&) noexcept = default;

  /// The next one that is done, as a handle; empty after the last: `while (auto t = co_await items.next()) ...`
  ///
  /// It gives the handle and not the result, so a failure throws where you ask for the result, and not here. If one is
  /// done already that nobody has taken, the coroutine goes on at once. Several tasks may wait; they are woken in the
  /// order in which they came. Cancellation: nothing is lost, the next call gets what this one would have got.
  /// Throws: `timeout_error` for every one that was not done when the time limit ran out; `std::runtime_error` on
  /// another loop.
  detail::next_completion_op<E> next() {
    if (!queue_) detail::throw_empty_handle("as_completed: next");
    return detail::next_completion_op<E>(queue_);
  }

  // For the library itself.
  explicit completions(detail::ref<detail::completions_of<E>> queue) noexcept : queue_(std::move(queue)) {}

private:
  detail::ref<detail::completion_queue> queue_;
};

namespace detail {

/// A time limit, and where in the source it stands: a pack has no room for a default argument after it.
class limit_here {
public:
  template <std::convertible_to<time_limit> L>
  limit_here(L&& l, std::source_location w = std::source_location::current()) : limit(std::forward<L>(l)), where(w) {}

  time_limit limit;
  std::source_location where;
};

/// The handle for a source: itself, or the task that is made for it.
template <class S>
struct completion_handle {
  using type = task<source_value_t<S>>;
};
template <any_handle S>
struct completion_handle<S> {
  using type = std::remove_cvref_t<S>;
};
template <class S>
using completion_handle_t = typename completion_handle<S>::type;

template <class S>
concept completion_source = any_handle<S> || source<S>;

/// The one kind of handle for several sources: theirs, or else a future of their common type.
template <class First, class... Rest>
struct common_handle {
  static constexpr bool same = (... && std::is_same_v<First, Rest>);
  using type = First;
};
template <class First, class... Rest>
  requires(!(... && std::is_same_v<First, Rest>)) && handle<First> && (... && handle<Rest>) &&
          (... && std::is_same_v<typename First::value_type, typename Rest::value_type>)
struct common_handle<First, Rest...> {
  static constexpr bool same = true;
  using type = future<typename First::value_type>;
};

template <class S>
void check_completion_source(const loop_core& core, const S& s) {
  if constexpr (any_handle<S>) check_same_loop("as_completed", core, s.state("as_completed"));
}

template <class E, class S>
E handle_for(loop_core& core, S&& s, std::source_location where) {
  if constexpr (std::is_same_v<std::remove_cvref_t<S>, E>) {
    return s;
  } else if constexpr (any_handle<S>) {
    return make_handle<E>(ref<future_state_base>(&s.state("as_completed")));
  } else {
    require_task_source<S>();
    const auto t = spawn(core, std::forward<S>(s), task_options(), where);
    return handle_for<E>(core, t, where);
  }
}

template <class E>
completions<E> completions_for(loop_core& core, std::vector<E> items, time_limit limit) {
  drop_duplicates(items);
  return completions<E>(ref<completions_of<E>>(new completions_of<E>(core, std::move(items), limit)));
}

template <class R>
inline constexpr bool owns_elements = !std::is_lvalue_reference_v<R> && !std::ranges::view<std::remove_cvref_t<R>>;

template <class R>
using range_source = std::conditional_t<owns_elements<R>, std::remove_reference_t<std::ranges::range_reference_t<R>>&&,
                                        std::ranges::range_reference_t<R>>;

template <class R>
auto complete_range(R&& sources, time_limit limit, std::source_location where) {
  using element = range_source<R>;
  using handle_type = completion_handle_t<element>;
  loop_core& core = running_core();
  // Handles first: a bad one must be found before any task has been made.
  if constexpr (any_handle<element> && std::ranges::forward_range<R>)
    for (auto&& s : sources)
      check_completion_source(core, s);
  std::vector<handle_type> items;
  for (auto&& s : sources) {
    check_completion_source(core, s);
    items.push_back(handle_for<handle_type>(core, static_cast<element&&>(s), where));
  }
  return completions_for(core, std::move(items), limit);
}

template <class... S>
auto complete_pack(time_limit limit, std::source_location where, S&&... sources) {
  using handle_type = typename common_handle<completion_handle_t<S>...>::type;
  loop_core& core = running_core();
  (check_completion_source(core, sources), ...);
  std::vector<handle_type> items;
  items.reserve(sizeof...(S));
  (items.push_back(handle_for<handle_type>(core, std::forward<S>(sources), where)), ...);
  return completions_for(core, std::move(items), limit);
}

} // namespace detail

/// Runs sources at the same time and gives them in the order in which they are done:
///
///     auto items = as_completed(tasks, 10s);
///     while (auto t = co_await items.next()) use(t->result());
///
/// `sources` is a range of tasks, futures, or sources of which tasks are made (pass a container of coroutines with
/// std::move). `next()` gives the very handles that were passed, so they can be compared, each of them once. The time
/// limit counts from here; those that are not done then are not cancelled. A completion takes two passes to its consumer.
///
/// Throws: `std::runtime_error("no running event loop")`; `std::invalid_argument` for a handle of another loop;
/// `std::logic_error` for an empty handle. asyncio: `as_completed`, its asynchronous form.
template <class R>
auto as_completed(R&& sources, time_limit limit = std::nullopt,
                  std::source_location where = std::source_location::current()) {
  if constexpr (std::ranges::input_range<R>) {
    constexpr bool valid = detail::completion_source<detail::range_source<R>>;
    static_assert(valid, "as_completed takes a range of tasks, futures, or coroutines and other things that can be "
                         "awaited");
    if constexpr (valid) return detail::complete_range(std::forward<R>(sources), limit, where);
  } else {
    static_assert(detail::always_false<R>, "as_completed takes a range: for single sources give the time limit first, "
                                           "as_completed(std::nullopt, a, b)");
  }
}

/// The same for sources of one type, with the time limit first: `as_completed(10s, fetch(a), fetch(b))`.
///
/// If tasks and futures of the same T are mixed, it gives a `future<T>` for each. For sources of different types make
/// tasks, and pass `any_futures(a, b)` as the range.
template <class First, class... Rest>
auto as_completed(detail::limit_here limit, First&& first, Rest&&... rest) {
  constexpr bool valid = detail::completion_source<First> && (... && detail::completion_source<Rest>);
  static_assert(valid, "as_completed takes tasks, futures, or coroutines and other things that can be awaited");
  if constexpr (valid) {
    constexpr bool same =
        detail::common_handle<detail::completion_handle_t<First>, detail::completion_handle_t<Rest>...>::same;
    static_assert(same, "as_completed takes sources of one type: for others make tasks, and pass any_futures(a, b)");
    if constexpr (same)
      return detail::complete_pack(limit.limit, limit.where, std::forward<First>(first), std::forward<Rest>(rest)...);
  }
}

/// For single sources without a time limit: asks for one.
template <class First, class Second, class... Rest>
  requires(!std::convertible_to<First, time_limit> && !std::convertible_to<Second, time_limit>)
auto as_completed(First&&, Second&&, Rest&&...) {
  static_assert(detail::always_false<First>, "as_completed takes a range, or the time limit and then single sources: "
                                             "as_completed(std::nullopt, a, b)");
}

RONDO_END_NAMESPACE
