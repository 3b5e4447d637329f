// Testing on virtual time: hours pass in microseconds, and a deadlock is an error.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>

#include <memory>
#include <source_location>
#include <stdexcept>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace detail {
class loop_runner;
}

namespace testing {

/// Nothing is ready, no timer is armed, nothing is expected from outside, and the main task has not ended. `what()`
/// lists the tasks and what they wait for.
class RONDO_EXPORT deadlock_error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
  ~deadlock_error() override;
};

/// A `runner` on virtual time. The clock starts at 0 and jumps to the next timer when nothing is ready.
///
/// Work on other threads (`to_thread`, `wrap_future`) is waited for before the clock moves. Plain Asio I/O is given a
/// millisecond of real time first; prefer tests without it. Thread safety: one thread.
class RONDO_EXPORT virtual_runner {
public:
  explicit virtual_runner(run_options options = {});
  virtual_runner(const virtual_runner&) = delete;
  virtual_runner& operator=(const virtual_runner&) = delete;
  ~virtual_runner();

  /// As `runner::run`. Throws also: `deadlock_error`.
  template <class S>
  typename detail::task_value<S>::type run(S&& source, std::source_location where = std::source_location::current()) {
    detail::require_source<S>();
    using value = typename detail::task_value<S>::type;
    awaitable<value> body = detail::as_awaitable(std::forward<S>(source));
    check_runnable();
    task<value> main = detail::spawn(loop().core(), std::move(body),
                                     task_options().name("main").context(context()).eager(false), where);
    run_main(main);
    return main.result();
  }

  event_loop loop() const;
  void close();

private:
  const rondo::context& context() const;
  void check_runnable() const;
  void run_main(const any_task& main);

  std::unique_ptr<detail::loop_runner> impl_;
};

/// `rondo::run` on virtual time.
template <class S>
typename detail::task_value<S>::type run_virtual(S&& source, run_options options = {},
                                                 std::source_location where = std::source_location::current()) {
  virtual_runner r(std::move(options));
  return r.run(std::forward<S>(source), where);
}

/// Waits for n passes of the loop.
RONDO_EXPORT awaitable<void> passes(int n);

/// Moves the virtual clock while the loop is busy, as a long computation would. Timers fire in the next pass.
/// Throws: `std::runtime_error` if the running loop is not on virtual time.
RONDO_EXPORT void advance(time_limit d);

/// Waits until nothing else is ready: every other task is parked. Timers do not count.
RONDO_EXPORT awaitable<void> settle_all();

} // namespace testing
RONDO_END_NAMESPACE
