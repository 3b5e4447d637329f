// SPDX-License-Identifier: BSL-1.0
#include "task_runner.hpp"

#include <rondo/errors.hpp>
#include <rondo/with.hpp>

#include <stdexcept>

RONDO_BEGIN_NAMESPACE

exit_stack::entry::~entry() = default;

exit_stack& exit_stack::operator=(exit_stack&& other) noexcept {
  exit_stack old(std::move(*this));
  last_ = std::move(other.last_);
  return *this;
}

void exit_stack::add(std::unique_ptr<entry> e) noexcept {
  e->below = std::move(last_);
  last_ = std::move(e);
}

std::unique_ptr<exit_stack::entry> exit_stack::take_last() noexcept {
  std::unique_ptr<entry> e = std::move(last_);
  last_ = std::move(e->below);
  return e;
}

// One by one: the links of a long stack would destroy each other recursively.
void exit_stack::destroy() noexcept {
  while (last_)
    take_last();
}

awaitable<void> exit_stack::aclose() { (void)co_await aexit(nullptr); }

awaitable<bool> exit_stack::aexit(std::exception_ptr error) {
  const bool given = error != nullptr;
  bool replaced = false;
  bool swallowed = false;
  while (last_) {
    const std::unique_ptr<entry> e = take_last();
    try {
      if (co_await e->leave(error)) {
        swallowed = true;
        replaced = false;
        error = nullptr;
      }
    } catch (...) {
      replaced = true;
      error = std::current_exception();
    }
  }
  if (replaced) std::rethrow_exception(error);
  co_return given&& swallowed;
}

namespace detail {

void clean_up_begins(const std::exception_ptr& error) noexcept {
  task_runner* const r = this_thread().runner;
  if (r && error && is_cancellation(error)) r->end_level();
}

void throw_value_missing(std::exception_ptr swallowed) {
  try {
    std::rethrow_exception(std::move(swallowed));
  } catch (...) {
    std::throw_with_nested(std::runtime_error("with: an exit swallowed the exception of the body, so there is no value "
                                              "to return: let the body return void or "
                                              "a std::optional"));
  }
}

} // namespace detail
RONDO_END_NAMESPACE
