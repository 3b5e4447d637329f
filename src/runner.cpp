// SPDX-License-Identifier: BSL-1.0
#include <rondo/runner.hpp>

#include "diagnostics.hpp"
#include "runner_impl.hpp"
#include "shutdown.hpp"

#include <rondo/errors.hpp>

#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <stdexcept>
#include <unistd.h>

#include <sys/syscall.h>

RONDO_BEGIN_NAMESPACE
namespace detail {

namespace {

bool is_main_thread() noexcept { return ::getpid() == static_cast<pid_t>(::syscall(SYS_gettid)); }

bool has_default_sigint() noexcept {
  struct sigaction current = {};
  return ::sigaction(SIGINT, nullptr, &current) == 0 && current.sa_handler == SIG_DFL;
}

/// Ctrl-C during a run: the first one cancels the main task, the second one leaves the loop at once.
class interrupt_watch {
public:
  interrupt_watch(loop_core& core, any_task main)
      : core_(core), main_(std::move(main)), signals_(core.executor(), SIGINT) {
    listen();
  }

  bool interrupted() const noexcept { return count_ > 0; }

private:
  void listen() {
    signals_.async_wait([this](boost::system::error_code ec, int) {
      if (ec) return;
      if (++count_ == 1 && !main_.done()) {
        main_.cancel();
        listen();
      } else {
        core_.interrupt(std::make_exception_ptr(keyboard_interrupt()));
      }
    });
  }

  loop_core& core_;
  any_task main_;
  int count_ = 0;
  boost::asio::signal_set signals_;
};

} // namespace

loop_runner::loop_runner(run_options options, bool virtual_time)
    : options_(std::move(options)), context_(std::make_unique<boost::asio::io_context>(1)),
      core_(attach(context_->get_executor(), context_.get())) {
  core_->virtual_time = virtual_time;
  if (options_.debug()) core_->debug = *options_.debug();
  variables_ = copy_context();
  variables_.share();
}

loop_runner::~loop_runner() {
  try {
    close();
  } catch (...) {
    log("exception while a runner was closed\n  exception: " + describe_exception(std::current_exception()));
  }
}

void loop_runner::check_runnable() const {
  if (!context_ || core_->closed()) throw std::runtime_error("Runner is closed");
  if (this_thread().core) throw std::runtime_error("run() cannot be called from a running event loop");
}

// While the loop ends, its tasks may still ask for it.
void loop_runner::check_open() const {
  if (closed_ && core_->closed()) throw std::runtime_error("Runner is closed");
}

void loop_runner::run_until_done(const any_future& main) {
  const event_loop loop(core_);
  // The callback may be in the queue already when an interrupt leaves the loop: it must not stop a later run.
  const auto current = std::make_shared<bool>(true);
  const callback_id id = main.add_done_callback([loop, current] {
    if (*current) loop.stop();
  });
  try {
    if (core_->virtual_time)
      core_->run_context(&run_on_virtual_time);
    else
      core_->run_forever();
  } catch (...) {
    *current = false;
    main.remove_done_callback(id);
    throw;
  }
  main.remove_done_callback(id);
  if (!main.done()) throw std::runtime_error("Event loop stopped before Future completed.");
}

void loop_runner::run_main(const any_task& main) {
  check_runnable();
  std::optional<interrupt_watch> watch;
  // On virtual time a pending signal handler would pass for I/O that may still complete.
  if (options_.handle_sigint() && !core_->virtual_time && is_main_thread() && has_default_sigint())
    watch.emplace(*core_, main);
  try {
    run_until_done(main);
  } catch (...) {
    if (main.done()) main.state("run").mark_retrieved();
    throw;
  }
  if (watch && watch->interrupted() && main.cancelled() && main.uncancel() == 0) {
    main.state("run").mark_retrieved();
    throw keyboard_interrupt();
  }
}

void loop_runner::close() {
  if (!context_ || closed_) return;
  closed_ = true;
  if (!core_->closed()) {
    const event_loop loop(core_);
    std::exception_ptr error;
    try {
      std::vector<any_task> tasks = all_tasks(loop);
      if (!tasks.empty()) {
        const ending_tasks ending(loop, std::move(tasks), options_.shutdown_timeout());
        run_until_done(ending.ended());
        ending.report();
      }
      const time_limit limit = options_.shutdown_timeout();
      if (core_->default_executor)
        run_internal(end_default_executor(loop, limit ? limit : time_limit(std::chrono::seconds(300))));
    } catch (...) {
      error = std::current_exception();
    }
    core_->close();
    if (error) std::rethrow_exception(error);
  }
}

void loop_runner::run_internal(awaitable<void> body) {
  const task<void> t =
      spawn(*core_, std::move(body), task_options().name("shutdown").eager(false), std::source_location::current());
  run_until_done(t);
  t.result();
}

} // namespace detail

struct runner::impl : detail::loop_runner {
  using loop_runner::loop_runner;
};

runner::runner(run_options options) : impl_(std::make_unique<impl>(std::move(options), false)) {}
runner::~runner() = default;

event_loop runner::loop() const {
  impl_->check_open();
  return event_loop(impl_->core());
}

void runner::close() { impl_->close(); }
const context& runner::context() const { return impl_->variables(); }
void runner::check_runnable() const { impl_->check_runnable(); }
void runner::run_main(const any_task& main) { impl_->run_main(main); }

RONDO_END_NAMESPACE
