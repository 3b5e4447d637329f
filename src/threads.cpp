// SPDX-License-Identifier: BSL-1.0
#include <rondo/threads.hpp>

#include "loop_core.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

RONDO_BEGIN_NAMESPACE

executor::~executor() = default;

struct thread_pool_executor::impl {
  explicit impl(std::size_t threads) : size(threads), pool(std::make_unique<boost::asio::thread_pool>(threads)) {}

  const std::size_t size;
  std::unique_ptr<boost::asio::thread_pool> pool;
  std::mutex mutex;
  std::condition_variable idle;
  std::size_t jobs = 0; // taken and not finished
  bool closed = false;
};

thread_pool_executor::thread_pool_executor(std::size_t threads) {
  if (threads == 0) throw std::invalid_argument("thread_pool_executor: it needs at least one thread");
  impl_ = std::make_shared<impl>(threads);
}

thread_pool_executor::~thread_pool_executor() { shutdown(); }

std::size_t thread_pool_executor::size() const noexcept { return impl_->size; }

std::size_t thread_pool_executor::default_size() noexcept {
  return std::min<std::size_t>(32, std::max(1u, std::thread::hardware_concurrency()) + 4);
}

void thread_pool_executor::post(std::unique_ptr<detail::job> job) {
  std::lock_guard lock(impl_->mutex);
  if (impl_->closed) throw std::runtime_error("cannot schedule new futures after shutdown of the executor");
  ++impl_->jobs;
  boost::asio::post(*impl_->pool, [state = impl_.get(), job = std::move(job)]() mutable {
    job->run();
    job.reset(); // what the job held goes before it counts as finished
    std::lock_guard done(state->mutex);
    if (--state->jobs == 0) state->idle.notify_all();
  });
}

bool thread_pool_executor::shutdown(time_limit limit) {
  std::unique_lock lock(impl_->mutex);
  impl_->closed = true;
  const auto ended = [this] { return impl_->jobs == 0; };
  if (!limit || *limit == clock::duration::max())
    impl_->idle.wait(lock, ended);
  else if (!impl_->idle.wait_for(lock, *limit, ended)) {
    // Threads cannot be ended from outside: the pool and what its threads use stay for the rest of the process.
    static auto& abandoned = *new std::vector<std::shared_ptr<impl>>;
    static std::mutex abandoned_mutex;
    std::lock_guard guard(abandoned_mutex);
    abandoned.push_back(impl_);
    impl_->jobs = 0;
    (void)impl_->pool.release();
    return false;
  }
  std::unique_ptr<boost::asio::thread_pool> pool = std::move(impl_->pool);
  lock.unlock();
  if (pool) pool->join();
  return true;
}

void event_loop::set_default_executor(std::shared_ptr<executor> e) const { core_->default_executor = std::move(e); }

namespace detail {

std::shared_ptr<executor> choose_executor(loop_core& core, std::shared_ptr<executor> e) {
  if (e) return e;
  check_open(core);
  if (core.executor_shut_down) throw std::runtime_error("Executor shutdown has been called");
  if (!core.default_executor) core.default_executor = std::make_shared<thread_pool_executor>();
  return core.default_executor;
}

} // namespace detail
RONDO_END_NAMESPACE
