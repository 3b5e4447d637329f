// Parking: how a suspended coroutine waits for something without an allocation and without an Asio operation.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/asio_compat.hpp>
#include <rondo/detail/core.hpp>

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>

#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// Hook in the list of waits that no task owns; the loop drops these when it ends.
struct foreign_hook : list_hook {};

/// Room for an object whose life somebody else keeps track of.
template <class T>
class late {
public:
  template <class... Args>
  void begin(Args&&... args) noexcept {
    new (memory_) T(std::forward<Args>(args)...);
  }
  void end() noexcept { (**this).~T(); }

  /// Moves the object out and ends its life.
  T take() noexcept {
    T object(std::move(**this));
    end();
    return object;
  }

  T& operator*() noexcept { return *std::launder(reinterpret_cast<T*>(memory_)); }
  T* operator->() noexcept { return &**this; }

private:
  alignas(T) unsigned char memory_[sizeof(T)];
};

/// A parked wait.
///
///     coroutine frame                                     loop
///     +------------------------------+                    +-----------------+
///     | operation object             |<---- waiters ------| future, timer.. |
///     |   list links                 |      or ready      +-----------------+
///     |   coroutine: owns the frame -+--> the whole stack of the coroutine
///     |   owner ---------------------+--> task, whose `waiting` points back here
///     +------------------------------+
///
/// The operation object is a temporary of the co_await expression, so it lives exactly as long as the wait and does not
/// move while it is parked. It is linked into one list at a time: that of what it waits for, then the ready queue.
/// `owner` is set only if the wait is the task's own coroutine's; a raw coroutine started from inside a task is nobody's
/// wait.
///
/// The protocol: `ready()` saves the suspension, `suspend()` notes whose wait it is and calls `park()`, which links the
/// node or calls `complete_now()` or `fail()`; `run()` resumes the coroutine, which asks for the outcome.
class RONDO_EXPORT wait_node : public ready_node, public foreign_hook {
public:
  wait_node(const wait_node&) = delete;
  wait_node& operator=(const wait_node&) = delete;

  /// Asks the wait to end with a cancellation. Returns false, and leaves the message, if it has ended already or cannot
  /// end early (a yield).
  virtual bool cancel(optional_text& message) noexcept = 0;

  /// The same for a `cancel()` of the task: unlike that of a scope it must not get lost.
  bool cancel_really(optional_text& message) noexcept {
    really_cancelled_ = true;
    return cancel(message);
  }

  /// Ends the wait with a cancellation whatever `cancel` would do.
  void cut(optional_text& message) noexcept { push_cancelled(message); }

  /// The future that is awaited, if it is one: a cancellation walks along these instead of calling `cancel`.
  virtual future_state_base* awaited() noexcept { return nullptr; }

  /// What the wait is for, for people: "sleep until ...", "task 'reader'".
  virtual std::string waits_for() const = 0;

  std::int64_t since() const noexcept { return since_; }
  task_state_base* owner() const noexcept { return owner_; }

  /// The loop of what is awaited, if that has one: lets a coroutine wait that plain Asio runs on the loop's executor.
  virtual loop_core* home() noexcept { return nullptr; }

  /// Whether the outcome is there already; the coroutine then is not suspended. Hidden by those that know.
  static constexpr bool ready() noexcept { return false; }

  /// Parks the coroutine whose innermost frame this is.
  void suspend(coroutine_frame& frame) noexcept;

  void run() noexcept override;
  void drop() noexcept final;

protected:
  wait_node() noexcept {}
  wait_node(wait_node&&) noexcept {} // only before the wait begins
  ~wait_node() = default;            // nothing is alive in it: run() and drop() have seen to that

  virtual void park() = 0;

  /// Notes whose wait this is. False if no loop runs here.
  bool begin(const void* coroutine) noexcept;

  /// begin() and park() for a wait whose handler is not that of a co_await. False if no loop runs here.
  bool start(const void* coroutine) noexcept;

  /// Called after the node was linked to what it waits for; a cancellation that was pending takes effect here.
  void parked() noexcept;

  /// The wait is over before it began.
  void complete_now() noexcept { push_ready(*core_, *this); }

  /// Ends the wait with an error in the next pass.
  void fail(std::exception_ptr error) noexcept;

  [[noreturn]] void rethrow();

  /// Unlinks a node whose `cancel` ends the wait itself, and pushes it to the ready queue.
  void push_cancelled(optional_text& message) noexcept;

  /// The error of the outcome if that is a cancellation: a pending cancellation of the task does not replace it.
  virtual std::exception_ptr cancelled_outcome() noexcept { return nullptr; }

  /// The operation completed although it was told to cancel: a `cancel()` is delivered at the task's next wait.
  void cancel_later(optional_text message) noexcept;

  /// What completes a wait whose handler is not that of a co_await.
  class elsewhere_base {
  public:
    virtual void deliver() = 0;
    virtual void dispose() = 0;

  protected:
    ~elsewhere_base() = default;
  };

  // Set when the wait begins: until then an operation object is built and destroyed with as few stores as possible.
  loop_core* core_;
  task_runner* runner_;
  std::int64_t since_;
  late<parked_coroutine> coroutine_; // alive while parked_
  late<std::exception_ptr> error_;   // alive while failed_: takes the place of the outcome

  task_state_base* owner_ = nullptr;
  elsewhere_base* elsewhere_ = nullptr;
  bool parked_ = false;
  bool failed_ = false;
  bool keeps_outcome_ = false; // a cancellation that comes now must not replace the outcome
  bool cancelled_ = false;
  bool really_cancelled_ = false; // `cancelled_` and its like come from a `cancel()`, not only from a scope
  bool unusual_ = false; // anything but a task's own wait that ends with its outcome: asked once, when it resumes

private:
  parked_coroutine take_coroutine() noexcept;
  void set_error(std::exception_ptr error) noexcept;
  void fail_outside() noexcept;
  void watch_slot() noexcept;
  void wake() noexcept;
  bool has_failed() noexcept;
  void run_unusually() noexcept;
  void detach() noexcept;
};

RONDO_EXPORT std::exception_ptr no_running_loop();

/// Base of operation objects with the value type T. `Base` is wait_node, or derives from it and has what does not depend
/// on T. Derived has `T take()`, which gives the outcome or throws it.
template <class T, class Derived, class Base = wait_node>
class wait_op : public Base {
public:
  using value_type = T;
  using rondo_wait = Derived;

  /// Starts the operation with a completion token; the signature is `void(std::exception_ptr, boxed<T>)`.
  template <class Token>
    requires(!std::is_pointer_v<std::decay_t<Token>>)
  auto operator()(Token&& token) && {
    return boost::asio::async_initiate<Token, op_signature<T>>(start_elsewhere(), token, Derived(std::move(self())));
  }

  // What Asio asks every operation that is awaited, without the templates that a real token needs.
  boost::asio::detail::async_operation_probe_result operator()(boost::asio::detail::async_operation_probe) &&;
  boost::asio::detail::completion_signature_probe_result<op_signature<T>> operator()(
      boost::asio::detail::completion_signature_probe) &&;

  /// The outcome, for the coroutine that waited.
  T outcome() {
    if (this->failed_) [[unlikely]]
      this->rethrow();
    return self().take();
  }

protected:
  using Base::Base;
  wait_op() = default;
  wait_op(wait_op&&) = default;
  ~wait_op() = default;

private:
  Derived& self() noexcept { return static_cast<Derived&>(*this); }

  struct start_elsewhere;
  template <class Handler>
  class elsewhere;
};

/// A wait whose handler is not that of a co_await: the state lives in memory from the handler's allocator.
template <class T, class Derived, class Base>
template <class Handler>
class wait_op<T, Derived, Base>::elsewhere final : wait_node::elsewhere_base {
public:
  static void start(Derived&& op, Handler&& handler) {
    allocator alloc(boost::asio::get_associated_allocator(handler));
    auto* memory = std::allocator_traits<allocator>::allocate(alloc, 1);
    auto* self = new (memory) elsewhere(std::move(op), std::move(handler));
    const void* coroutine = nullptr;
    // A deferred chain hands the coroutine's own handler on.
    if constexpr (std::is_same_v<Handler, frame_handler<T>>) coroutine = self->handler_.identity();
    wait_op& wait = self->op_;
    wait.elsewhere_ = self;
    auto slot = boost::asio::get_associated_cancellation_slot(self->handler_);
    if (slot.is_connected())
      slot.assign([&wait](boost::asio::cancellation_type_t) {
        optional_text none;
        static_cast<Derived&>(wait).cancel(none);
      });
    if (!wait.start(coroutine)) complete(boost::asio::system_executor(), self->release(), no_running_loop());
  }

private:
  using allocator =
      typename std::allocator_traits<boost::asio::associated_allocator_t<Handler>>::template rebind_alloc<elsewhere>;

  elsewhere(Derived&& op, Handler&& handler) : op_(std::move(op)), handler_(std::move(handler)) {}

  Handler release() {
    auto slot = boost::asio::get_associated_cancellation_slot(handler_);
    if (slot.is_connected()) slot.clear();
    allocator alloc(boost::asio::get_associated_allocator(handler_));
    Handler handler(std::move(handler_));
    this->~elsewhere();
    std::allocator_traits<allocator>::deallocate(alloc, this, 1);
    return handler;
  }

  static void complete(const boost::asio::any_io_executor& fallback, Handler&& handler, std::exception_ptr error,
                       boxed<T> value = {}) {
    auto executor = boost::asio::get_associated_executor(handler, fallback);
    boost::asio::dispatch(executor, [handler = std::move(handler), error = std::move(error), value]() mutable {
      std::move(handler)(std::move(error), std::move(value));
    });
  }

  void deliver() override {
    wait_op& wait = op_;
    loop_core& core = *wait.core_;
    std::exception_ptr error;
    boxed<T> value;
    try {
      if constexpr (std::is_void_v<T>)
        wait.outcome();
      else
        value = boxed<T>(wait.outcome());
    } catch (...) {
      error = std::current_exception();
    }
    try {
      const auto fallback = executor_of(core);
      complete(fallback, release(), std::move(error), std::move(value));
    } catch (...) {
      report(core, "Exception in a completion handler", std::current_exception());
    }
  }

  void dispose() override { (void)release(); }

  Derived op_;
  Handler handler_;
};

template <class T, class Derived, class Base>
struct wait_op<T, Derived, Base>::start_elsewhere {
  template <class Handler>
  void operator()(Handler&& handler, Derived&& op) const {
    using handler_type = std::decay_t<Handler>;
    elsewhere<handler_type>::start(std::move(op), handler_type(std::forward<Handler>(handler)));
  }
};

} // namespace detail
RONDO_END_NAMESPACE
