// Waiting in line: what locks, semaphores, events and queues have in common.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/wait.hpp>

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE

/// What a primitive tells about itself.
struct sync_statistics {
  std::size_t waiters = 0;      // tasks that wait now
  std::size_t most_waiters = 0; // at the same time, ever
};

namespace detail {

class waiting_line;

/// Hook in a line. A waiter stays in it until its turn has come, also when it has been woken or cancelled: who comes
/// later has to see that somebody was there before.
struct line_hook : list_hook {};

/// A wait in a line.
class RONDO_EXPORT line_wait : public wait_node, public line_hook {
public:
  bool cancel(optional_text& message) noexcept final;
  void run() noexcept final;

protected:
  enum class status : unsigned char { waiting, woken, cancelled };

  explicit line_wait(waiting_line& line) noexcept : line_(&line) {}
  line_wait(line_wait&& other) noexcept : line_(other.line_) {}
  ~line_wait() {
    if (line_hook::linked()) leave();
  }

  /// Joins the line; a cancellation that was pending takes effect.
  void wait();

  /// Whether somebody has woken it; it may have been cancelled since.
  bool was_woken() const noexcept { return status_ == status::woken; }

  /// Whether the line has been destroyed, and with it the primitive.
  bool orphaned() const noexcept { return !line_; }

private:
  friend waiting_line;

  void leave() noexcept;
  void line_is_gone(const char* owner) noexcept;

  /// Whether a waiter that was woken does not need the primitive any more.
  virtual bool outlives_line() const noexcept { return false; }

  /// The turn of the waiter, which has left the line, has come. `cancelled`: it resumes with an error, and passes on what
  /// it was given. Returns false if it has joined the line again.
  virtual bool turn(bool cancelled) noexcept = 0;

  waiting_line* line_;
  status status_ = status::woken; // until it has to wait
};

/// What a guard is linked by, so that it does not reach for a primitive that was destroyed before it.
class guard_hook : public list_hook {
public:
  explicit operator bool() const noexcept { return primitive_ != nullptr; }

protected:
  guard_hook() noexcept = default;
  ~guard_hook() = default;

  void take(guard_hook& other) noexcept {
    primitive_ = std::exchange(other.primitive_, nullptr);
    replace(other);
  }

  void* primitive_ = nullptr; // null exactly while it is in no list

private:
  friend waiting_line;
};

/// The waiters of a primitive, in the order of their arrival. Bound to the loop of the first that has to wait.
class RONDO_EXPORT waiting_line {
public:
  explicit waiting_line(const char* owner) noexcept : owner_(owner) {}
  waiting_line(const waiting_line&) = delete;
  waiting_line& operator=(const waiting_line&) = delete;
  ~waiting_line();

  /// Whether nobody is in the line but those that have been cancelled.
  bool deserted() const noexcept { return uncancelled_ == 0; }

  /// Wakes the first that waits. False if nobody does.
  bool wake_next() noexcept;

  /// The same unless somebody who has been woken or cancelled stands before it.
  void wake_first() noexcept;

  void wake_all() noexcept;

  /// Makes it a line of this loop. Throws: `std::runtime_error` if it is one of another.
  void bind(loop_core& core);

  sync_statistics statistics() const noexcept { return {size_, most_}; }

  /// A guard has what the waiters wait for.
  void add_guard(guard_hook& guard) noexcept { guards_.push_back(guard); }

  /// "lock": for messages.
  const char* owner() const noexcept { return owner_; }

  /// In debug mode throws if this is not the thread of those that wait.
  void check_thread(const char* call, const char* remedy = "call_soon_threadsafe") const {
    if (size_ > 0) detail::check_thread(*core_, call, remedy);
  }

private:
  friend line_wait;

  void join(line_wait& w, loop_core& core);
  void leave(line_wait& w) noexcept;
  void wake(line_wait& w) noexcept;
  void pass_over(line_wait& w) noexcept;

  list<line_wait, line_hook> waiters_;
  list<guard_hook> guards_;
  line_wait* first_waiting_ = nullptr; // those before it have been woken or cancelled
  std::size_t size_ = 0;
  std::size_t most_ = 0;
  std::size_t uncancelled_ = 0;
  ref<loop_core> core_;
  const char* owner_;
};

/// The wait for a `Primitive` that has `bool try_acquire()` and `void turn(bool woken, bool cancelled)`: the turn of a
/// waiter has come, which was woken, but may have been cancelled since.
template <class Primitive>
class acquire_wait : public line_wait {
public:
  bool ready() noexcept { return primitive_->try_acquire(); }
  std::string waits_for() const final { return this->orphaned() ? "what was destroyed" : primitive_->describe(); }

protected:
  acquire_wait(Primitive& p, waiting_line& line) noexcept : line_wait(line), primitive_(&p) {}

  Primitive& primitive() const noexcept { return *primitive_; }

private:
  void park() final {
    if (!primitive_->try_acquire()) return wait();
    keeps_outcome_ = true; // it did not have to wait, so a cancellation is for the next wait
    complete_now();
  }

  bool turn(bool cancelled) noexcept final {
    if (!keeps_outcome_) primitive_->turn(was_woken(), cancelled);
    return true;
  }

  Primitive* primitive_;
};

} // namespace detail

/// What `scoped()` has acquired; gives it back when it goes, so that must not be done by hand as well.
template <class Primitive>
class [[nodiscard]] scoped_guard : private detail::guard_hook {
public:
  scoped_guard() noexcept = default;
  scoped_guard(scoped_guard&& other) noexcept { take(other); }

  /// Gives back what it has before it takes the other's.
  scoped_guard& operator=(scoped_guard&& other) noexcept {
    scoped_guard taken(std::move(other));
    release();
    take(taken);
    return *this;
  }
  ~scoped_guard() { release(); }

  /// Gives it back now.
  void release() noexcept {
    if (!primitive_) return;
    unlink();
    static_cast<Primitive*>(std::exchange(primitive_, nullptr))->give_back();
  }

  /// Whether there is something to give back; no longer when the primitive was destroyed.
  using guard_hook::operator bool;

  /// For the library itself.
  explicit scoped_guard(Primitive& acquired) noexcept {
    primitive_ = &acquired;
    acquired.line_.add_guard(*this);
  }
};

namespace detail {

/// T is void, or the guard of `Primitive`.
template <class Primitive, class T>
class [[nodiscard]] acquire_op final : public wait_op<T, acquire_op<Primitive, T>, acquire_wait<Primitive>> {
  using base = wait_op<T, acquire_op, acquire_wait<Primitive>>;

public:
  acquire_op(Primitive& p, waiting_line& line) noexcept : base(p, line) {}

private:
  friend base;

  T take() noexcept {
    if constexpr (!std::is_void_v<T>) return T(this->primitive());
  }
};

} // namespace detail
RONDO_END_NAMESPACE
