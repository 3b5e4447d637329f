// SPDX-License-Identifier: BSL-1.0
#include "value.hpp"

#include <rondo/errors.hpp>
#include <rondo/exception_group.hpp>

#include <fmt/format.h>

#include <typeinfo>

namespace conformance {

namespace {

std::string group_text(const rondo::exception_group& group) {
  std::string members;
  for (const std::exception_ptr& e : group)
    members += (members.empty() ? "" : ", ") + error_text(e);
  return "Group[" + members + "]";
}

struct in_trace {
  std::string operator()(std::monostate) const { return "none"; }
  std::string operator()(bool b) const { return b ? "true" : "false"; }
  std::string operator()(std::int64_t n) const { return std::to_string(n); }
  std::string operator()(const std::string& text) const { return text; }
  std::string operator()(const std::exception_ptr& error) const { return error_text(error); }
  std::string operator()(const std::vector<value>& list) const {
    std::string items;
    for (const value& v : list)
      items += (items.empty() ? "" : ", ") + v.text();
    return "[" + items + "]";
  }
};

} // namespace

bool operator<(const value& a, const value& b) {
  const auto* const number = std::get_if<std::int64_t>(&a.data_);
  return number ? *number < std::get<std::int64_t>(b.data_)
                : std::get<std::string>(a.data_) < std::get<std::string>(b.data_);
}

std::string value::text() const { return std::visit(in_trace(), data_); }

std::string error_text(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const user_error& e) {
    return "User(" + e.name() + ")";
  } catch (const rondo::cancelled_error& e) {
    return "CancelledError(" + e.message() + ")";
  } catch (const rondo::exception_group& e) {
    return group_text(e);
  } catch (const rondo::timeout_error&) {
    return "TimeoutError";
  } catch (const rondo::invalid_state_error&) {
    return "InvalidStateError";
  } catch (const rondo::queue_empty&) {
    return "QueueEmpty";
  } catch (const rondo::queue_full&) {
    return "QueueFull";
  } catch (const rondo::queue_shut_down&) {
    return "QueueShutDown";
  } catch (const rondo::broken_barrier_error&) {
    return "BrokenBarrierError";
  } catch (const std::invalid_argument&) {
    return "ValueError";
  } catch (const std::runtime_error&) {
    return "RuntimeError";
  } catch (const std::exception& e) {
    return fmt::format("unexpected {}: {}", typeid(e).name(), e.what());
  }
}

std::string_view error_kind(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const user_error&) {
    return "error";
  } catch (const rondo::cancelled_error&) {
    return "cancelled";
  } catch (const rondo::timeout_error&) {
    return "timeout";
  } catch (const rondo::exception_group&) {
    return "group";
  } catch (const std::exception&) {
    return {};
  }
}

const std::string* cancel_message(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const rondo::cancelled_error& e) {
    return &e.message(); // the pointer keeps the exception
  } catch (...) {
    return nullptr;
  }
}

} // namespace conformance
