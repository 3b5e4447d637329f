// shield: a wait whose cancellation does not reach what is waited for.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/watch.hpp>
#include <rondo/task.hpp>

#include <source_location>
#include <string>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// The outer future of a shield: it follows the inner one, and can be cancelled without it.
///
///     awaiter --> outer (this) --- link_: a watch ---> inner
///
/// While it watches it keeps itself alive, since the inner one may be all that is left. After a cancellation of the outer
/// the watch stays as that which reports an exception of the inner one.
class RONDO_EXPORT shield_state_base : public future_state_base {
public:
  bool cancel(optional_text message) final;
  std::string describe() const final;

  /// Begins to follow `inner`, which is pending.
  void follow(ref<future_state_base> inner) noexcept;

protected:
  using future_state_base::future_state_base;

  /// Copies or moves the value out of the inner future.
  virtual void take_value(future_state_base& inner) = 0;

private:
  class link final : public watch_node {
  public:
    explicit link(shield_state_base& o) noexcept : outer(o) {}
    shield_state_base& outer;

  private:
    void done(future_state_base& inner) noexcept override;
    void abandoned() noexcept override;
  };

  /// The turn of asyncio's done callback of the outer future, after it was cancelled.
  class cut final : public ready_node {
  public:
    explicit cut(shield_state_base& o) noexcept : outer(o) {}
    void run() noexcept override;
    void drop() noexcept override;

  private:
    shield_state_base& outer;
  };

  void settle_from(future_state_base& inner) noexcept;
  void become_reporter() noexcept;
  void report(future_state_base& inner) noexcept;
  void let_go() noexcept;

  ref<future_state_base> inner_; // while it is watched
  bool reporting_ = false;
  link link_{*this};
  cut cut_{*this};
};

template <class T>
class shield_state final : public shield_state_base {
public:
  using shield_state_base::shield_state_base;

  void* cell() noexcept override { return &cell_; }

private:
  void take_value(future_state_base& inner) override {
    if constexpr (std::is_void_v<T>)
      take_result<void>(inner);
    else
      cell_.emplace(take_result<T>(inner));
  }

  value_cell<T> cell_;
};

/// Throws if the future cannot be followed from here.
RONDO_EXPORT void check_shield(const future_state_base& inner);

template <class T>
future<T> shield_future(ref<future_state_base> inner) {
  check_shield(*inner);
  if (inner->done()) return make_handle<future<T>>(std::move(inner));
  ref<shield_state<T>> outer(new shield_state<T>(inner->core()));
  outer->follow(std::move(inner));
  return make_handle<future<T>>(ref<future_state_base>(std::move(outer)));
}

} // namespace detail

/// A future that follows a source and can be cancelled without it: `co_await shield(save())`.
///
/// A cancellation of the awaiting task, also by a timeout around it, ends the wait at once and leaves the source running;
/// its result is dropped then, and an exception of it goes to the loop's exception handler, even if you ask for it
/// later, as in asyncio. If the source itself is cancelled, so is the future. Keep the task that you shield, to learn how
/// it ended; the end of the loop cancels it like any other. What is done already is given as it is.
///
/// A result that can only be moved is moved into the future, unless that was cancelled.
/// Throws: `std::runtime_error` without a running loop, for a source of which a task is made; `std::invalid_argument` for
/// a handle of another loop; `std::logic_error` for an empty one. asyncio: `shield`.
template <class S>
future<typename detail::task_value<S>::type> shield(S&& source,
                                                    std::source_location where = std::source_location::current()) {
  detail::require_task_source<S>();
  if constexpr (detail::source<S>) {
    using value = detail::source_value_t<S>;
    static_assert(!detail::coroutine_callable<S> || detail::safe_in_await<S>,
                  "shield: capture by reference, or name the lambda first: this compiler destroys a temporary closure "
                  "with owning captures twice in an expression with co_await");
    if constexpr (detail::handle<S>) {
      return detail::shield_future<value>(detail::ref<detail::future_state_base>(&source.state("shield")));
    } else {
      const auto inner = detail::spawn(detail::running_core(), std::forward<S>(source), task_options(), where);
      return detail::shield_future<value>(detail::ref<detail::future_state_base>(&inner.state("shield")));
    }
  } else {
    return {};
  }
}

RONDO_END_NAMESPACE
