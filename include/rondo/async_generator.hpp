// async_generator<T>: a coroutine that yields values and may await in between.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/asio_compat.hpp>
#include <rondo/detail/ref_count.hpp>

#include <boost/asio/async_result.hpp>

#include <concepts>
#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE

template <class T>
class async_generator;

/// What `async_generator::aclose` throws into the body, at the `co_yield` where it stands.
///
/// Like `cancelled_error` it is no `std::exception`. Code that catches it cleans up, and throws it on or returns.
/// Python: `GeneratorExit`.
class RONDO_EXPORT generator_exit {};

namespace detail {

/// The coroutine of a generator: a frame like those of Asio, and on the consumer's stack while it runs.
///
///     bottom of stack <-- ... <-- consumer <-- generator <-- what the generator awaits
///
/// next() pushes the frame, co_yield and the end pop it, and Asio's pump resumes whatever is on top: no recursion, no
/// allocation for an item, and everything that is asked for the coroutine's identity sees the consumer's.
///
/// The generator object and the operations on it share the frame, so that a generator may be destroyed while somebody
/// waits in it. All of it belongs to one coroutine at a time: the count is a plain one.
class RONDO_EXPORT generator_frame : public coroutine_frame {
public:
  enum class phase : unsigned char { fresh, running, closing, yielded, done };

  phase now() const noexcept { return phase_; }
  bool runs() const noexcept { return phase_ == phase::running || phase_ == phase::closing; }

  /// Continues the body on the consumer's stack, to its next co_yield or its end.
  void enter(coroutine_frame& consumer, phase p) noexcept {
    phase_ = p;
    push_frame(&consumer);
  }

  /// A frame that has ended, or never will begin, dies with the last operation on it: its owner lets it go.
  void retire() noexcept {
    phase_ = phase::done;
    if (owner_) std::exchange(owner_, nullptr)->reset();
  }

  /// The pointer by which the generator object holds this frame; null when that is gone.
  void set_owner(boost::intrusive_ptr<generator_frame>* owner) noexcept { owner_ = owner; }

  auto final_suspend() noexcept {
    phase_ = phase::done;
    return coroutine_frame::final_suspend();
  }
  void unhandled_exception() noexcept;
  void return_void() noexcept {}

  friend void intrusive_ptr_add_ref(generator_frame* f) noexcept { ++f->references_; }
  friend void intrusive_ptr_release(generator_frame* f) noexcept {
    if (--f->references_ == 0) f->destroy();
  }

protected:
  class yield_point {
  public:
    explicit yield_point(generator_frame& frame) noexcept : frame_(frame) {}

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) noexcept {
      frame_.phase_ = phase::yielded;
      frame_.pop_frame();
    }
    void await_resume() const {
      if (frame_.phase_ == phase::closing) [[unlikely]]
        throw generator_exit();
    }

  private:
    generator_frame& frame_;
  };

private:
  boost::intrusive_ptr<generator_frame>* owner_ = nullptr;
  unsigned references_ = 0;
  phase phase_ = phase::fresh;
};

[[noreturn]] RONDO_EXPORT void throw_generator_runs(const char* call);
[[noreturn]] RONDO_EXPORT void throw_generator_exit_ignored();

/// Stands for the value type of a generator in the name of its frame.
template <class T>
struct yields;

template <class T>
using yielding_frame = boost::asio::detail::awaitable_frame<yields<T>, boost::asio::any_io_executor>;

/// What the operations on a generator share: they are awaited like waits of the kernel, but wait by running the body.
template <class T, class Value, class Derived>
class generator_op {
public:
  using value_type = Value;
  using rondo_wait = Derived;

  boost::asio::detail::async_operation_probe_result operator()(boost::asio::detail::async_operation_probe) &&;
  boost::asio::detail::completion_signature_probe_result<op_signature<Value>> operator()(
      boost::asio::detail::completion_signature_probe) &&;

protected:
  explicit generator_op(ref<generator_frame> frame) noexcept : frame_(std::move(frame)) {}
  generator_op(generator_op&&) noexcept = default;
  ~generator_op() = default;

  yielding_frame<T>& frame() const noexcept { return static_cast<yielding_frame<T>&>(*frame_); }

  ref<generator_frame> frame_; // null: exhausted
  bool refused_ = false;       // the generator was running already
};

/// `co_await g.next()`.
template <class T>
class [[nodiscard]] next_op final : public generator_op<T, std::optional<T>, next_op<T>> {
public:
  explicit next_op(ref<generator_frame> frame) noexcept : next_op::generator_op(std::move(frame)) {}

  bool ready() noexcept {
    if (!this->frame_) return true;
    this->refused_ = this->frame_->runs();
    return this->refused_ || this->frame_->now() == generator_frame::phase::done;
  }
  void suspend(coroutine_frame& consumer) noexcept { this->frame_->enter(consumer, generator_frame::phase::running); }

  std::optional<T> outcome() {
    if (this->refused_) throw_generator_runs("anext()");
    if (!this->frame_) return std::nullopt;
    if (this->frame_->now() == generator_frame::phase::yielded) return this->frame().take();
    this->frame_->retire();
    this->frame_->rethrow_exception();
    return std::nullopt;
  }
};

/// `co_await g.aclose()`.
template <class T>
class [[nodiscard]] aclose_op final : public generator_op<T, void, aclose_op<T>> {
public:
  explicit aclose_op(ref<generator_frame> frame) noexcept : aclose_op::generator_op(std::move(frame)) {}

  bool ready() noexcept {
    if (!this->frame_) return true;
    this->refused_ = this->frame_->runs();
    return this->frame_->now() != generator_frame::phase::yielded;
  }
  void suspend(coroutine_frame& consumer) noexcept { this->frame_->enter(consumer, generator_frame::phase::closing); }

  void outcome() {
    if (this->refused_) throw_generator_runs("aclose()");
    if (!this->frame_) return;
    if (this->frame_->now() == generator_frame::phase::yielded) {
      this->frame().drop();
      throw_generator_exit_ignored();
    }
    this->frame_->retire();
    this->frame_->rethrow_exception();
  }
};

} // namespace detail

/// A coroutine that yields values with `co_yield` and awaits whatever an `awaitable<>` can await.
///
///     async_generator<int> countdown(int n) {
///       for (; n > 0; --n) {
///         co_await sleep(1s);
///         co_yield n;
///       }
///     }
///     ...
///     auto numbers = countdown(3);
///     while (auto n = co_await numbers.next())
///       use(*n);
///
/// The body runs in the consumer's task, from one `co_yield` to the next: `current_task()`, context variables,
/// cancellations and timeouts are those of whoever awaits `next()`. A T that is yielded as an lvalue is copied, else it
/// is moved; it may be move-only. A generator can be moved while nobody waits in it, and is used on one loop.
///
/// A generator that is destroyed before its end destroys its body: destructors run there, but nothing can be awaited.
/// For clean-up that awaits, end the generator with `aclose()`, or hand it to `with`, which does so; in the body:
///
///     std::exception_ptr stopped;
///     try {
///       while (auto row = co_await cursor.fetch()) co_yield *row;
///     } catch (...) { // an error, a cancellation, or the generator_exit of aclose()
///       stopped = std::current_exception();
///     }
///     co_await cursor.close();
///     if (stopped) std::rethrow_exception(stopped);
///
/// GCC 12 destroys a temporary aggregate in a `co_yield` twice: name it, and yield it with `std::move`.
/// asyncio: asynchronous generators.
template <class T>
class [[nodiscard]] async_generator {
  static_assert(std::is_object_v<T> && !std::is_const_v<T>,
                "async_generator<T> yields values: for a reference yield a pointer or a std::reference_wrapper");

public:
  using value_type = T;
  using promise_type = detail::yielding_frame<T>;

  /// A generator that has ended.
  async_generator() noexcept = default;

  async_generator(async_generator&& other) noexcept : frame_(std::move(other.frame_)) { own(); }
  async_generator& operator=(async_generator&& other) noexcept {
    async_generator old(std::move(*this));
    frame_ = std::move(other.frame_);
    own();
    return *this;
  }
  ~async_generator() {
    if (frame_) frame_->set_owner(nullptr);
  }

  /// Runs the body up to its next `co_yield` and gives the value; empty when the body has ended.
  ///
  /// Cancellation: reaches what the body awaits, as in any function that the task calls.
  /// Throws: what leaves the body, which has ended then; `std::runtime_error` while another `next()` or `aclose()` is
  /// awaited. asyncio: `anext`.
  detail::next_op<T> next() noexcept { return detail::next_op<T>(frame_); }

  /// Ends the generator: throws `generator_exit` at the `co_yield` where the body stands, and waits for its end.
  ///
  /// A body that was never started is destroyed; one that has ended is left alone.
  /// Throws: what leaves the body, other than `generator_exit`; `std::runtime_error` if it yields again (it stands there
  /// then), or while another `next()` or `aclose()` is awaited. asyncio: `aclose`.
  detail::aclose_op<T> aclose() noexcept { return detail::aclose_op<T>(frame_); }

private:
  friend promise_type;

  explicit async_generator(promise_type& frame) noexcept : frame_(&frame) { own(); }

  void own() noexcept {
    if (frame_) frame_->set_owner(&frame_);
  }

  detail::ref<detail::generator_frame> frame_; // null: ended
};

RONDO_END_NAMESPACE

namespace boost::asio::detail {

/// The frame of a generator. Coroutines are awaited only from frames that are specialisations of this template.
template <class T>
class awaitable_frame<rondo::detail::yields<T>, any_io_executor> : public rondo::detail::generator_frame {
public:
  rondo::async_generator<T> get_return_object() noexcept {
    this->coro_ = coroutine_handle<awaitable_frame>::from_promise(*this);
    return rondo::async_generator<T>(*this);
  }

  template <class U = T>
    requires std::convertible_to<U, T>
  yield_point yield_value(U&& value) {
    value_.emplace(std::forward<U>(value));
    return yield_point(*this);
  }

  std::optional<T> take() {
    std::optional<T> value(std::move(value_));
    value_.reset();
    return value;
  }
  void drop() noexcept { value_.reset(); }

private:
  std::optional<T> value_; // from its co_yield until the consumer has taken it
};

} // namespace boost::asio::detail
