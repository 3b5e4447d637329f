// settled<T>: the outcome of something that ended, as a value.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/errors.hpp>

#include <exception>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE

namespace detail {

RONDO_EXPORT bool is_cancelled_error(const std::exception_ptr& error) noexcept;

/// The error of a settled outcome; the value is in the derived classes.
class settled_base {
public:
  bool has_value() const noexcept { return error_ == nullptr; }
  explicit operator bool() const noexcept { return has_value(); }

  /// Null if there is a value.
  std::exception_ptr error() const noexcept { return error_; }

  /// The error if it is an E, else null. Valid as long as this object.
  template <class E>
  const E* error_as() const noexcept {
    if (!error_) return nullptr;
    try {
      std::rethrow_exception(error_);
    } catch (const E& e) {
      return &e; // the exception object lives as long as error_
    } catch (...) {
      return nullptr;
    }
  }

  /// Whether it ended with a cancellation (see `is_cancellation`).
  bool cancelled() const noexcept { return error_ && is_cancellation(error_); }

protected:
  settled_base() = default;
  explicit settled_base(std::exception_ptr error) : error_(std::move(error)) {
    if (!error_) throw std::invalid_argument("settled: the error is a null pointer");
  }

  std::exception_ptr error_;
};

} // namespace detail

/// A value or an exception. What `settle`, `gather_settled` and others give where an exception is an answer.
template <class T>
class settled : public detail::settled_base {
public:
  using value_type = T;

  settled(T value) : value_(std::move(value)) {}
  settled(std::exception_ptr error) : settled_base(std::move(error)) {}

  /// The value, or throws the error.
  T& value() & { return check(), *value_; }
  const T& value() const& { return check(), *value_; }
  T&& value() && { return check(), *std::move(value_); }

  /// The value; there must be one.
  T& operator*() & noexcept { return *value_; }
  const T& operator*() const& noexcept { return *value_; }
  T&& operator*() && noexcept { return *std::move(value_); }
  T* operator->() noexcept { return &*value_; }
  const T* operator->() const noexcept { return &*value_; }

private:
  void check() const {
    if (error_) std::rethrow_exception(error_);
  }

  std::optional<T> value_;
};

template <>
class settled<void> : public detail::settled_base {
public:
  using value_type = void;

  settled() = default;
  settled(std::exception_ptr error) : settled_base(std::move(error)) {}

  void value() const {
    if (error_) std::rethrow_exception(error_);
  }
  void operator*() const noexcept {}
};

RONDO_END_NAMESPACE
