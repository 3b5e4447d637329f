// run and runner: a program's way into a loop.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/event_loop.hpp>
#include <rondo/time.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <source_location>
#include <utility>

RONDO_BEGIN_NAMESPACE

/// How `run` and `runner` work: `run_options().debug(true).shutdown_timeout(5s)`.
class RONDO_EXPORT run_options {
public:
  run_options() = default;

  /// Debug mode; by default on if the environment has RONDO_DEBUG=1.
  run_options& debug(bool b) & { return debug_ = b, *this; }
  run_options&& debug(bool b) && { return std::move(debug(b)); }

  /// How long the end of `run` waits for cancelled tasks and for threads of the default executor before it reports them
  /// and goes on without them. By default tasks are waited for without limit and threads for 300 s, as in asyncio.
  run_options& shutdown_timeout(time_limit d) & { return shutdown_timeout_ = d, *this; }
  run_options&& shutdown_timeout(time_limit d) && { return std::move(shutdown_timeout(d)); }

  /// Whether Ctrl-C cancels the main task (the second one leaves at once). Only on the main thread, and only if SIGINT
  /// has its default action. On by default.
  run_options& handle_sigint(bool b) & { return handle_sigint_ = b, *this; }
  run_options&& handle_sigint(bool b) && { return std::move(handle_sigint(b)); }

  std::optional<bool> debug() const noexcept { return debug_; }
  time_limit shutdown_timeout() const noexcept { return shutdown_timeout_; }
  bool handle_sigint() const noexcept { return handle_sigint_; }

private:
  std::optional<bool> debug_;
  time_limit shutdown_timeout_ = std::nullopt;
  bool handle_sigint_ = true;
};

/// An owned loop in which several coroutines can be run one after another.
///
/// Thread safety: one thread at a time. asyncio: `Runner`.
class RONDO_EXPORT runner {
public:
  explicit runner(run_options options = {});
  runner(const runner&) = delete;
  runner& operator=(const runner&) = delete;
  ~runner();

  /// Runs a source as the main task until it has ended, and gives its result. All runs share one context.
  ///
  /// Throws: what the source throws; `cancelled_error` if it was cancelled; `keyboard_interrupt` if Ctrl-C ended it;
  /// `std::runtime_error` inside a running loop and after `close()`. The source is destroyed then.
  template <class S>
  typename detail::task_value<S>::type run(S&& source, std::source_location where = std::source_location::current()) {
    detail::require_source<S>();
    using value = typename detail::task_value<S>::type;
    awaitable<value> body = detail::as_awaitable(std::forward<S>(source));
    check_runnable();
    task<value> main =
        detail::spawn(loop().core(), std::move(body), task_options().context(context()).eager(false), where);
    run_main(main);
    return main.result();
  }

  /// The loop; usable before and between runs. Throws: `std::runtime_error` after `close()`.
  event_loop loop() const;

  /// Cancels all tasks and waits for them, reports their exceptions, ends the default executor, and closes the loop.
  /// The destructor does the same. A second call does nothing.
  void close();

private:
  struct impl;

  const rondo::context& context() const;
  void check_runnable() const;
  void run_main(const any_task& main);

  std::unique_ptr<impl> impl_;
};

/// Runs a source in a new loop on this thread until it has ended, cancels and awaits what other tasks are left, and
/// gives its result. The main entry point of a program. asyncio: `asyncio.run`.
///
/// Throws: what the source throws; `cancelled_error`; `keyboard_interrupt`; `std::runtime_error` inside a running loop.
template <class S>
typename detail::task_value<S>::type run(S&& source, run_options options = {},
                                         std::source_location where = std::source_location::current()) {
  runner r(std::move(options));
  return r.run(std::forward<S>(source), where);
}

RONDO_END_NAMESPACE
