// SPDX-License-Identifier: BSL-1.0
#include <rondo/signals.hpp>

#include "loop_core.hpp"

#include <rondo/use_task.hpp>

#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include <csignal>
#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace detail {

namespace {

void check_signal(int number) {
  if (number <= 0 || number >= NSIG) throw std::invalid_argument(fmt::format("invalid signal number {}", number));
  if (number == SIGKILL || number == SIGSTOP) throw std::runtime_error(fmt::format("sig {} cannot be caught", number));
}

} // namespace

/// A signal handler of a loop. It is counted by its own pending wait, so that replacing it from inside is safe.
class signal_watch : public std::enable_shared_from_this<signal_watch> {
public:
  signal_watch(loop_core& core, int number, std::function<void()> f)
      : core_(core), signals_(core.executor(), number),
        function_(std::make_shared<std::function<void()>>(std::move(f))) {}

  void listen() {
    signals_.async_wait([self = shared_from_this()](boost::system::error_code ec, int) {
      if (ec) return;
      event_loop(ref<loop_core>(&self->core_)).call_soon([f = self->function_] { (*f)(); });
      self->listen();
    });
  }

  void replace(std::function<void()> f) { function_ = std::make_shared<std::function<void()>>(std::move(f)); }
  void stop() {
    // The pending wait holds this object, so it must be told to end.
    boost::system::error_code ignored;
    signals_.cancel(ignored);
    signals_.clear(ignored);
  }

private:
  loop_core& core_;
  boost::asio::signal_set signals_;
  std::shared_ptr<std::function<void()>> function_; // shared with calls that are on their way
};

void loop_core::stop_signals() noexcept {
  for (auto& [number, watch] : signals)
    watch->stop();
  signals.clear();
}

awaitable<int> wait_for_signal(std::vector<int> numbers) {
  boost::asio::signal_set signals(running_core().executor());
  for (int number : numbers) {
    check_signal(number);
    signals.add(number);
  }
  co_return co_await signals.async_wait(use_task);
}

} // namespace detail

void event_loop::add_signal_handler(int signal, std::function<void()> f) const {
  detail::check_signal(signal);
  detail::check_open(*core_);
  if (!f) throw std::invalid_argument("add_signal_handler: the function is empty; use remove_signal_handler");
  auto& handlers = core_->signals;
  if (const auto found = handlers.find(signal); found != handlers.end()) return found->second->replace(std::move(f));
  auto watch = std::make_shared<detail::signal_watch>(*core_, signal, std::move(f));
  watch->listen();
  handlers.emplace(signal, std::move(watch));
}

bool event_loop::remove_signal_handler(int signal) const {
  detail::check_signal(signal);
  const auto found = core_->signals.find(signal);
  if (found == core_->signals.end()) return false;
  found->second->stop();
  core_->signals.erase(found);
  return true;
}

RONDO_END_NAMESPACE
