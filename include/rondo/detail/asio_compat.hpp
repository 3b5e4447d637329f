// How a value or an exception of a rondo operation reaches the coroutine that awaits it.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/awaitable.hpp>
#include <rondo/detail/instances.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// The value of an operation with the completion signature `void(std::exception_ptr, boxed<T>)`; empty with an exception.
///
/// An exception needs no T to travel with, and handlers that keep their arguments share the ownership of the value.
template <class T>
class boxed {
public:
  boxed() = default;
  explicit boxed(T value) : value_(std::make_shared<T>(std::move(value))) {}

  explicit operator bool() const noexcept { return value_ != nullptr; }
  T& operator*() const noexcept { return *value_; }

private:
  std::shared_ptr<T> value_;
};

template <>
class boxed<void> {};

template <class T>
using op_signature = void(std::exception_ptr, boxed<T>);

/// Tags the class below.
struct parked {};

/// Operations whose waits the kernel runs itself: `rondo_wait` names the kind of wait_node, which the operation is, or
/// gives with `get()`.
template <class Op>
concept kernel_operation = requires { typename Op::rondo_wait; };

} // namespace detail
RONDO_END_NAMESPACE

// Asio has no hook for a foreign awaitable but its own classes. These specialisations name types of ours, so they collide
// with nobody's; they use what Asio's own use.
namespace boost::asio::detail {

/// A suspended coroutine: owns the frames of a whole stack of coroutines, in the way of a completion handler.
template <class Executor>
class awaitable_async_op_handler<void(rondo::detail::parked), Executor> : public awaitable_thread<Executor> {
public:
  explicit awaitable_async_op_handler(awaitable_thread<Executor>& from) noexcept
      : awaitable_thread<Executor>(std::move(from)) {}

  /// Goes on with the coroutine until it is suspended again or has ended; this object is empty then. It is Asio's `pump`
  /// with the end, which throws what the handler of the co_spawn threw, out of line.
  [[gnu::always_inline]] void resume() {
    this->entry_point()->top_of_stack_->attach_thread(this);
    do
      this->entry_point()->top_of_stack_->resume();
    while (this->entry_point() && this->entry_point()->top_of_stack_);
    if (this->entry_point()) [[unlikely]]
      end();
  }

  void clear_slot() { this->get_cancellation_slot().clear(); }

  /// Identifies the thread of execution whatever the user does to its cancellation state.
  const void* identity() noexcept { return this->entry_point(); }

private:
  [[gnu::noinline]] void end() {
    auto* const bottom = this->entry_point();
    const awaitable<awaitable_thread_entry_point, Executor> destroyed_here(std::move(this->bottom_of_stack_));
    bottom->rethrow_exception();
  }
};

/// co_await of an operation of ours. The operation is asked for its outcome in the coroutine itself: nothing but the
/// suspended stack travels through the kernel.
template <class T, rondo::detail::kernel_operation Op>
class awaitable_async_op<void(std::exception_ptr, rondo::detail::boxed<T>), Op, any_io_executor> {
  using wait = typename Op::rondo_wait;

public:
  template <class... Tracking>
  awaitable_async_op(Op&& op, awaitable_frame_base<any_io_executor>* frame, const Tracking&...) noexcept
      : wait_(begun(op)), frame_(frame) {}

  bool await_ready() const noexcept { return wait_.ready(); }
  void await_suspend(coroutine_handle<void>) noexcept { wait_.suspend(*frame_); }
  T await_resume() { return wait_.outcome(); }

private:
  using holder = std::conditional_t<std::is_same_v<wait, Op>, wait&, wait>; // a handle makes its wait, others are it

  static holder begun(Op& op) {
    if constexpr (std::is_same_v<wait, Op>)
      return op;
    else
      return op.get();
  }

  holder wait_;
  awaitable_frame_base<any_io_executor>* frame_;
};

/// The handler of a coroutine that awaits one of our operations inside another one, such as a deferred chain.
template <class T, class Executor>
class awaitable_async_op_handler<void(std::exception_ptr, rondo::detail::boxed<T>), Executor>
    : public awaitable_thread<Executor> {
public:
  struct result_type {
    std::exception_ptr* error = nullptr;
    rondo::detail::boxed<T>* value = nullptr;
  };

  awaitable_async_op_handler(awaitable_thread<Executor>* from, result_type& result)
      : awaitable_thread<Executor>(std::move(*from)), result_(&result) {}

  void operator()(std::exception_ptr error, rondo::detail::boxed<T> value) {
    *result_ = {&error, &value};
    auto* const top = this->entry_point()->top_of_stack_;
    top->attach_thread(this);
    top->clear_cancellation_slot();
    this->pump();
  }

  static T resume(result_type& result) {
    if (*result.error) std::rethrow_exception(std::exchange(*result.error, nullptr));
    if constexpr (!std::is_void_v<T>) return std::move(**result.value);
  }

  const void* identity() noexcept { return this->entry_point(); }

private:
  result_type* result_;
};

} // namespace boost::asio::detail

RONDO_BEGIN_NAMESPACE
namespace detail {

using coroutine_frame = boost::asio::detail::awaitable_frame_base<boost::asio::any_io_executor>;
using parked_coroutine = boost::asio::detail::awaitable_async_op_handler<void(parked), boost::asio::any_io_executor>;

/// A stack of coroutines that nobody awaits, and the coroutine at its bottom.
using coroutine_thread = boost::asio::detail::awaitable_thread<boost::asio::any_io_executor>;
using coroutine_entry = awaitable<boost::asio::detail::awaitable_thread_entry_point>;

/// The handler with which a coroutine awaits an operation with `op_signature<T>` that has no `rondo_wait`.
template <class T>
using frame_handler = boost::asio::detail::awaitable_async_op_handler<op_signature<T>, boost::asio::any_io_executor>;

} // namespace detail
RONDO_END_NAMESPACE
