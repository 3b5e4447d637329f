// Exceptions of Python that ports of CPython's tests raise, and their names.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/awaitable.hpp>
#include <rondo/errors.hpp>
#include <rondo/exception_group.hpp>
#include <rondo/settled.hpp>
#include <rondo/sleep.hpp>

#include <exception>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace cpython {

/// `1 / 0`.
struct zero_division_error : std::runtime_error {
  zero_division_error() : std::runtime_error("division by zero") {}
};

struct value_error : std::invalid_argument {
  value_error() : std::invalid_argument("a wrong value") {}
};

struct key_error : std::out_of_range {
  key_error() : std::out_of_range("no such key") {}
};

struct type_error : std::logic_error {
  type_error() : std::logic_error("a wrong type") {}
};

struct runtime_error : std::runtime_error {
  runtime_error() : std::runtime_error("went wrong") {}
};

/// A class derived from Exception.
struct my_exc : std::exception {};

/// A class derived from BaseException: code that handles `std::exception` does not see it.
struct my_base_exc {};

/// The name of an exception's class in Python, "none" for null.
inline std::string type_of(const std::exception_ptr& error) {
  if (!error) return "none";
  try {
    std::rethrow_exception(error);
  } catch (const rondo::exception_group&) {
    return "ExceptionGroup";
  } catch (const rondo::cancelled_error&) {
    return "CancelledError";
  } catch (const rondo::timeout_error&) {
    return "TimeoutError";
  } catch (const rondo::keyboard_interrupt&) {
    return "KeyboardInterrupt";
  } catch (const zero_division_error&) {
    return "ZeroDivisionError";
  } catch (const value_error&) {
    return "ValueError";
  } catch (const key_error&) {
    return "KeyError";
  } catch (const type_error&) {
    return "TypeError";
  } catch (const my_exc&) {
    return "MyExc";
  } catch (const my_base_exc&) {
    return "MyBaseExc";
  } catch (const runtime_error&) {
    return "RuntimeError";
  } catch (const std::exception& e) {
    return std::string("an exception that says: ") + e.what();
  } catch (...) {
    return "something else";
  }
}

template <class T>
std::string type_of(const rondo::settled<T>& outcome) {
  return type_of(outcome.error());
}

/// The members of a group; none if it is no group.
inline std::vector<std::exception_ptr> members_of(const std::exception_ptr& error) {
  try {
    if (error) std::rethrow_exception(error);
  } catch (const rondo::exception_group& group) {
    return group.exceptions();
  } catch (...) {
  }
  return {};
}

/// The classes of the members of a group, as a set: "{MyExc, ZeroDivisionError}". Else what there is instead.
inline std::string error_types(const std::exception_ptr& error) {
  const auto members = members_of(error);
  if (members.empty()) return "no group but " + type_of(error);
  std::set<std::string> names;
  for (const std::exception_ptr& member : members)
    names.insert(type_of(member));
  std::string text;
  for (const std::string& name : names)
    text += (text.empty() ? "" : ", ") + name;
  return "{" + text + "}";
}

template <class T>
std::string error_types(const rondo::settled<T>& outcome) {
  return error_types(outcome.error());
}

template <class E>
rondo::awaitable<void> raise_at_once() {
  throw E();
  co_return;
}

template <class E>
rondo::awaitable<void> raise_after(rondo::time_limit d) {
  co_await rondo::sleep(d);
  throw E();
}

/// Sleeps, and raises an E in a `finally` clause: also in place of a cancellation.
template <class E>
rondo::awaitable<void> sleep_finally_raise(rondo::time_limit d) {
  try {
    co_await rondo::sleep(d);
  } catch (const rondo::cancelled_error&) {
  }
  throw E();
}

} // namespace cpython
