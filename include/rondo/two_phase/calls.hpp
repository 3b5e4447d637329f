// calls: how the functions of coordinators and participants get to the loop that these belong to. For the library itself.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/async.hpp>
#include <rondo/concurrent_future.hpp>
#include <rondo/event_loop.hpp>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

/// Waits for the outcome of a future, whatever happens. A cancellation is told to `on_cancel`, once, from the loop, and
/// stays pending: it is delivered at the task's next wait.
template <class T>
class [[nodiscard]] steady_wait final : public rondo::detail::wait_op<T, steady_wait<T>> {
public:
  steady_wait(const future<T>& awaited, std::function<void()> on_cancel)
      : state_(&awaited.state("get")), on_cancel_(std::move(on_cancel)) {}

  bool ready() const noexcept { return state_->done(); }
  rondo::detail::loop_core* home() noexcept override { return &state_->core(); }
  std::string waits_for() const override { return "a decision"; }

  bool cancel(rondo::detail::optional_text&) noexcept override {
    if (!on_cancel_) return false;
    try {
      const event_loop loop{rondo::detail::ref<rondo::detail::loop_core>(&state_->core())};
      loop.call_soon(std::exchange(on_cancel_, nullptr));
    } catch (...) {
      rondo::detail::report(state_->core(), "a cancellation could not be passed on", std::current_exception());
    }
    return false;
  }

private:
  friend rondo::detail::wait_op<T, steady_wait>;

  void park() override {
    this->keeps_outcome_ = true;
    state_->add_waiter(*this);
    this->parked();
  }

  T take() { return rondo::detail::take_result<T>(*state_); }

  rondo::detail::ref<rondo::detail::future_state_base> state_;
  std::function<void()> on_cancel_;
};

/// Starts a task whose outcome is told even if a cancellation of it is pending when it returns.
template <class T, class F>
task<T> start_call(const event_loop& home, F&& f) {
  auto running = home.create_task(std::forward<F>(f));
  running.state("call").as_task()->keeps_value = true;
  return running;
}

/// A task on another loop, and what cancels it.
template <class T>
struct distant_call {
  concurrent_future<T> result;
  any_task task; // used on its loop
  bool cancelled = false;
};

template <class T, class F>
awaitable<T> call_from_elsewhere(event_loop home, F f) {
  auto call = std::make_shared<distant_call<T>>();
  home.call_soon_threadsafe(
      [call, home, guard = rondo::detail::unfinished<T>(call->result), f = std::move(f)]() mutable {
        const auto running = start_call<T>(home, std::move(f));
        call->task = running;
        running.add_done_callback([call, guard = std::move(guard)](const task<T>& done) mutable {
          guard.disarm();
          rondo::detail::copy_outcome(done, call->result);
          call->task = any_task();
        });
        if (call->cancelled) running.cancel();
      });
  auto cancel = [home, call] {
    try {
      home.call_soon_threadsafe([call] {
        call->cancelled = true;
        if (call->task) call->task.cancel();
      });
    } catch (const std::runtime_error&) { // that loop is closed, and the call ends with an error
    }
  };
  const future<T> answer = wrap_future(call->result);
  steady_wait<T> wait(answer, std::move(cancel));
  co_return co_await std::move(wait);
}

/// Runs `f()`, which gives an awaitable<T>, on a loop: here, if that is the running one, else as a task over there.
///
/// Cancellation: is passed on, and the outcome is waited for. Where `f` gives one all the same, the cancellation stays
/// pending and is delivered at the next wait.
template <class T, class F>
awaitable<T> call_on(const event_loop& home, F f) {
  if (rondo::detail::running_core_or_null() == &home.core()) return f();
  return call_from_elsewhere<T>(home, std::move(f));
}

/// The twin of `call_on` with a completion token, for any thread.
///
/// The handler runs on its associated executor, by default the loop's. Its cancellation slot cancels the task, which tells
/// its outcome all the same where it has one.
template <class T, class F, class Token>
auto initiate_on(const event_loop& home, F f, Token&& token) {
  return boost::asio::async_initiate<Token, typename rondo::detail::plain_signature<T>::type>(
      [](auto&& handler, event_loop loop, F call) {
        auto start = [loop, call = std::move(call), handler = std::forward<decltype(handler)>(handler)]() mutable {
          async_get(start_call<T>(loop, std::move(call)), std::move(handler));
        };
        if (rondo::detail::running_core_or_null() == &loop.core())
          start();
        else
          loop.call_soon_threadsafe(std::move(start));
      },
      token, home, std::move(f));
}

} // namespace two_phase::detail
RONDO_END_NAMESPACE
