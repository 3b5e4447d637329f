// SPDX-License-Identifier: BSL-1.0
#include "loop_core.hpp"

#include <boost/asio/strand.hpp>

#include <algorithm>
#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace detail {
namespace {

/// The loops of an execution context. When the context shuts down, everything that is parked in them is dropped: nobody
/// else knows the coroutines, and they would leak.
class loop_service final : public boost::asio::execution_context::service {
public:
  static inline boost::asio::execution_context::id id;

  explicit loop_service(boost::asio::execution_context& c) : service(c) {}

  ~loop_service() override {
    for (ref<loop_core>& core : cores_)
      core->release_executor();
  }

  ref<loop_core> find_or_make(const boost::asio::any_io_executor& executor, boost::asio::io_context* owned) {
    std::lock_guard lock(mutex_);
    for (const ref<loop_core>& core : cores_)
      if (!core->closed() && core->executor() == executor) return core;
    // A loop that was closed may still be referred to by frames that the context holds, so it stays until the end.
    return cores_.emplace_back(new loop_core(executor, owned));
  }

private:
  void shutdown() override {
    for (ref<loop_core>& core : cores_)
      core->shut_down();
  }

  std::mutex mutex_;
  std::vector<ref<loop_core>> cores_;
};

} // namespace

ref<loop_core> attach(const boost::asio::any_io_executor& executor, boost::asio::io_context* owned) {
  if (!executor) throw std::invalid_argument("event_loop: the executor is empty");
  // Services end in the opposite order of their creation: strands must be able to take what this one drops.
  (void)boost::asio::make_strand(executor);
  auto& context = boost::asio::query(executor, boost::asio::execution::context);
  return boost::asio::use_service<loop_service>(context).find_or_make(executor, owned);
}

} // namespace detail
RONDO_END_NAMESPACE
