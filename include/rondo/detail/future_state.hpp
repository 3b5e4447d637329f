// The shared state behind futures and tasks.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/context.hpp>
#include <rondo/detail/copyable.hpp>
#include <rondo/detail/recycled.hpp>
#include <rondo/detail/wait.hpp>
#include <rondo/errors.hpp>

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE

struct exception_context;

namespace detail {

class callback_node;

/// A future without its value. pending -> finished | failed | cancelled, once.
class RONDO_EXPORT future_state_base : public counted, public recycled {
public:
  enum class status : unsigned char { pending, finished, failed, cancelled };

  explicit future_state_base(loop_core& core) noexcept;
  ~future_state_base() override;

  loop_core& core() const noexcept { return *core_; }
  status state() const noexcept { return status_; }
  bool done() const noexcept { return status_ != status::pending; }
  bool cancelled() const noexcept { return status_ == status::cancelled; }

  /// asyncio's cancel(); a task's and a gather's differ.
  virtual bool cancel(optional_text message);

  /// The task behind this state, if it is one.
  virtual task_state_base* as_task() noexcept { return nullptr; }

  /// Whether users may set the outcome; a task's is its own.
  virtual bool settable() const noexcept { return false; }
  void check_settable(const char* call) const;

  /// Address of the `value_cell<T>` of a state that has one.
  virtual void* cell() noexcept = 0;

  /// "future", "task 'name'": for messages.
  virtual std::string describe() const;

  void add_waiter(ready_node& node) noexcept { waiters_.push_back(node); }
  hook_list& waiters() noexcept { return waiters_; }
  std::uint64_t add_callback(callback_node* node);
  bool remove_callback(std::uint64_t id) noexcept;

  /// Throws what `result()` throws when there is no value: pending, cancelled, failed.
  void throw_unless_finished() {
    if (status_ != status::finished) [[unlikely]]
      throw_outcome();
  }

  /// What `exception()` returns.
  std::exception_ptr exception();

  /// The error with which an awaiter resumes; null if there is a value.
  std::exception_ptr outcome_error();

  /// The error of a cancelled state. The one with which a task ended is given out once, as in CPython; later ones are new.
  std::exception_ptr make_cancelled_error();

  /// The message of a cancelled future; that of a task is in the exception with which the task ended.
  std::string cancel_text() const { return message_.str(); }

  /// Whether an awaiter would get a cancellation.
  bool ends_in_cancellation() const noexcept;

  void set_exception(std::exception_ptr error);
  void throw_if_done(const char* call) const;

  /// Marks the state and wakes everybody. The value, if any, was stored before.
  void finish(status s) noexcept;
  void finish_failed(std::exception_ptr error) noexcept;
  void finish_cancelled(std::exception_ptr original) noexcept;

  /// An exception that nobody asks for is no news: it will not be reported.
  void mark_retrieved() noexcept { unretrieved_ = false; }

protected:
  friend class loop_core;

  [[noreturn]] void throw_outcome();

  void destroy() noexcept override;
  void destroy_with_last_words() noexcept;
  void leave_loop() noexcept;

  /// What is to be reported when the last handle goes: an exception that nobody asked for, a task that did not end.
  virtual bool take_last_words(exception_context& c);

  ref<loop_core> core_;
  list<ready_node> waiters_; // coroutines and callbacks, in the order of their arrival
  std::exception_ptr error_;
  optional_text message_;
  status status_ = status::pending;
  bool unretrieved_ = false;
  bool has_callbacks_ = false;
};

/// Where a result lives. Copyable results are copied out, others are moved out once.
template <class T>
class value_cell {
public:
  static constexpr bool copies = is_copyable<T>;

  template <class... Args>
  void emplace(Args&&... args) {
    value_.emplace(std::forward<Args>(args)...);
  }

  bool taken() const noexcept { return !value_.has_value(); }

  T take() {
    if constexpr (copies) {
      if (taken()) throw invalid_state_error("the value of the future was already taken");
      return *value_;
    } else {
      return move_out();
    }
  }

  /// Takes the value also if it could be copied: for whoever is the only one that can reach it.
  T move_out() {
    if (taken()) throw invalid_state_error("the value of the future was already taken");
    T value(std::move(*value_));
    value_.reset();
    return value;
  }

private:
  std::optional<T> value_;
};

template <>
class value_cell<void> {
public:
  void emplace() noexcept {}
  void take() noexcept {}
};

/// The state of a `future<T>`.
template <class T>
class future_state final : public future_state_base {
public:
  using future_state_base::future_state_base;

  bool settable() const noexcept override { return true; }
  void* cell() noexcept override { return &cell_; }

  template <class... Args>
  void set_result(Args&&... args) {
    throw_if_done("set_result");
    cell_.emplace(std::forward<Args>(args)...);
    finish(status::finished);
  }

private:
  value_cell<T> cell_;
};

/// What `result()` returns or throws.
template <class T>
T take_result(future_state_base& state) {
  state.throw_unless_finished();
  if constexpr (!std::is_void_v<T>) return static_cast<value_cell<T>*>(state.cell())->take();
}

/// What awaiting a future does whatever its value is.
class RONDO_EXPORT future_wait : public wait_node {
public:
  /// As in asyncio a future that is done is as good as a value.
  bool ready() const noexcept { return state_->done() && usable_here(); }

  bool cancel(optional_text& message) noexcept final;
  loop_core* home() noexcept final { return &state_->core(); }
  future_state_base* awaited() noexcept final { return failed_ ? nullptr : state_.get(); }
  std::string waits_for() const final { return state_->describe(); }

protected:
  explicit future_wait(ref<future_state_base> state) noexcept : state_(std::move(state)) {}
  future_wait(future_wait&&) noexcept = default;
  ~future_wait() = default;

  future_state_base& state() const noexcept { return *state_; }

private:
  void park() final;
  void park_unusually();
  std::exception_ptr cancelled_outcome() noexcept final;

  /// Whether no other thread can be about to change the future.
  bool usable_here() const noexcept;

  ref<future_state_base> state_;
};

/// `co_await f.get()`.
template <class T>
class [[nodiscard]] get_op final : public wait_op<T, get_op<T>, future_wait> {
  using base = wait_op<T, get_op, future_wait>;

public:
  explicit get_op(ref<future_state_base> state) noexcept : base(std::move(state)) {}
  get_op(get_op&&) noexcept = default;

private:
  friend base;

  T take() { return take_result<T>(this->state()); }
};

} // namespace detail
RONDO_END_NAMESPACE
