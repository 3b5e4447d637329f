// wait: wait for several tasks and futures, and take nothing from them.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/handles.hpp>
#include <rondo/detail/limit_timer.hpp>
#include <rondo/detail/watch.hpp>
#include <rondo/time.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

RONDO_BEGIN_NAMESPACE

/// When `wait` ends.
enum class return_when {
  first_completed, ///< with the first that is done, in whatever way
  first_exception, ///< with the first exception; a cancelled one does not count. Without exceptions: when all are done
  all_completed,   ///< when all are done
};

/// How to wait: `wait_options().timeout(1s).return_when(return_when::first_completed)`.
class RONDO_EXPORT wait_options {
public:
  wait_options() = default;

  /// How long to wait at most; by default without limit.
  wait_options& timeout(time_limit limit) & { return timeout_ = limit, *this; }
  wait_options&& timeout(time_limit limit) && { return std::move(timeout(limit)); }

  wait_options& return_when(rondo::return_when when) & { return return_when_ = when, *this; }
  wait_options&& return_when(rondo::return_when when) && { return std::move(return_when(when)); }

  time_limit timeout() const noexcept { return timeout_; }
  rondo::return_when return_when() const noexcept { return return_when_; }

private:
  time_limit timeout_ = std::nullopt;
  rondo::return_when return_when_ = rondo::return_when::all_completed;
};

/// What `wait` gives: `auto [done, pending] = co_await wait(tasks);`
///
/// Both have the order of the arguments, without duplicates. E is the kind of handle that was given.
template <class E>
class wait_result {
public:
  wait_result() = default;

  /// Whether it is in `done`.
  bool contains(const any_future& f) const { return std::find(done.begin(), done.end(), f) != done.end(); }

  std::vector<E> done;
  std::vector<E> pending;
};

namespace detail {

/// What a wait for a set does whatever the handles are.
///
///     future --> watch --+              the handles stay where they are: Derived has them
///     future --> watch --+--> release --> ready queue --> the coroutine
///     time limit --------+
///
/// The watches and the timer live until the coroutine goes on, as asyncio's callbacks do, and `release` counts once.
class RONDO_EXPORT wait_set : public wait_node {
public:
  bool cancel(optional_text& message) noexcept final;
  loop_core* home() noexcept final { return &item(0).core(); }
  std::string waits_for() const final;

protected:
  explicit wait_set(const wait_options& options) noexcept : options_(options) {}
  wait_set(wait_set&& other) noexcept : options_(other.options_) {} // before it begins
  ~wait_set() = default;

  virtual std::size_t size() const noexcept = 0;
  virtual future_state_base& item(std::size_t i) const noexcept = 0;

private:
  class watcher final : public watch_node {
  public:
    void watch(wait_set& owner, future_state_base& state) noexcept;

  private:
    void done(future_state_base& state) noexcept override;
    void abandoned() noexcept override {}

    wait_set* owner_ = nullptr;
  };

  class limit final : public limit_timer {
  public:
    void arm(wait_set& owner);

  private:
    void expired() noexcept override;

    wait_set* owner_ = nullptr;
  };

  void park() final;
  void completed(future_state_base& state) noexcept;
  void release() noexcept;

  const wait_options options_;
  bool released_ = false;
  std::size_t left_ = 0;
  std::unique_ptr<watcher[]> watchers_;
  limit limit_;
};

/// `co_await wait(...)`.
template <class E>
class [[nodiscard]] wait_set_op final : public wait_op<wait_result<E>, wait_set_op<E>, wait_set> {
  using base = wait_op<wait_result<E>, wait_set_op, wait_set>;

public:
  wait_set_op(std::vector<E> handles, const wait_options& options) : base(options), handles_(std::move(handles)) {}
  wait_set_op(wait_set_op&&) noexcept = default;

private:
  friend base;

  std::size_t size() const noexcept override { return handles_.size(); }
  future_state_base& item(std::size_t i) const noexcept override { return handles_[i].state("wait"); }

  wait_result<E> take() {
    // Asked only now: who was done in the same pass is in the set, too.
    wait_result<E> result;
    for (E& h : handles_)
      (h.done() ? result.done : result.pending).push_back(std::move(h));
    return result;
  }

  std::vector<E> handles_;
};

[[noreturn]] RONDO_EXPORT void throw_nothing_to_wait_for();

template <class E>
wait_set_op<E> wait_for_handles(std::vector<E> handles, const wait_options& options) {
  if (handles.empty()) throw_nothing_to_wait_for();
  for (const E& h : handles)
    (void)h.state("wait");
  drop_duplicates(handles);
  return wait_set_op<E>(std::move(handles), options);
}

template <class R>
auto handles_in(R&& range) {
  using handles = std::vector<std::remove_cvref_t<std::ranges::range_reference_t<R>>>;
  if constexpr (std::is_same_v<R, handles>) {
    return std::move(range);
  } else {
    handles all;
    for (auto&& h : range)
      all.push_back(h);
    return all;
  }
}

/// Sorts out the arguments of `wait`: a range or several handles, then perhaps the options.
template <class... Args>
struct wait_arguments {
  using all = std::tuple<Args...>;
  static constexpr std::size_t count = sizeof...(Args);

  template <std::size_t... I>
  static constexpr bool have_options(std::index_sequence<I...>) {
    return (... || (I + 1 == count && std::is_same_v<std::remove_cvref_t<std::tuple_element_t<I, all>>, wait_options>));
  }
  static constexpr bool with_options = have_options(std::index_sequence_for<Args...>());
  using handles = std::make_index_sequence<count - (with_options ? 1 : 0)>;

  template <std::size_t... I>
  static constexpr bool one_range(std::index_sequence<I...>) {
    return sizeof...(I) == 1 && (... && handle_range<std::tuple_element_t<I, all>>);
  }
  template <std::size_t... I>
  static constexpr bool all_handles(std::index_sequence<I...>) {
    return sizeof...(I) > 0 && (... && any_handle<std::tuple_element_t<I, all>>);
  }
  template <std::size_t... I>
  static constexpr bool same_kind(std::index_sequence<I...>) {
    return (... && std::is_same_v<std::remove_cvref_t<std::tuple_element_t<I, all>>,
                                  std::remove_cvref_t<std::tuple_element_t<0, all>>>);
  }

  template <class... A>
  static wait_options options(const std::tuple<A...>& args) {
    if constexpr (with_options)
      return std::get<count - 1>(args);
    else
      return wait_options();
  }

  template <class... A, std::size_t... I>
  static auto pack(const std::tuple<A...>& args, std::index_sequence<I...>) {
    std::vector<std::remove_cvref_t<std::tuple_element_t<0, all>>> handles;
    handles.reserve(sizeof...(I));
    (handles.push_back(std::get<I>(args)), ...);
    return handles;
  }
};

} // namespace detail

/// Handles of different types as a set of one type: `wait(any_futures(task_of_int, future_of_text))`.
template <class... Handles>
std::vector<any_future> any_futures(const Handles&... handles) {
  static_assert((... && detail::any_handle<Handles>),
                "any_futures takes tasks and futures; make a task with create_task");
  std::vector<any_future> all;
  if constexpr ((... && detail::any_handle<Handles>)) {
    all.reserve(sizeof...(Handles));
    (all.push_back(static_cast<const any_future&>(handles)), ...);
  }
  return all;
}

/// Waits until some or all of a set of tasks and futures are done, and says which:
///
///     auto [done, pending] = co_await wait(tasks, wait_options().timeout(1s));
///     auto first = co_await wait(a, b, wait_options().return_when(return_when::first_completed));
///
/// The set is a range of handles, or handles of one type one after the other; for different types `any_futures`. By
/// default it waits for all. Nothing is taken from the futures and none is cancelled: what is late goes on, and when the
/// time limit ends the wait, that is no error. It always takes at least two passes of the loop, also if all are done.
///
/// Cancellation: the wait ends and the futures go on. Throws: `std::invalid_argument` for an empty set, and when awaited
/// for a handle of another loop; `std::logic_error` for an empty handle. asyncio: `wait`.
template <class... Args>
auto wait(Args&&... args) {
  using given = detail::wait_arguments<Args...>;
  using handles = typename given::handles;
  if constexpr (given::one_range(handles())) {
    const auto all = std::forward_as_tuple(std::forward<Args>(args)...);
    return detail::wait_for_handles(detail::handles_in(std::get<0>(std::forward_as_tuple(std::forward<Args>(args)...))),
                                    given::options(all));
  } else if constexpr (given::all_handles(handles())) {
    static_assert(given::same_kind(handles()), "wait takes handles of one type: put different ones into a set with "
                                               "any_futures(a, b)");
    if constexpr (given::same_kind(handles())) {
      const auto all = std::forward_as_tuple(args...);
      return detail::wait_for_handles(given::pack(all, handles()), given::options(all));
    }
  } else {
    static_assert(detail::always_false<Args...>,
                  "wait takes tasks and futures, as a range or one after the other, and then perhaps wait_options(); "
                  "make a task with create_task");
  }
}

RONDO_END_NAMESPACE
