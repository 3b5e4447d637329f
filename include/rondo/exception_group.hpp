// exception_group: several exceptions at once.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/config.hpp>

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// A reference to a predicate over exceptions.
struct exception_test {
  bool (*call)(void* self, const std::exception_ptr& error);
  void* self;
};

/// The two halves of an exception, or of the leaves of a group: what passes the test, and the rest.
using exception_halves = std::pair<std::exception_ptr, std::exception_ptr>;

RONDO_EXPORT exception_halves split_exception(const std::exception_ptr& error, exception_test test);

/// Calls `f(const E&)` inside a catch block if the exception is an E, and says whether it is.
template <class E, class F>
bool call_if_matches(const std::exception_ptr& error, F& f) {
  try {
    std::rethrow_exception(error);
  } catch (const E& e) {
    std::invoke(f, e);
    return true;
  } catch (...) {
    return false;
  }
}

template <class E, class F>
exception_test calling(F& f) noexcept {
  return {[](void* self, const std::exception_ptr& error) { return call_if_matches<E>(error, *static_cast<F*>(self)); },
          std::addressof(f)};
}

template <class Predicate>
exception_test asking(Predicate& p) noexcept {
  return {[](void* self, const std::exception_ptr& error) -> bool {
            return std::invoke(*static_cast<Predicate*>(self), error);
          },
          std::addressof(p)};
}

} // namespace detail

/// Several exceptions that travel as one, in the order in which they happened; members may be groups themselves.
///
/// `with_task_group` and `join` throw it. A member may be any exception, also one that is no `std::exception`, such as
/// `cancelled_error`. Copies are cheap: they share the members. Thread safety: it does not change once it is made.
///
///     try { ... }
///     catch (const rondo::exception_group& group) {
///       auto rest = group.handle<std::system_error>([](const std::system_error& e) { log(e); });
///       if (rest) std::rethrow_exception(rest);
///     }
///
/// asyncio: `BaseExceptionGroup` and `ExceptionGroup` in one.
class RONDO_EXPORT exception_group : public std::exception {
public:
  using const_iterator = std::vector<std::exception_ptr>::const_iterator;

  /// Throws: `std::invalid_argument` for no exceptions, or a null pointer among them.
  exception_group(std::string message, std::vector<std::exception_ptr> errors);
  exception_group(const exception_group&) noexcept;
  exception_group& operator=(const exception_group&) noexcept;
  ~exception_group() override;

  /// The message and a line or more for each member, nested groups indented.
  const char* what() const noexcept override;

  /// The text that was given to the constructor.
  const std::string& message() const noexcept;

  /// The members; a nested group is one of them.
  const std::vector<std::exception_ptr>& exceptions() const noexcept;

  const_iterator begin() const noexcept { return exceptions().begin(); }
  const_iterator end() const noexcept { return exceptions().end(); }
  std::size_t size() const noexcept { return exceptions().size(); }

  /// Two groups: the exceptions of type E at any depth, and the others; null where there are none.
  ///
  /// Both keep the nesting and the messages; groups that become empty go. asyncio: `split(type)`.
  template <class E>
  detail::exception_halves split() const {
    require_leaf<E>();
    auto nothing = [](const E&) {};
    return split_by(detail::calling<E>(nothing));
  }

  /// The same with a predicate over `std::exception_ptr`; it is asked about exceptions, not about the groups in between.
  template <class Predicate>
  detail::exception_halves split(Predicate predicate) const {
    static_assert(std::predicate<Predicate&, const std::exception_ptr&>,
                  "split takes bool f(const std::exception_ptr&); for a type: split<E>()");
    return split_by(detail::asking(predicate));
  }

  /// The exceptions of type E at any depth as a group, or null. asyncio: `subgroup(type)`.
  template <class E>
  std::exception_ptr subgroup() const {
    return split<E>().first;
  }

  /// The same with a predicate over `std::exception_ptr`.
  template <class Predicate>
  std::exception_ptr subgroup(Predicate predicate) const {
    return split(std::move(predicate)).first;
  }

  /// Calls `f(const E&)` for every exception of type E at any depth and returns the others as a group, null if none.
  ///
  /// An exception from f leaves at once. asyncio: `except* E`.
  template <class E, class F>
  [[nodiscard]] std::exception_ptr handle(F&& f) const {
    require_leaf<E>();
    static_assert(std::invocable<F&, const E&>, "handle<E>(f) calls f(const E&)");
    return split_by(detail::calling<E>(f)).second;
  }

private:
  struct data;

  template <class E>
  static constexpr void require_leaf() {
    static_assert(std::is_same_v<E, std::decay_t<E>>, "name the type of the exception without const and &");
    static_assert(!std::is_base_of_v<exception_group, E>,
                  "groups are looked into at any depth: ask for the type of the exceptions, not for exception_group");
  }

  detail::exception_halves split_by(detail::exception_test test) const;

  std::shared_ptr<data> data_;
};

/// `exception_group::handle` for any exception: one that is no group counts as a group of one. Null stays null.
///
///     auto outcome = co_await settle(with_task_group(body));
///     auto rest = handle_exceptions<timeout_error>(outcome.error(), [](const timeout_error&) { ... });
///
/// Returns what is left, null if nothing is. asyncio: `except* E`.
template <class E, class F>
[[nodiscard]] std::exception_ptr handle_exceptions(const std::exception_ptr& error, F&& f) {
  static_assert(std::is_same_v<E, std::decay_t<E>>, "name the type of the exception without const and &");
  static_assert(!std::is_base_of_v<exception_group, E>,
                "groups are looked into at any depth: ask for the type of the exceptions, not for exception_group");
  static_assert(std::invocable<F&, const E&>, "handle_exceptions<E>(error, f) calls f(const E&)");
  return detail::split_exception(error, detail::calling<E>(f)).second;
}

RONDO_END_NAMESPACE
