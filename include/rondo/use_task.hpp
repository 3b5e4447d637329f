// use_task: the completion token for plain Asio operations in tasks.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/recycled.hpp>
#include <rondo/detail/source.hpp>
#include <rondo/detail/wait.hpp>
#include <rondo/errors.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE

/// A completion token that makes a plain Asio operation a wait of its task: `co_await socket.async_read_some(b, use_task)`.
///
/// Cancellation: exact. A cancel of the task is passed to the operation; if that ends with `operation_aborted`, the task
/// gets `cancelled_error`. If the operation has completed anyway, its result is delivered and the cancellation comes at
/// the next wait: no data is lost. A cancel that came before the operation began keeps it from being started.
/// With `asio::as_tuple(use_task)` and `asio::redirect_error(use_task, ec)` other errors are codes, and the cancellation
/// still throws. In a coroutine that is not a task's own, the coroutine's own cancellation slot is honoured instead.
///
/// `use_task_t::as_default_on_t<tcp::socket>` is a socket type with this token as its default. Asio completes its operations
/// by way of the executor, which is a type of its own: where every microsecond counts, name the token instead.
struct RONDO_EXPORT use_task_t {
  constexpr use_task_t() = default;

  template <class InnerExecutor>
  struct executor_with_default : InnerExecutor {
    using default_completion_token_type = use_task_t;

    template <class Other>
      requires(!std::is_same_v<std::decay_t<Other>, executor_with_default> &&
               std::is_convertible_v<Other, InnerExecutor>)
    executor_with_default(const Other& other) noexcept : InnerExecutor(other) {}
  };

  template <class Object>
  using as_default_on_t =
      typename Object::template rebind_executor<executor_with_default<typename Object::executor_type>>::other;

  template <class Object>
  static auto as_default_on(Object&& object) {
    return as_default_on_t<std::decay_t<Object>>(std::forward<Object>(object));
  }
};

inline constexpr use_task_t use_task{};

namespace detail {

/// A plain operation as its handler sees it: in memory of its own, because the operation object may move. Not in Asio's
/// recycled memory, of which a thread has two blocks: the operations themselves need them.
struct io_state : recycled {
  wait_node* wait = nullptr; // null once the wait is over or gone
  void (*abandon)(wait_node&) noexcept = nullptr;
  const boost::asio::any_io_executor* executor = nullptr;
  boost::asio::cancellation_signal signal;
  bool emitting = false;
  bool finished = false; // the handler is gone, and an emit that is still going on frees this

  void finish() noexcept {
    finished = true;
    if (!emitting) delete this;
  }

  void emit() {
    emitting = true;
    signal.emit(boost::asio::cancellation_type::all);
    emitting = false;
    if (finished) delete this;
  }
};

RONDO_EXPORT const boost::asio::any_io_executor& executor_reference(const loop_core& core) noexcept;

/// Resumes the wait of a completed operation, on the loop's executor.
RONDO_EXPORT void run_completed(loop_core& core, ready_node& node) noexcept;

/// The handler that the operation gets: completes the wait, or drops it when it is destroyed uncalled.
template <class Op>
class io_handler {
public:
  using executor_type = boost::asio::any_io_executor;
  using cancellation_slot_type = boost::asio::cancellation_slot;

  explicit io_handler(io_state* state) noexcept : state_(state) {}
  io_handler(io_handler&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  io_handler& operator=(io_handler&&) = delete;
  ~io_handler() {
    if (!state_) return;
    if (wait_node* wait = std::exchange(state_->wait, nullptr)) state_->abandon(*wait);
    state_->finish();
  }

  const executor_type& get_executor() const noexcept { return *state_->executor; }
  cancellation_slot_type get_cancellation_slot() const noexcept { return state_->signal.slot(); }

  template <class... Results>
  void operator()(Results&&... results) {
    io_state* const state = std::exchange(state_, nullptr);
    auto* const op = static_cast<Op*>(state->wait);
    const bool inside_emit = state->emitting;
    if (op) op->leave_state();
    state->finish(); // before the coroutine goes on: its next operation gets this memory
    if (op) op->complete(inside_emit, std::forward<Results>(results)...);
  }

private:
  io_state* state_;
};

template <class Signature>
struct io_results;
template <class... Ts>
struct io_results<void(Ts...)> {
  using type = std::tuple<std::decay_t<Ts>...>;
};

/// The wait for a plain operation with use_task.
template <class Signature, class Initiation, class... Args>
class [[nodiscard]] io_op final
    : public wait_op<typename signature_value<Signature>::type, io_op<Signature, Initiation, Args...>> {
  using value = typename signature_value<Signature>::type;
  using base = wait_op<value, io_op>;
  using results = typename io_results<Signature>::type;

  template <std::size_t I, class T>
  static constexpr bool result_is = [] {
    if constexpr (I < std::tuple_size_v<results>)
      return std::is_same_v<std::tuple_element_t<I, results>, T>;
    else
      return false;
  }();
  static constexpr bool has_code = result_is<0, boost::system::error_code>;
  static constexpr bool has_exception = result_is<0, std::exception_ptr>;
  static constexpr std::size_t first_value = has_code || has_exception ? 1 : 0;

public:
  template <class I, class... As>
  explicit io_op(boost::system::error_code* redirect, I&& initiation, As&&... args)
      : initiation_(std::forward<I>(initiation)), args_(std::forward<As>(args)...), redirect_(redirect) {}

  io_op(io_op&&) = default;

  ~io_op() {
    if (state_) state_->wait = nullptr;
  }

  bool cancel(optional_text& message) noexcept override {
    if (completed_) return false;
    if (!state_) { // not started: it never will be
      completed_ = true;
      this->push_cancelled(message);
      return true;
    }
    if (!requested_) message_ = std::move(message);
    requested_ = true;
    state_->emit();
    return true;
  }

  std::string waits_for() const override { return "an Asio operation (use_task)"; }

private:
  friend base;
  friend class io_handler<io_op>;

  void park() override {
    this->parked(); // a cancellation that is pending keeps the operation from being started
    if (completed_) return;
    state_ = new io_state;
    state_->wait = this;
    state_->abandon = [](wait_node& w) noexcept {
      auto& op = static_cast<io_op&>(w);
      op.state_ = nullptr;
      if (!op.starting_) w.drop();
    };
    state_->executor = &executor_reference(*this->core_);
    starting_ = true;
    try {
      io_handler<io_op> handler(state_);
      std::apply([&](auto&... args) { std::move(initiation_)(std::move(handler), std::move(args)...); }, args_);
      starting_ = false;
      if (!state_ && !completed_) this->drop(); // the initiation dropped the handler
    } catch (...) {
      starting_ = false;
      leave_state();
      if (std::exchange(completed_, true)) return;
      this->fail(std::current_exception());
    }
  }

  template <class... Results>
  void complete(bool inside_emit, Results&&... r) {
    completed_ = true;
    results_.emplace(std::forward<Results>(r)...);
    this->keeps_outcome_ = true; // a cancellation that comes too late must not replace the result
    if (inside_emit || starting_)
      push_ready(*this->core_, *this); // never resume inside cancel() or the initiation
    else
      run_completed(*this->core_, *this);
  }

  void leave_state() noexcept {
    if (state_) state_->wait = nullptr;
    state_ = nullptr;
  }

  boost::system::error_code code() const noexcept {
    if constexpr (has_code) return std::get<0>(*results_);
    if constexpr (std::tuple_size_v<results> == 1 && !has_exception && !has_code) // as_tuple
      if constexpr (requires { std::get<0>(std::get<0>(*results_)); })
        if constexpr (std::is_same_v<std::decay_t<decltype(std::get<0>(std::get<0>(*results_)))>,
                                     boost::system::error_code>)
          return std::get<0>(std::get<0>(*results_));
    return {};
  }

  std::exception_ptr exception() const noexcept {
    if constexpr (has_exception)
      return std::get<0>(*results_);
    else
      return nullptr;
  }

  value take() {
    if (requested_) {
      if (code() == boost::asio::error::operation_aborted || is_cancellation(exception()))
        throw cancelled_error(message_.str());
      this->cancel_later(std::move(message_));
    }
    if (exception()) std::rethrow_exception(exception());
    if constexpr (has_code) {
      if (redirect_)
        *redirect_ = code();
      else if (code())
        throw boost::system::system_error(code());
    }
    return take_value(std::make_index_sequence<std::tuple_size_v<results> - first_value>());
  }

  template <std::size_t... I>
  value take_value(std::index_sequence<I...>) {
    if constexpr (!std::is_void_v<value>) return value(std::move(std::get<I + first_value>(*results_))...);
  }

  Initiation initiation_;
  std::tuple<Args...> args_;
  std::optional<results> results_;
  boost::system::error_code* redirect_;
  io_state* state_ = nullptr; // while the operation is in progress
  optional_text message_;
  bool requested_ = false; // the operation was told to cancel
  bool completed_ = false;
  bool starting_ = false;
};

} // namespace detail
RONDO_END_NAMESPACE

namespace boost::asio {

template <class R, class... Ts>
class async_result<rondo::use_task_t, R(Ts...)> {
public:
  template <class Initiation, class... Args>
  static auto initiate(Initiation&& initiation, rondo::use_task_t, Args&&... args) {
    return rondo::detail::io_op<void(std::decay_t<Ts>...), std::decay_t<Initiation>, std::decay_t<Args>...>(
        nullptr, std::forward<Initiation>(initiation), std::forward<Args>(args)...);
  }
};

// With Asio's own adapter the operation would not see the error code, and could not tell a cancellation.
template <class R, class... Ts>
struct async_result<redirect_error_t<rondo::use_task_t>, R(boost::system::error_code, Ts...)> {
  template <class Initiation, class... Args>
  static auto initiate(Initiation&& initiation, redirect_error_t<rondo::use_task_t> token, Args&&... args) {
    return rondo::detail::io_op<void(boost::system::error_code, std::decay_t<Ts>...), std::decay_t<Initiation>,
                                std::decay_t<Args>...>(&token.ec_, std::forward<Initiation>(initiation),
                                                       std::forward<Args>(args)...);
  }
};

} // namespace boost::asio
