// The statements and object types of scenario programs: names, arguments, where they may stand.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "program.hpp"

#include <optional>
#include <string_view>

namespace conformance {

/// The arguments of a statement, a letter for each:
///
///     s text             c coroutine         S source             B block
///     n number >= 0      h handle to bind    L list of sources    Y block of what does not suspend
///     i any number       r handle, future    W list of handles    O options, may be left out
///     M ms or null       k handle or null    v value              X body, handlers and finally of a try
///     m message or null  f true or false
///
/// and an object of a type: e event, l lock, semaphore or condition, C condition, b barrier, q queue, F future, V variable.
struct rule {
  std::string_view name;
  std::string_view arguments;
  bool begins = false; // whether it writes a line before it is done
  bool in_callbacks = false;
};

const rule& rule_of(op o) noexcept;
std::optional<op> op_named(std::string_view name) noexcept;

std::string_view name_of(object_type t) noexcept;
std::optional<object_type> type_named(std::string_view name) noexcept;

/// Whether an argument of this letter may be an object of this type.
bool accepts(char letter, object_type t) noexcept;

} // namespace conformance
