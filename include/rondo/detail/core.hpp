// What templates need of a loop: its core stays opaque, its functions are compiled once.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/list.hpp>
#include <rondo/detail/ref_count.hpp>
#include <rondo/time.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <string>

RONDO_BEGIN_NAMESPACE
namespace detail {

class loop_core;
class task_runner;
class task_state_base;
class future_state_base;

RONDO_EXPORT void intrusive_ptr_add_ref(const loop_core*) noexcept;
RONDO_EXPORT void intrusive_ptr_release(const loop_core*) noexcept;

/// The core of the loop that runs on this thread, or null.
RONDO_EXPORT loop_core* running_core_or_null() noexcept;

/// The same; throws `std::runtime_error("no running event loop")`.
RONDO_EXPORT loop_core& running_core();

/// Puts a node at the end of the ready queue; drops it if the loop has ended. Loop's thread only.
RONDO_EXPORT void push_ready(loop_core& core, ready_node& node) noexcept;

/// Hands a node to the loop from any thread. Returns false, and leaves the node alone, if the loop has ended.
RONDO_EXPORT bool push_threadsafe(loop_core& core, ready_node& node) noexcept;

RONDO_EXPORT boost::asio::any_io_executor executor_of(const loop_core& core);

/// Throws the error for a call on the wrong thread; `remedy` names the call to use instead.
RONDO_EXPORT void check_thread(const loop_core& core, const char* call, const char* remedy);

/// Throws `std::runtime_error("Event loop is closed")` if it is.
RONDO_EXPORT void check_open(const loop_core& core);

/// Whether no thread can be in the loop: it is closed, or owned and not running.
RONDO_EXPORT bool at_rest(const loop_core& core) noexcept;

/// Reports to the loop's exception handler; used where no caller is left to throw to.
RONDO_EXPORT void report(loop_core& core, std::string message, std::exception_ptr error) noexcept;

/// A text that is usually absent, in the size of a pointer.
class optional_text {
public:
  optional_text() = default;
  explicit optional_text(std::string text)
      : text_(text.empty() ? nullptr : std::make_unique<std::string>(std::move(text))) {}

  std::string str() const { return text_ ? *text_ : std::string(); }
  void reset() noexcept { text_.reset(); }

private:
  std::unique_ptr<std::string> text_;
};

} // namespace detail
RONDO_END_NAMESPACE
