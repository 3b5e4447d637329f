// Reports: the log sink, descriptions of what is in a loop.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/list.hpp>
#include <rondo/event_loop.hpp>

#include <source_location>
#include <string>
#include <string_view>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// Writes a line to the log sink; never throws.
RONDO_EXPORT void log(std::string_view text) noexcept;

/// What a node in the ready queue is: "callback made at ...", "task 'name'".
std::string describe_node(ready_node& node);

/// "file.cpp:12", or an empty text.
std::string describe_place(const std::source_location& where);

/// "std::runtime_error: text" of any exception.
std::string describe_exception(const std::exception_ptr& error);

/// What the default exception handler writes.
std::string format_report(const exception_context& c);

} // namespace detail
RONDO_END_NAMESPACE
