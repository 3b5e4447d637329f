// Values of scenario programs and how they stand in a trace.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace conformance {

/// The error of ["raise", name], and of a name that nothing is bound to.
class user_error {
public:
  explicit user_error(std::string name) : name_(std::move(name)) {}
  const std::string& name() const noexcept { return name_; }

private:
  std::string name_;
};

/// What a statement of a program gives: nothing, a truth value, a number, a text, an exception, or a list of these.
class value {
public:
  value() = default;
  value(bool b) : data_(b) {}
  value(std::int64_t n) : data_(n) {}
  value(std::string text) : data_(std::move(text)) {}
  value(std::exception_ptr error) : data_(std::move(error)) {}
  value(std::vector<value> list) : data_(std::move(list)) {}

  /// As it stands in a trace.
  std::string text() const;

  /// The order of a priority_queue, whose values are numbers or texts, and of one type.
  friend bool operator<(const value& a, const value& b);

private:
  std::variant<std::monostate, bool, std::int64_t, std::string, std::exception_ptr, std::vector<value>> data_;
};

/// ERROR of the format: `User(name)`, `CancelledError(message)`, `Group[...]`, the name of asyncio's class.
std::string error_text(const std::exception_ptr& error);

/// KIND of the format: cancelled, timeout, error, group; empty for what `any` alone catches.
std::string_view error_kind(const std::exception_ptr& error);

/// The message of a cancellation; null for other errors.
const std::string* cancel_message(const std::exception_ptr& error);

} // namespace conformance
