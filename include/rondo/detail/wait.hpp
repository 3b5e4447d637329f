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
#include <string>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// Hook in the list of waits that no task owns; the loop drops these when it ends.
struct foreign_hook : list_hook {};

/// A parked wait.
///
///     coroutine frame                                     loop
///     +------------------------------+                    +-----------------+
///     | operation object             |<---- waiters ------| future, timer.. |
///     |   list links                 |      or ready      +-----------------+
///     |   handler: owns the frame ---+--> the whole stack of the coroutine
///     |   owner ---------------------+--> task, whose `waiting` points back here
///     +------------------------------+
///
/// The operation object is a temporary of the co_await expression, so it lives exactly as long as the wait, and it is
/// linked into one list at a time: that of what it waits for, then the ready queue. `owner` is set only if the wait is
/// the task's own coroutine's; a raw coroutine started from inside a task is nobody's wait.
class RONDO_EXPORT wait_node : public ready_node, public foreign_hook {
public:
  /// Asks the wait to end with a cancellation. Returns false, and leaves the message, if it has ended already or cannot
  /// end early (a yield).
  virtual bool cancel(optional_text& message) noexcept = 0;

  /// The future that is awaited, if it is one: a cancellation walks along these instead of calling `cancel`.
  virtual future_state_base* awaited() noexcept { return nullptr; }

  /// What the wait is for, for people: "sleep until ...", "task 'reader'".
  virtual std::string waits_for() const = 0;

  std::int64_t since() const noexcept { return since_; }
  task_state_base* owner() const noexcept { return owner_; }

  /// Ends the wait whatever it is for, as `cancel` does where that cannot help: see task_state_base::break_circle.
  void cut() noexcept;

  /// The loop of what is awaited, if that has one: lets a coroutine wait that plain Asio runs on the loop's executor.
  virtual loop_core* home() noexcept { return nullptr; }

  void drop() noexcept final;

protected:
  wait_node() noexcept {}
  wait_node(wait_node&& other) noexcept;
  ~wait_node() {}

  /// Notes whose wait this is. False if no loop runs here.
  bool begin(const void* coroutine) noexcept;

  /// Takes the handler of a co_await. False if no loop runs here; the coroutine is then resumed with that error.
  bool begin_frame(any_frame_handler&& handler);

  /// The turn of the node has come: resumes the coroutine. `value` is an empty value_slot_t<T>.
  void resume_with(void* value) noexcept;

  /// The outcome: an error, or the value.
  virtual void collect_outcome(std::exception_ptr& error, void* value) noexcept = 0;

  /// Deletes a node that has moved to the heap.
  virtual void remove() noexcept = 0;

  /// Called after the node was linked to what it waits for; a cancellation that was pending takes effect here.
  void parked() noexcept;

  /// The wait is over before it began: resumes the task's own coroutine at the end of the slice, without a hop, and any
  /// other through the ready queue.
  void complete_now() noexcept;

  /// Ends the wait with an error in the next pass.
  void fail(std::exception_ptr error) noexcept;

  /// Unlinks a node whose `cancel` ends the wait itself, and pushes it to the ready queue.
  void push_cancelled(optional_text& message) noexcept;

  /// Detaches the node from its task when its turn has come. Returns true if a cancellation takes the place of the
  /// outcome; `error` then holds it.
  bool wake(std::exception_ptr& error) noexcept;

  /// The error of the outcome if that is a cancellation: a pending cancellation of the task does not replace it.
  virtual std::exception_ptr cancelled_outcome() noexcept { return nullptr; }

  /// The operation completed although it was told to cancel: the cancellation is delivered at the task's next wait.
  void cancel_later(optional_text message) noexcept;

  /// Detaches the node because the loop ends.
  void detach() noexcept;

  /// The cancellation slot of a coroutine that is not a task's own; unconnected otherwise.
  boost::asio::cancellation_slot coroutine_slot() const noexcept {
    if (owner_ || !armed_) return {};
    return handler_.get_cancellation_slot();
  }

  /// What completes a wait whose handler is not that of a co_await.
  class elsewhere_base {
  public:
    virtual void deliver(std::exception_ptr error, void* value) = 0;
    virtual void dispose() = 0;

  protected:
    ~elsewhere_base() = default;
  };

  // Set when the wait begins: until then an operation object is built and destroyed with as few stores as possible.
  loop_core* core_;
  task_runner* runner_;
  std::int64_t since_;
  union {
    any_frame_handler handler_; // alive while armed_
  };

  task_state_base* owner_ = nullptr;
  std::exception_ptr error_;
  elsewhere_base* elsewhere_ = nullptr;
  bool armed_ = false;
  bool immediate_ = false;     // resumed by the slice in which it began
  bool keeps_outcome_ = false; // a cancellation that comes now must not replace the outcome
  bool cancelled_ = false;
  bool on_heap_ = false;
  bool unusual_ = false; // anything but a task's own wait that ends with its outcome: asked once, when it resumes

private:
  static void fail_outside(any_frame_handler&& handler);
  any_frame_handler take_handler() noexcept;
  void settle(std::exception_ptr& error, void* value) noexcept;
  void resume_unusually(void* value) noexcept;
};

RONDO_EXPORT std::exception_ptr no_running_loop();

/// Base of operation objects with the value type T. Derived has
///  - `void park()`: links the node, or calls complete_now() or fail();
///  - `void collect(std::exception_ptr& error, value_slot_t<T>& value)`: the outcome;
///  - `bool cancel(optional_text)`, `std::string waits_for() const`;
///  - a move constructor that also moves a parked wait, and a destructor that calls `rescue()`.
template <class T, class Derived>
class wait_op : public wait_node {
public:
  using value_type = T;

  /// Starts the operation with a completion token; the signature is `void(std::exception_ptr, boxed<T>)`.
  template <class Token>
    requires(!std::is_pointer_v<std::decay_t<Token>>)
  auto operator()(Token&& token) && {
    if constexpr (std::is_same_v<std::decay_t<Token>, frame_handler<T>>)
      start(std::move(token));
    else
      return boost::asio::async_initiate<Token, op_signature<T>>(start_elsewhere(), token, Derived(std::move(self())));
  }

  void run() noexcept final {
    value_slot_t<T> value;
    resume_with(&value);
  }

protected:
  wait_op() = default;
  wait_op(wait_op&&) = default;
  ~wait_op() = default;

  /// A parked operation object that dies before its wait is over (the tail of a deferred chain, say) moves to the heap.
  void rescue() noexcept {
    if (armed_) [[unlikely]]
      move_to_heap();
  }

private:
  template <class, class>
  friend class wait_op;

  [[gnu::noinline]] void move_to_heap() noexcept {
    auto* moved = new Derived(std::move(self()));
    moved->on_heap_ = moved->unusual_ = true;
  }

  Derived& self() noexcept { return static_cast<Derived&>(*this); }

  void start(frame_handler<T>&& handler) {
    if (begin_frame(std::move(handler))) self().park();
  }

  void collect_outcome(std::exception_ptr& error, void* value) noexcept final {
    self().collect(error, *static_cast<value_slot_t<T>*>(value));
  }
  void remove() noexcept final { delete &self(); }

  struct start_elsewhere;
  template <class Handler>
  class elsewhere;
};

/// A wait whose handler is not that of a co_await: the state lives in memory from the handler's allocator.
template <class T, class Derived>
template <class Handler>
class wait_op<T, Derived>::elsewhere final : wait_node::elsewhere_base {
public:
  static void start(Derived&& op, Handler&& handler) {
    allocator alloc(boost::asio::get_associated_allocator(handler));
    auto* memory = std::allocator_traits<allocator>::allocate(alloc, 1);
    auto* self = new (memory) elsewhere(std::move(op), std::move(handler));
    wait_op& wait = self->op_;
    if (!wait.begin(nullptr)) return self->fail_outside();
    auto slot = boost::asio::get_associated_cancellation_slot(self->handler_);
    if (slot.is_connected())
      slot.assign([self](boost::asio::cancellation_type_t) {
        optional_text none;
        self->op_.cancel(none);
      });
    wait.self().park();
  }

private:
  using allocator =
      typename std::allocator_traits<boost::asio::associated_allocator_t<Handler>>::template rebind_alloc<elsewhere>;

  elsewhere(Derived&& op, Handler&& handler) : op_(std::move(op)), handler_(std::move(handler)) {
    static_cast<wait_op&>(op_).elsewhere_ = this;
  }

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
                       value_slot_t<T>& value) {
    auto executor = boost::asio::get_associated_executor(handler, fallback);
    if constexpr (std::is_void_v<T>) {
      boost::asio::dispatch(executor, [handler = std::move(handler), error = std::move(error)]() mutable {
        std::move(handler)(std::move(error), boxed<void>());
      });
    } else {
      auto owner = std::make_shared<std::optional<T>>(std::move(value));
      boost::asio::dispatch(
          executor, [handler = std::move(handler), error = std::move(error), owner = std::move(owner)]() mutable {
            std::move(handler)(std::move(error), boxed<T>(std::move(owner)));
          });
    }
  }

  void fail_outside() {
    value_slot_t<T> none;
    complete(boost::asio::system_executor(), release(), no_running_loop(), none);
  }

  void deliver(std::exception_ptr error, void* value) override {
    loop_core& core = *static_cast<wait_op&>(op_).core_;
    try {
      const auto fallback = executor_of(core);
      complete(fallback, release(), std::move(error), *static_cast<value_slot_t<T>*>(value));
    } catch (...) {
      report(core, "Exception in a completion handler", std::current_exception());
    }
  }

  void dispose() override { (void)release(); }

  Derived op_;
  Handler handler_;
};

template <class T, class Derived>
struct wait_op<T, Derived>::start_elsewhere {
  template <class Handler>
  void operator()(Handler&& handler, Derived&& op) const {
    using handler_type = std::decay_t<Handler>;
    // A deferred chain hands the coroutine's own handler on: it needs no other storage than the operation.
    if constexpr (std::is_same_v<handler_type, frame_handler<T>>)
      static_cast<wait_op&>(op).start(std::move(handler));
    else
      elsewhere<handler_type>::start(std::move(op), handler_type(std::forward<Handler>(handler)));
  }
};

} // namespace detail
RONDO_END_NAMESPACE
