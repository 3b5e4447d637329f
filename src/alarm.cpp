// SPDX-License-Identifier: BSL-1.0
#include "alarm.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

#include <chrono>

RONDO_BEGIN_NAMESPACE
namespace detail {

namespace {

using io_executor = boost::asio::io_context::executor_type;

/// The io_context's own executor behind that of a loop, if there is one. A timer on a strand would hold more than the one
/// unit of work that the timer is.
boost::asio::any_io_executor timer_executor(const boost::asio::any_io_executor& executor) {
  if (const auto* strand = executor.target<boost::asio::strand<io_executor>>()) return strand->get_inner_executor();
  return executor;
}

} // namespace

alarm::alarm(const boost::asio::any_io_executor& executor, std::function<void()> ring)
    : executor_(executor), timer_(timer_executor(executor)), ring_(std::move(ring)) {}

void alarm::arm(std::int64_t deadline) {
  if (armed_ && deadline_ <= deadline) return;
  disarm();
  timer_.expires_at(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(deadline)));
  armed_ = true;
  deadline_ = deadline;
  timer_.async_wait([this, generation = generation_](boost::system::error_code ec) {
    if (ec || generation != generation_) return;
    correct(true);
    armed_ = false;
    executor_.execute(ring_);
  });
}

void alarm::disarm() {
  if (!armed_) return;
  correct(true);
  ++generation_;
  armed_ = false;
  timer_.cancel();
}

void alarm::count_as_work(bool counts) {
  if (armed_) correct(counts);
}

void alarm::correct([[maybe_unused]] bool counts) {
#if !defined(BOOST_ASIO_NO_TS_EXECUTORS)
  if (counted_ == counts) return;
  const auto any = timer_.get_executor();
  const auto* executor = any.target<io_executor>();
  if (!executor) return;
  if (counts)
    executor->on_work_started();
  else
    executor->on_work_finished();
  counted_ = counts;
#endif
}

} // namespace detail
RONDO_END_NAMESPACE
