// Children that end before the coroutine that waits for them goes on: what join, race and map_concurrent are made of.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/children.hpp>
#include <rondo/detail/watch.hpp>

#include <cstddef>
#include <deque>
#include <limits>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace detail {

class child_wait;

/// Lives in the frame of the coroutine whose children these are.
///
///     start(...) for each child -> co_await all_ended() -> throw_errors() -> the values
///
/// It is stopped by what `until` names, or by a cancellation of the parent: the children are cancelled then, once, and
/// the wait goes on until all of them have ended. As in asyncio's TaskGroup errors go before a cancellation of the
/// parent, and so does a value that wins a race; the cancellation is delivered again at the parent's next wait.
class RONDO_EXPORT child_set {
public:
  enum class until : bool { first_error, first_completion };
  static constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

  class RONDO_EXPORT child final : public watch_node {
  public:
    bool has_value() const noexcept { return future && future->state() == future_state_base::status::finished; }

    ref<future_state_base> future; // null if it was not started, since the set was stopped before
    bool own = false;              // a task made for the set
    std::size_t index = 0;

  private:
    friend child_set;

    void done(future_state_base&) noexcept override { set->watched_child_ended(*this); }
    void abandoned() noexcept override {}

    child_set* set = nullptr;
  };

  /// `call` names the function in messages. At most `limit` children run at a time if the user asks for `room`.
  child_set(const char* call, until u, std::size_t limit = no_limit);
  child_set(const child_set&) = delete;
  child_set& operator=(const child_set&) = delete;

  loop_core& core() const noexcept { return core_; }

  /// Starts a child; what that throws stops the set like the error of a child.
  template <class S>
  void start(S&& s, std::source_location where, std::size_t index = 0) noexcept {
    child& c = next_child(index);
    if (stopped_ && !any_handle<S>) return;
    try {
      adopt(c, start_child(core_, std::forward<S>(s), where), !any_handle<S>);
    } catch (...) {
      fail(std::current_exception());
    }
  }

  /// Stops the set with an error that no child has thrown.
  void fail(std::exception_ptr error) noexcept;

  bool stopped() const noexcept { return stopped_; }
  bool has_room() const noexcept { return running_ < limit_; }
  bool ended() const noexcept { return running_ == 0; }

  /// Waits until all children have ended. Does not throw; a cancellation is noted.
  awaitable<void> all_ended() { return wait(false); }

  /// Waits until another child may be started, or the set is stopped and all have ended.
  awaitable<void> room() { return wait(true); }

  /// Throws what is to be thrown when all have ended.
  void throw_errors();

  child& operator[](std::size_t i) noexcept { return children_[i]; }
  std::size_t size() const noexcept { return children_.size(); }

  /// A child of a set with a limit that has ended; null if there is none left. Its place is used again.
  child* take_ended() noexcept;

private:
  friend child_wait;

  child& next_child(std::size_t index);
  void adopt(child& c, ref<future_state_base> future, bool own) noexcept;
  void watched_child_ended(child& c) noexcept;
  void child_ended(child& c) noexcept;
  void take_error(child& c) noexcept;
  void stop(const std::string& message) noexcept;
  void cancel_child(child& c, const std::string& message) noexcept;
  void parent_waits(task_state_base* parent);
  bool has_lost() const noexcept { return !errors_.empty() || child_cancelled_; }
  void parent_cancelled(std::exception_ptr error, const std::string& message) noexcept;
  void deliver_again() noexcept;
  [[noreturn]] void throw_collected();
  awaitable<void> wait(bool for_room);

  /// Whether the parent has nothing to wait for.
  bool over() const noexcept { return running_ == 0 || (for_room_ && !stopped_ && has_room()); }

  const char* const call_;
  loop_core& core_;
  const until until_;
  const std::size_t limit_;
  std::size_t running_ = 0;
  bool for_room_ = false;
  bool stopped_ = false;
  bool won_ = false; // the first completion of a race was a value
  child_wait* parent_ = nullptr;
  task_state_base* parent_task_ = nullptr; // since its first wait, if that is the task's own
  bool has_waited_ = false;
  std::exception_ptr cancellation_;        // of the parent
  std::exception_ptr child_cancelled_;     // a child ended with this before the set was stopped
  std::vector<std::exception_ptr> errors_; // of the others, as they came
  std::deque<child> children_;
  std::vector<child*> ended_; // with a limit: whose value is to be taken
  std::vector<child*> free_;
};

/// The wait of the parent. A cancellation does not end it: it goes on to the children, as from a task to one that it
/// awaits.
class RONDO_EXPORT child_wait final : public wait_op<void, child_wait> {
public:
  explicit child_wait(child_set& set) noexcept : set_(&set) {}
  child_wait(child_wait&& other) noexcept : wait_op(std::move(other)), set_(other.set_) {}
  ~child_wait() {
    if (set_->parent_ == this) set_->parent_ = nullptr;
  }

  bool ready() const noexcept { return set_->over(); }
  bool cancel(optional_text& message) noexcept override;
  std::string waits_for() const override;

private:
  friend wait_op;
  friend child_set;

  void park() override;
  void take() noexcept {}
  void wake_up() noexcept;

  child_set* set_;
};

} // namespace detail
RONDO_END_NAMESPACE
