// Work for other threads: to_thread, blocking, executors.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/concurrent_future.hpp>
#include <rondo/detail/callable.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE

/// Runs functions somewhere else. Python: `concurrent.futures.Executor`.
class RONDO_EXPORT executor {
public:
  virtual ~executor();

  /// Runs `f()` and gives its result. A job that has not begun can be cancelled.
  /// Throws: `std::runtime_error` after a shutdown. Thread safety: any thread.
  template <class F>
  auto submit(F&& f) -> concurrent_future<std::invoke_result_t<std::decay_t<F>&>> {
    using value = std::invoke_result_t<std::decay_t<F>&>;
    concurrent_future<value> result;
    post(detail::make_job([f = std::decay_t<F>(std::forward<F>(f)), result]() mutable {
      if (!result.set_running_or_notify_cancel()) return;
      std::exception_ptr error;
      try {
        if constexpr (std::is_void_v<value>) {
          f();
          result.set_result();
        } else {
          result.set_result(f());
        }
        return;
      } catch (...) {
        error = std::current_exception();
      }
      result.set_exception(std::move(error));
    }));
    return result;
  }

  /// Takes no more jobs and waits for those it has. Returns false if that takes longer than `limit`: the threads that are
  /// still busy are left to themselves then.
  virtual bool shutdown(time_limit limit = std::nullopt) = 0;

protected:
  virtual void post(std::unique_ptr<detail::job> job) = 0;
};

/// A bounded pool of threads; jobs beyond its size wait in a queue. Its destructor is a `shutdown()`.
/// Python: `ThreadPoolExecutor`.
class RONDO_EXPORT thread_pool_executor final : public executor {
public:
  /// Throws: `std::invalid_argument` for 0 threads.
  explicit thread_pool_executor(std::size_t threads = default_size());
  ~thread_pool_executor() override;

  bool shutdown(time_limit limit = std::nullopt) override;

  std::size_t size() const noexcept;

  /// As in Python: the number of processors and four more, at most 32.
  static std::size_t default_size() noexcept;

private:
  struct impl;

  void post(std::unique_ptr<detail::job> job) override;

  std::shared_ptr<impl> impl_;
};

namespace detail {

/// The executor to use on a loop: the given one, else the default one, which is made when it is first needed.
RONDO_EXPORT std::shared_ptr<executor> choose_executor(loop_core& core, std::shared_ptr<executor> e);

template <class R, class F, class... Args>
awaitable<R> call_in_thread(F f, std::tuple<Args...> args) {
  auto call = [f, args = std::move(args), variables = copy_context()]() mutable -> R {
    return variables.run([&]() -> R { return std::apply(f, std::move(args)); });
  };
  const event_loop loop = get_running_loop();
  future<R> result = loop.run_in_executor(nullptr, std::move(call));
  co_return co_await result.get();
}

/// Keeps a frame alive until a thread no longer uses it, also when the frame is destroyed at the end of the loop.
template <class R>
class thread_in_frame {
public:
  explicit thread_in_frame(concurrent_future<R> f, std::stop_source stop)
      : future_(std::move(f)), stop_(std::move(stop)) {}
  thread_in_frame(const thread_in_frame&) = delete;
  thread_in_frame& operator=(const thread_in_frame&) = delete;
  ~thread_in_frame() {
    if (future_.done()) return;
    stop_.request_stop();
    if (future_.cancel()) return;
    wait_for_thread(future_);
  }

private:
  static void wait_for_thread(const concurrent_future<R>& f) {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    f.add_done_callback([&] {
      std::lock_guard lock(mutex);
      done = true;
      changed.notify_all();
    });
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return done; });
  }

  concurrent_future<R> future_;
  std::stop_source stop_;
};

/// A future of the running loop that is done when `f` is.
template <class R>
future<void> ended(const concurrent_future<R>& f) {
  const event_loop loop = get_running_loop();
  const future<void> result = loop.create_future<void>();
  auto pending = std::make_shared<external_job>(loop.core());
  f.add_done_callback([loop, result, pending] {
    try {
      loop.call_soon_threadsafe([result, pending] {
        pending->end();
        if (!result.done()) result.set_result();
      });
    } catch (const std::runtime_error&) { // the loop was closed
    }
  });
  return result;
}

template <class R, class F>
awaitable<R> call_blocking(F f) {
  std::stop_source stop;
  const event_loop loop = get_running_loop();
  auto call = [&f, token = stop.get_token()]() -> R {
    if constexpr (std::invocable<std::remove_reference_t<F>&, std::stop_token>)
      return f(token);
    else
      return f();
  };
  const concurrent_future<R> result = choose_executor(loop.core(), nullptr)->submit(call);
  const thread_in_frame<R> in_use(result, stop);
  std::exception_ptr cancellation;
  for (;;) {
    const future<void> end = ended(result);
    try {
      co_await end.get();
      break;
    } catch (const cancelled_error&) {
      cancellation = std::current_exception();
    }
    stop.request_stop();
    if (result.cancel()) break; // it had not begun
  }
  if (cancellation) std::rethrow_exception(cancellation);
  co_return result.result();
}

template <class F>
struct blocking_result {
  using type = void;
};
template <class F>
  requires std::invocable<std::remove_reference_t<F>&, std::stop_token>
struct blocking_result<F> {
  using type = std::invoke_result_t<std::remove_reference_t<F>&, std::stop_token>;
};
template <class F>
  requires(!std::invocable<std::remove_reference_t<F>&, std::stop_token> && std::invocable<std::remove_reference_t<F>&>)
struct blocking_result<F> {
  using type = std::invoke_result_t<std::remove_reference_t<F>&>;
};

} // namespace detail

/// Runs `f(args...)` in a thread of the default executor: `co_await to_thread(&read_file, path)`.
///
/// f is a function or a lambda without captures, and gets copies of the arguments and of the context, because the call
/// may outlive the caller. Cancellation: the wait ends at once, the thread goes on, and what it returns or throws is
/// dropped; use `blocking` to wait for it. Throws: what f throws; `std::runtime_error` after the executor was shut down.
/// asyncio: `to_thread`.
template <class F, class... Args>
auto to_thread(F f, Args... args) {
  static_assert(
      std::is_empty_v<F> || std::is_pointer_v<F> || std::is_member_pointer_v<F>,
      "to_thread takes a function or a lambda without captures, and values as arguments, because the thread may "
      "outlive the caller; use blocking(f) for a lambda with captures");
  static_assert(std::invocable<F, Args...>, "to_thread: the function cannot be called with these arguments");
  using value = std::invoke_result_t<F, Args...>;
  static_assert(!std::is_reference_v<value>, "to_thread: the function must return a value, not a reference");
  return detail::call_in_thread<value>(std::move(f), std::tuple<Args...>(std::move(args)...));
}

/// Runs `f()` in a thread of the default executor and waits for its end in any case: `co_await blocking([&] { ... })`.
///
/// f may use the caller's variables. It may take a `std::stop_token`, with which a cancellation asks it to end early.
/// Cancellation: the wait goes on until f has ended, then `cancelled_error` is thrown and what f returned is dropped; an f
/// that has not begun is not called. Throws: what f throws; `std::runtime_error` after the executor was shut down.
template <class F>
auto blocking(F&& f) {
  using function = std::remove_reference_t<F>;
  constexpr bool callable = std::invocable<function&> || std::invocable<function&, std::stop_token>;
  static_assert(callable, "blocking takes a function without arguments, or one that takes a std::stop_token");
  static_assert(
      detail::safe_in_await<F>,
      "blocking: capture by reference, or name the lambda first: this compiler destroys a temporary closure with "
      "owning captures twice in an expression with co_await");
  using value = typename detail::blocking_result<F>::type;
  static_assert(!detail::awaits<value>, "blocking takes a plain function; a coroutine is awaited without it");
  if constexpr (std::is_lvalue_reference_v<F>)
    return detail::call_blocking<value, F>(f);
  else
    return detail::call_blocking<value, function>(std::move(f));
}

template <class F>
auto event_loop::run_in_executor(std::shared_ptr<executor> e, F&& f) const {
  static_assert(std::invocable<std::decay_t<F>&>, "run_in_executor takes a function without arguments");
  return detail::wrap_future_for(*this, detail::choose_executor(*core_, std::move(e))->submit(std::forward<F>(f)));
}

RONDO_END_NAMESPACE
