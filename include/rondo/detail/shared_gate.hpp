// Waiting in line between threads: what thread_event and thread_queue have in common.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/wait.hpp>

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <stop_token>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace detail {

class shared_gate;

/// Somebody who waits at a `shared_gate`: a coroutine on a loop, or a blocked thread.
///
///     idle --> waiting --+--> granted   a permit is set aside for it, until it uses it or gives it back
///                        +--> refused   the gate is closed: there is nothing to wait for
///                        +--> left      it gave up
///
/// All changes of the status are made under the mutex of the primitive; only who is `waiting` is in the line.
class RONDO_EXPORT shared_waiter : public list_hook {
protected:
  enum class status : unsigned char { idle, waiting, granted, refused, left };

  shared_waiter() noexcept = default;
  ~shared_waiter() = default;

  status status_ = status::idle;

private:
  friend shared_gate;

  /// False if nobody is there to be woken, since its loop has ended.
  virtual bool wake() noexcept = 0;
};

/// Permits, and who waits for them, in the order of arrival. A permit is handed over, so nobody overtakes.
///
/// A flag is a gate with one permit or none that is not used up: open, all pass.
/// All functions are called under the mutex of the primitive that the gate belongs to.
class RONDO_EXPORT shared_gate {
public:
  enum class kind : unsigned char { counting, flag };

  shared_gate(kind k, std::size_t permits) noexcept : permits_(permits), counting_(k == kind::counting) {}

  /// Grants a permit that is there, or refuses. Neither of them, if it has to wait.
  bool try_pass(shared_waiter& w) noexcept;

  void join(shared_waiter& w) noexcept;
  void leave(shared_waiter& w) noexcept;

  /// A new permit, or one that was not used, for the first in line. Nothing if it is a flag.
  void add() noexcept;

  // Those of a flag.
  void open() noexcept;
  void shut() noexcept { permits_ = 0; }

  /// Takes the permits that nobody has got yet.
  std::size_t take_all() noexcept { return std::exchange(permits_, 0); }

  /// From now on who would have to wait is refused.
  void close() noexcept;

  bool closed() const noexcept { return closed_; }
  std::size_t waiters() const noexcept { return waiters_; }

private:
  bool wake_next(shared_waiter::status s) noexcept;

  std::size_t permits_; // more than 0 only while nobody waits
  const bool counting_;
  bool closed_ = false;
  list<shared_waiter> line_;
  std::size_t waiters_ = 0;
};

/// The state of a primitive between threads. Handles and everybody who waits share it: a thread that has just woken
/// others may still be inside when they have destroyed the primitive.
class shared_state : public counted {
public:
  std::mutex mutex;
};

/// A coroutine that waits at a gate.
class RONDO_EXPORT gate_wait : public wait_node, public shared_waiter {
public:
  bool ready() noexcept;
  bool cancel(optional_text& message) noexcept final;
  void run() noexcept final;

protected:
  gate_wait(ref<shared_state> state, shared_gate& gate) noexcept : state_(std::move(state)), gate_(&gate) {}
  gate_wait(gate_wait&& other) noexcept : state_(std::move(other.state_)), gate_(other.gate_) {}
  ~gate_wait();

  bool refused() const noexcept { return status_ == status::refused; }

  /// The permit has been used.
  void use() noexcept { asked_ = false; }

  shared_state& state() const noexcept { return *state_; }

private:
  void park() noexcept final;
  bool wake() noexcept final;
  void give_back() noexcept;

  ref<shared_state> state_;
  shared_gate* gate_;
  bool asked_ = false; // the status, which other threads may change, is of interest
};

/// A thread that waits at a gate.
class RONDO_EXPORT thread_wait final : public shared_waiter {
public:
  enum class outcome { granted, refused, timed_out, stopped };

  /// `call` names the function in messages.
  /// Throws: `std::runtime_error` if it would have to block on a thread that runs a loop.
  outcome wait(shared_state& state, shared_gate& gate, const char* call, time_limit limit, const std::stop_token& stop);

private:
  bool wake() noexcept override;
  void block(std::unique_lock<std::mutex>& lock, shared_gate& gate, time_limit limit);
  outcome result() const noexcept;

  std::condition_variable changed_;
  bool stopped_ = false;
};

} // namespace detail
RONDO_END_NAMESPACE
