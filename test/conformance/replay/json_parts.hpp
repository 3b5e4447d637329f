// Parts of JSON, by what they must be. A part that is something else ends the reading: `invalid_program` names its path.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "program.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace conformance {

namespace json = boost::json;

[[noreturn]] inline void fail(std::string_view path, std::string_view message) {
  throw invalid_program(fmt::format("{}: {}", path, message));
}

inline const json::object& object_at(const json::value& v, std::string_view path) {
  if (!v.is_object()) fail(path, "a JSON object is expected");
  return v.get_object();
}
inline const json::array& array_at(const json::value& v, std::string_view path) {
  if (!v.is_array()) fail(path, "a JSON array is expected");
  return v.get_array();
}
inline const json::value& member(const json::object& o, std::string_view name, std::string_view path) {
  const json::value* const v = o.if_contains(name);
  if (!v) fail(path, fmt::format("'{}' is missing", name));
  return *v;
}
inline void only(const json::object& o, std::string_view path, std::initializer_list<std::string_view> names) {
  for (const auto& [name, v] : o)
    if (std::find(names.begin(), names.end(), std::string_view(name)) == names.end())
      fail(path, fmt::format("'{}' is not known here", std::string_view(name)));
}
inline std::int64_t integer(const json::value& v, std::string_view path) {
  if (!v.is_int64()) fail(path, "an integer of 64 bits is expected");
  return v.get_int64();
}
inline std::int64_t natural(const json::value& v, std::string_view path) {
  const std::int64_t n = integer(v, path);
  if (n < 0) fail(path, "a number that is not negative is expected");
  return n;
}
inline bool boolean(const json::value& v, std::string_view path) {
  if (!v.is_bool()) fail(path, "true or false is expected");
  return v.get_bool();
}
inline std::string text(const json::value& v, std::string_view path) {
  if (!v.is_string()) fail(path, "a string is expected");
  return std::string(v.get_string());
}
inline value literal(const json::value& v, std::string_view path) {
  if (v.is_string()) return value(std::string(v.get_string()));
  if (v.is_int64()) return value(v.get_int64());
  fail(path, "a value is an integer of 64 bits or a string");
}

} // namespace conformance
