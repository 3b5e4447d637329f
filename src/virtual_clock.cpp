// SPDX-License-Identifier: BSL-1.0
#include <rondo/testing/virtual_clock.hpp>

#include "runner_impl.hpp"

#include <rondo/diagnostics.hpp>

#include <boost/asio/post.hpp>

#include <chrono>
#include <limits>
#include <sstream>

RONDO_BEGIN_NAMESPACE
namespace detail {

namespace {

[[noreturn]] void throw_deadlock(loop_core& core) {
  std::ostringstream text;
  text << "deadlock: nothing is ready, no timer is armed, and these tasks wait:\n";
  dump_tasks(event_loop(ref<loop_core>(&core)), text);
  throw testing::deadlock_error(text.str());
}

} // namespace

void run_on_virtual_time(loop_core& core) {
  boost::asio::io_context& io = *core.owned_context();
  for (;;) {
    io.poll();
    if (core.leaving()) return;
    if (core.has_ready()) {
      io.restart();
      continue;
    }
    const bool timer =
        !core.timers().empty() && core.timers().next_deadline() != std::numeric_limits<std::int64_t>::max();
    const bool outside = !io.stopped(); // Asio stops a context that has nothing to wait for
    if (core.external_jobs.load() > 0) {
      // The completion comes through the inbox, which is work only once it is there.
      auto guard = boost::asio::make_work_guard(io);
      io.restart();
      io.run_one_for(std::chrono::milliseconds(50));
      continue;
    }
    if (outside && (timer ? io.run_one_for(std::chrono::milliseconds(1)) : io.run_one()) > 0) continue;
    if (!timer) throw_deadlock(core);
    core.virtual_now = std::max(core.virtual_now, core.timers().next_deadline());
    io.restart();
    boost::asio::post(io,
                      [&core] { core.drain(); }); // inside the context, where the coroutines of new tasks start at once
  }
}

} // namespace detail

namespace testing {

deadlock_error::~deadlock_error() = default;

virtual_runner::virtual_runner(run_options options)
    : impl_(std::make_unique<detail::loop_runner>(std::move(options), true)) {}
virtual_runner::~virtual_runner() = default;

event_loop virtual_runner::loop() const { return event_loop(impl_->core()); }
void virtual_runner::close() { impl_->close(); }
const context& virtual_runner::context() const { return impl_->variables(); }
void virtual_runner::check_runnable() const { impl_->check_runnable(); }
void virtual_runner::run_main(const any_task& main) { impl_->run_main(main); }

awaitable<void> passes(int n) {
  for (int i = 0; i < n; ++i)
    co_await sleep(clock::duration::zero());
}

void advance(time_limit d) {
  detail::loop_core& core = detail::running_core();
  if (!core.virtual_time) throw std::runtime_error("testing::advance: the running loop is not on virtual time");
  if (*d <= clock::duration::zero()) return;
  constexpr std::int64_t last = std::numeric_limits<std::int64_t>::max() - 1; // what has no end stays in the future
  core.virtual_now = (*d).count() > last - core.virtual_now ? last : core.virtual_now + (*d).count();
}

awaitable<void> settle_all() {
  // Counted by a guard: a cancellation may end the wait.
  struct settler {
    explicit settler(detail::loop_core& c) noexcept : core(&c) { ++c.settlers; }
    settler(const settler&) = delete;
    settler& operator=(const settler&) = delete;
    ~settler() { --core->settlers; }
    detail::ref<detail::loop_core> core;
  };
  const settler self(detail::running_core());
  do
    co_await sleep(clock::duration::zero());
  while (self.core->others_ready());
}

} // namespace testing
RONDO_END_NAMESPACE
