// loop_pool: loops on several threads.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/loop_thread.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <source_location>
#include <utility>
#include <vector>

RONDO_BEGIN_NAMESPACE

/// Which loop of a pool gets the next source.
enum class pool_policy {
  round_robin,  // one after the other
  least_loaded, // the one with the fewest submissions that are not done
};

/// A number of `loop_thread`s. Thread safety: all members on any thread; `stop` and the destructor not on one of its own.
class RONDO_EXPORT loop_pool {
public:
  /// Throws: `std::invalid_argument` for 0 threads.
  explicit loop_pool(std::size_t threads, pool_policy policy = pool_policy::round_robin,
                     const run_options& options = {});
  loop_pool(const loop_pool&) = delete;
  loop_pool& operator=(const loop_pool&) = delete;

  /// A `stop()`.
  ~loop_pool();

  /// Runs a source as a task on one of the loops. Throws: `std::runtime_error("Event loop is closed")` after `stop`.
  template <class S>
  auto submit(S&& source, std::source_location where = std::source_location::current()) {
    const member& m = choose();
    auto result = run_coroutine_threadsafe(std::forward<S>(source), m.thread.loop(), where);
    ++*m.load;
    result.add_done_callback([load = m.load] { --*load; });
    return result;
  }

  std::vector<event_loop> loops() const;
  std::size_t size() const noexcept { return members_.size(); }

  /// Stops all threads, as `loop_thread::stop` does. A second call does nothing.
  void stop();

private:
  struct member {
    explicit member(const run_options& options) : thread(options) {}

    loop_thread thread;
    std::shared_ptr<std::atomic<std::ptrdiff_t>> load = std::make_shared<std::atomic<std::ptrdiff_t>>(0);
  };

  const member& choose() noexcept;

  std::vector<std::unique_ptr<member>> members_;
  pool_policy policy_;
  std::atomic<std::size_t> next_ = 0;
};

RONDO_END_NAMESPACE
