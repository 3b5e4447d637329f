// Scopes of level-triggered cancellation as the kernel sees them, a shield against them, and who may enter them.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/asio_compat.hpp>
#include <rondo/detail/export.hpp>
#include <rondo/detail/task_state.hpp>

#include <string>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// A scope that a task is in, part of the chain that starts at the task's runner with the innermost one.
///
/// A task with a cancelled scope in its chain, and no shield between that one and the inner end, is `scope_cancel`: each
/// of its suspensions ends with a cancellation. The flag is computed when the chain changes and asked when the task is
/// suspended; nothing is sent, so a task that refuses costs nothing. Loop's thread only.
class RONDO_EXPORT scope_link {
public:
  scope_link() = default;
  scope_link(const scope_link&) = delete;
  scope_link& operator=(const scope_link&) = delete;
  ~scope_link() { leave(); }

  /// Becomes the innermost scope of the running task.
  void enter(task_state_base& task) noexcept;

  /// Leaves the chain, at whatever place; nothing happens outside of one.
  void leave() noexcept;

  bool entered() const noexcept { return task_ != nullptr; }
  bool cancelled() const noexcept { return cancelled_; }
  bool shielded() const noexcept { return shielded_; }

  void shield(bool shielded) noexcept;
  void cancel(std::string reason) noexcept;

  /// Whether a scope outside of this one cancels what is inside.
  bool cancelled_from_outside() const noexcept;

private:
  friend class task_state_base;
  friend class task_runner;

  /// The scope that cancels what runs inside of `innermost`, or null.
  static const scope_link* effective(const scope_link* innermost) noexcept;

  task_state_base* task_ = nullptr;
  scope_link* outer_ = nullptr;
  scope_link* inner_ = nullptr;
  bool cancelled_ = false;
  bool shielded_ = false;
  optional_text reason_;
};

/// Shields the running task from the cancelled scopes around it while the guard lives, across any number of co_await. It
/// does not hide a `Task.cancel`. Does nothing outside a task.
class RONDO_EXPORT shield_guard {
public:
  shield_guard();

private:
  scope_link link_;
};

/// Called before the co_await of a shielded block. Where only Asio's level trigger could reach the task, every co_await of
/// this slice throws, also that of the block; behind the shield it does not count, and it comes again after that.
RONDO_EXPORT void shield_begins() noexcept;

/// Tags the class below.
struct own_task_question {};

/// `co_await own_task("with_cancel_scope")` throws `std::runtime_error` unless the coroutine that asks is a task's own:
/// what changes the state of the task there would meet another coroutine's waits. It is not suspended.
class own_task {
public:
  explicit own_task(const char* what) noexcept : what_(what) {}

  boost::asio::detail::async_operation_probe_result operator()(boost::asio::detail::async_operation_probe) &&;
  boost::asio::detail::completion_signature_probe_result<void(own_task_question)> operator()(
      boost::asio::detail::completion_signature_probe) &&;

  const char* what() const noexcept { return what_; }

private:
  const char* what_;
};

/// Throws the error if the coroutine with this identity is not the own one of the running task.
RONDO_EXPORT void require_own_task(const char* what, const void* coroutine);

/// Reaches what Asio shows to derived classes only.
struct frame_reader : coroutine_frame {
  static const void* identity(const coroutine_frame& frame) noexcept {
    return (frame.*&frame_reader::attached_thread_)->entry_point();
  }
};

} // namespace detail
RONDO_END_NAMESPACE

namespace boost::asio::detail {

template <>
class awaitable_async_op<void(rondo::detail::own_task_question), rondo::detail::own_task, any_io_executor> {
public:
  template <class... Tracking>
  awaitable_async_op(rondo::detail::own_task&& op, awaitable_frame_base<any_io_executor>* frame,
                     const Tracking&...) noexcept
      : what_(op.what()), frame_(frame) {}

  bool await_ready() const noexcept { return true; }
  void await_suspend(coroutine_handle<void>) const noexcept {}
  void await_resume() const { rondo::detail::require_own_task(what_, rondo::detail::frame_reader::identity(*frame_)); }

private:
  const char* what_;
  awaitable_frame_base<any_io_executor>* frame_;
};

} // namespace boost::asio::detail
