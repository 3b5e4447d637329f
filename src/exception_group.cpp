// SPDX-License-Identifier: BSL-1.0
#include <rondo/exception_group.hpp>

#include "diagnostics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string_view>

RONDO_BEGIN_NAMESPACE

struct exception_group::data {
  std::string message;
  std::vector<std::exception_ptr> errors;
  std::once_flag described;
  std::string text; // for what(), made when it is asked for
};

namespace {

std::optional<exception_group> as_group(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const exception_group& group) {
    return group;
  } catch (...) {
    return std::nullopt;
  }
}

std::string headline(const exception_group& group) {
  return fmt::format("{} ({} sub-exception{})", group.message(), group.size(), group.size() == 1 ? "" : "s");
}

void append_indented(std::string& out, std::string_view text, std::string_view indent) {
  for (const char c : text) {
    out += c;
    if (c == '\n') out += indent;
  }
}

void append_members(std::string& out, const exception_group& group, const std::string& indent) {
  const std::string deeper = indent + "   ";
  for (const std::exception_ptr& error : group) {
    out += '\n';
    out += indent;
    out += "+- ";
    if (const auto nested = as_group(error)) {
      out += "exception_group: ";
      append_indented(out, headline(*nested), deeper);
      append_members(out, *nested, deeper);
    } else {
      append_indented(out, detail::describe_exception(error), deeper);
    }
  }
}

/// A group of some members with the message of the one that they come from; null if there are none.
std::exception_ptr regroup(const exception_group& origin, std::vector<std::exception_ptr> errors) {
  if (errors.empty()) return nullptr;
  return std::make_exception_ptr(exception_group(origin.message(), std::move(errors)));
}

detail::exception_halves split_group(const exception_group& group, const std::exception_ptr& whole,
                                     detail::exception_test test) {
  std::vector<std::exception_ptr> matching;
  std::vector<std::exception_ptr> rest;
  for (const std::exception_ptr& error : group) {
    auto [yes, no] = detail::split_exception(error, test);
    if (yes) matching.push_back(std::move(yes));
    if (no) rest.push_back(std::move(no));
  }
  // A group that need not be divided stays what it is, with its type and identity.
  if (rest.empty()) return {whole, nullptr};
  if (matching.empty()) return {nullptr, whole};
  return {regroup(group, std::move(matching)), regroup(group, std::move(rest))};
}

} // namespace

namespace detail {

exception_halves split_exception(const std::exception_ptr& error, exception_test test) {
  if (!error) return {};
  if (const auto group = as_group(error)) return split_group(*group, error, test);
  if (test.call(test.self, error)) return {error, nullptr};
  return {nullptr, error};
}

} // namespace detail

exception_group::exception_group(std::string message, std::vector<std::exception_ptr> errors)
    : data_(std::make_shared<data>()) {
  if (errors.empty())
    throw std::invalid_argument(
        "exception_group: it needs at least one exception; throw a group only if something failed");
  if (std::find(errors.begin(), errors.end(), nullptr) != errors.end())
    throw std::invalid_argument(
        "exception_group: one of the exceptions is a null pointer; leave out what did not fail");
  data_->message = std::move(message);
  data_->errors = std::move(errors);
}

exception_group::exception_group(const exception_group&) noexcept = default;
exception_group& exception_group::operator=(const exception_group&) noexcept = default;
exception_group::~exception_group() = default;

const char* exception_group::what() const noexcept {
  try {
    std::call_once(data_->described, [this] {
      std::string text = headline(*this);
      append_members(text, *this, "  ");
      data_->text = std::move(text);
    });
    return data_->text.c_str();
  } catch (...) { // no memory for the whole
    return data_->message.c_str();
  }
}

const std::string& exception_group::message() const noexcept { return data_->message; }

const std::vector<std::exception_ptr>& exception_group::exceptions() const noexcept { return data_->errors; }

detail::exception_halves exception_group::split_by(detail::exception_test test) const {
  return split_group(*this, std::make_exception_ptr(*this), test);
}

RONDO_END_NAMESPACE
