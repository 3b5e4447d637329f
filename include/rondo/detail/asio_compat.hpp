// How a value or an exception of a rondo operation reaches the coroutine that awaits it.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/awaitable.hpp>
#include <rondo/detail/instances.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// The value of an operation with the completion signature `void(std::exception_ptr, boxed<T>)`.
///
/// An exception needs no T to travel with, and the awaiting coroutine gets the T itself (see the handler below).
/// For handlers that keep their arguments the box shares the ownership of the value.
template <class T>
class boxed {
public:
  explicit boxed(std::optional<T>& value) noexcept : value_(&value) {}
  explicit boxed(std::shared_ptr<std::optional<T>> owner) noexcept : value_(owner.get()), owner_(std::move(owner)) {}

  std::optional<T>& operator*() const noexcept { return *value_; }

private:
  std::optional<T>* value_;
  std::shared_ptr<std::optional<T>> owner_;
};

template <>
class boxed<void> {};

/// Stands in for `std::optional<T>` where T may be void.
template <class T>
struct value_slot {
  using type = std::optional<T>;
};
template <>
struct value_slot<void> {
  struct type {};
};
template <class T>
using value_slot_t = typename value_slot<T>::type;

template <class T>
using op_signature = void(std::exception_ptr, boxed<T>);

/// Stands in for `boxed<T>` of any T.
struct any_value {};

} // namespace detail
RONDO_END_NAMESPACE

// Asio 1.81 cannot await `void(std::exception_ptr, T)` from an operation object, and it has no hook but its handler
// class. These specialisations name types of ours, so they collide with nobody's; they use what Asio's own handlers
// use. `coroutine()` identifies the thread of execution whatever the user does to its cancellation state.
namespace boost::asio::detail {

/// The part that does not depend on T: what is parked, and resumed in compiled code.
template <class Executor>
class awaitable_async_op_handler<void(std::exception_ptr, rondo::detail::any_value), Executor>
    : public awaitable_thread<Executor> {
public:
  struct result_type {
    std::exception_ptr* error = nullptr;
    void* value = nullptr; // a value_slot_t<T>
  };

  awaitable_async_op_handler(awaitable_thread<Executor>* from, result_type& result)
      : awaitable_thread<Executor>(std::move(*from)), result_(&result) {}

  [[gnu::always_inline]] void complete(std::exception_ptr& error, void* value) {
    result_->error = &error;
    result_->value = value;
    auto* const top = this->entry_point()->top_of_stack_;
    top->attach_thread(this);
    top->clear_cancellation_slot();
    this->pump();
  }

  const void* coroutine() noexcept { return this->entry_point(); }

private:
  result_type* result_;
};

template <class T, class Executor>
class awaitable_async_op_handler<void(std::exception_ptr, rondo::detail::boxed<T>), Executor>
    : public awaitable_async_op_handler<void(std::exception_ptr, rondo::detail::any_value), Executor> {
  using base = awaitable_async_op_handler<void(std::exception_ptr, rondo::detail::any_value), Executor>;

public:
  using base::base;
  using typename base::result_type;

  void operator()(std::exception_ptr error, rondo::detail::boxed<T> value) {
    if constexpr (std::is_void_v<T>)
      this->complete(error, nullptr);
    else
      this->complete(error, &*value);
  }

  static T resume(result_type& result) {
    if (*result.error) std::rethrow_exception(std::exchange(*result.error, nullptr));
    if constexpr (!std::is_void_v<T>) return std::move(**static_cast<std::optional<T>*>(result.value));
  }
};

} // namespace boost::asio::detail

RONDO_BEGIN_NAMESPACE
namespace detail {

/// The handler with which a coroutine awaits an operation with `op_signature<T>`.
template <class T>
using frame_handler = boost::asio::detail::awaitable_async_op_handler<op_signature<T>, boost::asio::any_io_executor>;

/// The same without T.
using any_frame_handler =
    boost::asio::detail::awaitable_async_op_handler<void(std::exception_ptr, any_value), boost::asio::any_io_executor>;

} // namespace detail
RONDO_END_NAMESPACE
