// How things end: with which error, and when they are destroyed.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "trace.hpp"

#include <rondo/async_generator.hpp>
#include <rondo/errors.hpp>

#include <exception>
#include <string>
#include <utility>

namespace support {

/// Writes its name into a trace when it is destroyed.
struct witness {
  witness(trace& t, std::string n) : log(&t), name(std::move(n)) {}
  witness(witness&& other) noexcept : log(std::exchange(other.log, nullptr)), name(std::move(other.name)) {}
  witness& operator=(witness&&) = delete;
  ~witness() {
    if (log) log->push_back(name);
  }

  trace* log;
  std::string name;
};

/// What an exception says: "cancelled <message>", "generator_exit", the text of a `std::exception`, "none" for null.
inline std::string text_of(const std::exception_ptr& error) {
  if (!error) return "none";
  try {
    std::rethrow_exception(error);
  } catch (const rondo::cancelled_error& e) {
    return e.message().empty() ? "cancelled" : "cancelled " + e.message();
  } catch (const rondo::generator_exit&) {
    return "generator_exit";
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "something else";
  }
}

/// Awaits something for the exception that it ends with.
template <class Source>
rondo::awaitable<std::string> error_of(Source source) {
  try {
    co_await std::move(source);
  } catch (...) {
    co_return text_of(std::current_exception());
  }
  co_return "none";
}

inline bool starts_with(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}

} // namespace support
