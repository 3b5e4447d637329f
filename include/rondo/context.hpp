// Context variables: values that follow a task, as thread-locals follow a thread.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/callable.hpp>
#include <rondo/detail/ref_count.hpp>

#include <any>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE

class context;

namespace detail {

class context_box;
RONDO_EXPORT void intrusive_ptr_add_ref(const context_box*) noexcept;
RONDO_EXPORT void intrusive_ptr_release(const context_box*) noexcept;

/// The identity of a context variable; its address is the key.
class context_key : public counted {
public:
  explicit context_key(std::string n) : name(std::move(n)) {}
  const std::string name;
};

/// Looks a variable up in the current context.
RONDO_EXPORT const std::any* find_context_value(const context_key& key) noexcept;

/// Sets a variable in the current context and returns what it had there.
RONDO_EXPORT std::optional<std::any> set_context_value(const ref<const context_key>& key,
                                                       std::optional<std::any> value);

/// Whether `box` is the current context.
RONDO_EXPORT const context_box* current_context_box();

/// Gives a task that was just made a copy of the current context.
void inherit_context(context& fresh);

/// Makes a context current on this thread for a scope.
class RONDO_EXPORT context_switch {
public:
  explicit context_switch(context& c) noexcept;
  context_switch(const context_switch&) = delete;
  context_switch& operator=(const context_switch&) = delete;
  ~context_switch();

private:
  context* previous_;
};

} // namespace detail

/// A set of values of context variables.
///
/// A handle: copies of the object share the values, `copy_context()` makes a separate set. A task gets a copy of its
/// creator's context, or shares the one given in `task_options`; a callback gets a copy at registration.
///
/// Thread safety: a context is used by one thread at a time. asyncio: `contextvars.Context`.
class RONDO_EXPORT context {
public:
  context() noexcept = default;
  context(const context&);
  context(context&&) noexcept = default;
  context& operator=(const context&);
  context& operator=(context&&) noexcept = default;
  ~context() = default;

  /// Calls `f()` with this context as the current one and returns what it returns.
  template <class F>
  decltype(auto) run(F&& f) {
    share();
    context self(*this);
    detail::context_switch scope(self);
    return std::forward<F>(f)();
  }

  /// Whether two handles share their values. Two contexts in which nothing was ever set are not told apart.
  friend bool operator==(const context& a, const context& b) noexcept { return a.box_ == b.box_; }

  /// Makes a set for this handle if it has none yet, so that it is told apart from others.
  void share() const;

  /// A separate set with the same values.
  context copy() const;

private:
  friend std::optional<std::any> detail::set_context_value(const detail::ref<const detail::context_key>&,
                                                           std::optional<std::any>);
  friend const std::any* detail::find_context_value(const detail::context_key&) noexcept;
  friend const detail::context_box* detail::current_context_box();
  friend void detail::inherit_context(context&);

  // Null as long as nothing was set: most programs have no variables and pay nothing.
  mutable detail::ref<detail::context_box> box_;
};

/// A copy of the current context. asyncio: `contextvars.copy_context`.
RONDO_EXPORT context copy_context();

/// A variable with a value for each context.
///
/// Usually a global: `context_var<std::string> request_id{"request_id", "none"}`. Thread safety: `get` and `set` act on
/// the current context of the calling thread. asyncio: `contextvars.ContextVar`.
template <class T>
class context_var {
  static_assert(std::is_copy_constructible_v<T>, "context_var<T> needs a copyable T: contexts are copied");

public:
  /// Remembers the value that a `set` replaced. It belongs to the context in which the set happened.
  class token {
  public:
    token(token&&) noexcept = default;
    token& operator=(token&&) noexcept = default;

  private:
    friend context_var;
    token(detail::ref<const detail::context_key> key, const detail::context_box* where, std::optional<std::any> old)
        : key_(std::move(key)), where_(where), old_(std::move(old)) {}

    detail::ref<const detail::context_key> key_;
    const detail::context_box* where_;
    std::optional<std::any> old_;
  };

  /// Resets the variable at the end of the scope.
  class [[nodiscard]] scope {
  public:
    scope(scope&& other) noexcept
        : variable_(std::exchange(other.variable_, nullptr)), token_(std::move(other.token_)) {}
    scope& operator=(scope&&) = delete;
    ~scope() {
      if (variable_) variable_->restore(token_);
    }

  private:
    friend context_var;
    scope(context_var& v, token t) : variable_(&v), token_(std::move(t)) {}

    context_var* variable_;
    token token_;
  };

  explicit context_var(std::string name) : key_(new detail::context_key(std::move(name))) {}
  context_var(std::string name, T initial) : context_var(std::move(name)) { default_.emplace(std::move(initial)); }

  const std::string& name() const noexcept { return key_->name; }

  /// The value in the current context, else the default.
  /// Throws: `std::out_of_range` with the variable's name if there is neither (Python: LookupError).
  T get() const {
    if (const std::any* value = detail::find_context_value(*key_)) return std::any_cast<const T&>(*value);
    if (default_) return *default_;
    throw std::out_of_range("context_var '" + key_->name + "' has no value in this context and no default");
  }

  /// Sets the value in the current context; the token can restore what was there.
  token set(T value) {
    std::optional<std::any> old = detail::set_context_value(key_, std::any(std::move(value)));
    return token(key_, detail::current_context_box(), std::move(old));
  }

  /// Restores the value from before the `set` that gave the token.
  /// Throws: `std::runtime_error` if the token was used already, `std::invalid_argument` if it is another variable's or
  /// was made in another context.
  void reset(token& t) {
    if (!t.key_) throw std::runtime_error("the token of context_var '" + key_->name + "' has already been used once");
    if (t.key_ != key_) throw std::invalid_argument("the token was made by context_var '" + t.key_->name + "'");
    if (t.where_ != detail::current_context_box())
      throw std::invalid_argument("the token of context_var '" + key_->name + "' was made in a different context");
    restore(t);
  }
  void reset(token&& t) { reset(t); }

  /// Sets the value until the end of the scope: `auto s = request_id.scoped("42");`
  scope scoped(T value) { return scope(*this, set(std::move(value))); }

private:
  void restore(token& t) {
    detail::set_context_value(key_, std::move(t.old_));
    t.key_.reset();
  }

  detail::ref<const detail::context_key> key_;
  std::optional<T> default_;
};

RONDO_END_NAMESPACE
